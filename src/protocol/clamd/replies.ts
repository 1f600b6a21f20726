/** clamd's words, by which its clients distinguish replies (clamd(8); session.c and scanner.c of 1.4). */
export const clamdWords = {
  clean: 'OK',
  /** Behind the name of what was found. */
  found: ' FOUND',
  /** Behind the reason for an unknown answer. */
  failed: ' ERROR',
  /** The whole reply if a stream is longer than StreamMaxLength. */
  streamTooLong: 'INSTREAM size limit exceeded. ERROR',
  /** The answer about a descriptor of a FIFO, a directory, a socket or a device. */
  noRegularFile: 'Not a regular file ERROR',
  /** What an answer is about: the bytes after INSTREAM. A path or `fd[9]` may stand in its place. */
  stream: 'stream',
} as const

/** What is answered about a content. It begins with `about`: `stream`, `fd[9]`, a path. */
export type ContentReply = { readonly about: string } & (
  | { readonly is: 'clean' }
  | { readonly is: 'found'; readonly name: string }
  | { readonly is: 'failed'; readonly why: string; readonly isTooLong?: boolean }
)

/** The reply as clamd words it: `stream: OK`, `stream: NAME FOUND`, `stream: WHY ERROR`. */
export function replyLine(reply: ContentReply): string {
  const { about } = reply
  switch (reply.is) {
    case 'clean':
      return `${about}: ${clamdWords.clean}`
    case 'found':
      return `${about}: ${reply.name}${clamdWords.found}`
    case 'failed':
      if (reply.isTooLong && about === clamdWords.stream) return clamdWords.streamTooLong
      return `${about}: ${reply.why}${clamdWords.failed}`
  }
}
