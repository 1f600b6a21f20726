/** Bytes of TOP_LINE. */
const LENGTH = 1024

/**
 * The line that scanners find above every message. It is the first field for them, and no
 * sender's: libclamav takes a file for mail, for a PDF or for a program by its first bytes,
 * and `%PDF-1.4: x` or plain `Content-Type:` are fields that anybody may write first. A
 * file that begins with `Received: ` is mail. It looks at no more than the first 1,024
 * bytes for that, and some marks of files stand among them (`ustar` at 257, `EFI PART` at
 * 512), where a sender could put them below a short line: so blanks fill all of them.
 * The line is neither hashed nor queued. (The C client writes it, too: src/c/onescanc/spool.c.)
 */
export const TOP_LINE = Buffer.from(
  `${'Received: by onescan, for scanners alone'.padEnd(LENGTH - 1)}\n`,
  'latin1',
)
