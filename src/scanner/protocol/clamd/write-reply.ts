/** The texts by which clients of clamd distinguish replies (clamd(8); session.c and scanner.c of 1.4). */
export const clamdWords = {
  clean: 'OK',
  /** Follows the name of the finding. */
  found: ' FOUND',
  /** Follows the reason for an unknown answer. */
  failed: ' ERROR',
  /** The whole reply if a stream is longer than StreamMaxLength. */
  streamTooLong: 'INSTREAM size limit exceeded. ERROR',
  /** The answer about a descriptor of a FIFO, a directory, a socket or a device. */
  noRegularFile: 'Not a regular file ERROR',
  /** The last bytes for a client that has sent no whole command in time, without a number and with any ending. */
  readTimedOut: 'COMMAND READ TIMED OUT',
  /** The subject of an answer about the bytes after INSTREAM. A path or `fd[9]` may replace it. */
  stream: 'stream',
} as const

/** The answer about a content. It begins with `subject`: `stream`, `fd[9]`, a path. */
export type ContentReply = { readonly subject: string } & (
  | { readonly kind: 'clean' }
  | { readonly kind: 'found'; readonly name: string }
  | { readonly kind: 'failed'; readonly reason: string; readonly isTooLong?: boolean }
)

/** Returns the reply in clamd's wording: `stream: OK`, `stream: NAME FOUND`, `stream: WHY ERROR`. */
export function replyLine(reply: ContentReply): string {
  const { subject } = reply
  switch (reply.kind) {
    case 'clean':
      return `${subject}: ${clamdWords.clean}`
    case 'found':
      return `${subject}: ${reply.name}${clamdWords.found}`
    case 'failed':
      if (reply.isTooLong && subject === clamdWords.stream) return clamdWords.streamTooLong
      return `${subject}: ${reply.reason}${clamdWords.failed}`
  }
}
