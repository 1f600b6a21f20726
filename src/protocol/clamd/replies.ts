/** clamd's words, by which its clients tell replies apart (clamd(8); session.c and scanner.c of 1.4). */
export const clamdWords = {
  clean: 'OK',
  /** Behind the name of what was found. */
  found: ' FOUND',
  /** Behind the reason why it could not tell. */
  failed: ' ERROR',
  /** The whole reply if a stream is longer than StreamMaxLength. */
  streamTooLong: 'INSTREAM size limit exceeded. ERROR',
  /** The answer about a descriptor of a FIFO, a directory, a socket or a device. */
  noRegularFile: 'Not a regular file ERROR',
  /** What an answer is about: the bytes after INSTREAM. A path or `fd[9]` may stand in its place. */
  stream: 'stream',
} as const
