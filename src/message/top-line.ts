/**
 * The line that scanners find above every message. It is the first field for them, and no
 * sender's: libclamav takes a file for mail, for a PDF or for a program by its first bytes,
 * and `%PDF-1.4: x` or plain `Content-Type:` are fields that anybody may write first. A
 * file that begins with `Received: ` is mail. The line is neither hashed nor queued.
 * (The C client writes it, too: onescanc.c.)
 */
export const TOP_LINE = Buffer.from('Received: by onescan, for scanners alone\n', 'latin1')
