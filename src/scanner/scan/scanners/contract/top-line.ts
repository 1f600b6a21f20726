/** Bytes of TOP_LINE. */
const TOP_LENGTH = 1024

/**
 * The line that scanners receive above every message, as its first field. The line is neither hashed nor
 * queued.
 *
 * libclamav recognizes mail, PDF and programs by their first bytes, and a sender may begin a message with
 * `%PDF-1.4: x`. A file that begins with `Received: ` is mail. libclamav reads the first 1,024 bytes for
 * that. Some marks of files are further down (`ustar` at 257, `EFI PART` at 512), where a sender could put
 * them below a short line: so blanks fill all 1,024 bytes.
 */
export const TOP_LINE = Buffer.from(
  `${'Received: by onescan, for scanners alone'.padEnd(TOP_LENGTH - 1)}\n`,
  'latin1',
)
