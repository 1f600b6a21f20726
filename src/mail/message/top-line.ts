/** Bytes of TOP_LINE. */
const LENGTH = 1024

/**
 * The line that scanners find above every message, as its first field. libclamav takes a file for mail,
 * for a PDF or for a program by its first bytes, and a sender may begin a message with `%PDF-1.4: x`. A
 * file that begins with `Received: ` is mail. libclamav looks at the first 1,024 bytes for that, and
 * some marks of files stand further down (`ustar` at 257, `EFI PART` at 512), where a sender could put
 * them below a short line: so blanks fill all 1,024 bytes. The line is neither hashed nor queued.
 */
export const TOP_LINE = Buffer.from(
  `${'Received: by onescan, for scanners alone'.padEnd(LENGTH - 1)}\n`,
  'latin1',
)
