import { findHeaderEnd, HEADER_MAX } from '../../../message/header-block.ts'
import type { Message } from '../../../message/spool.ts'
import type { Gathering } from './gathering.ts'

const LF = 0x0a

/** A message that comes as a stream of bytes, in any split. */
export interface MessageStream {
  write(bytes: Buffer): void
  /** Resolves with the message, which the caller closes. No bytes may be written any more. */
  finish(): Promise<Message>
  /** Frees everything. It is called once the message is closed, or if there will be no message. */
  discard(): void
}

/**
 * Splits bytes into header block and body. The block stays in memory until its end comes, or it is
 * too large: of a header block over HEADER_MAX, only the beginning is kept.
 */
export function createMessageStream(gathering: Gathering): MessageStream {
  let state: 'header' | 'body' | 'too large' = 'header'
  let lineStart = 0

  /** Holds bytes of the header block, and returns whether the block has ended. */
  function holdHeader(bytes: Buffer): boolean {
    gathering.addToHeader(bytes)
    if (!bytes.includes(LF)) return false
    const found = findHeaderEnd(gathering.inMemory, lineStart)
    if ('next' in found) lineStart = found.next
    return 'end' in found
  }

  return {
    write(bytes) {
      if (state === 'body') return gathering.addToBody(bytes)
      if (state === 'too large') return
      const piece = bytes.subarray(0, HEADER_MAX + 1 - gathering.inMemory.length)
      if (holdHeader(piece)) {
        state = 'body'
        gathering.addToBody(bytes.subarray(piece.length))
      } else if (gathering.inMemory.length > HEADER_MAX) state = 'too large'
    },
    finish: gathering.finish,
    discard: gathering.discard,
  }
}
