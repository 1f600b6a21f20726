import { findHeaderEnd, HEADER_MAX } from '../../../message/header-block.ts'
import { Gathering } from './gathering.ts'

const LF = 0x0a

/**
 * A message that comes as a stream of bytes, in any split: header block and body. The block stays
 * in memory until its end comes, or it is too large: of a header block over HEADER_MAX, only the
 * beginning is kept.
 */
export class MessageStream extends Gathering {
  #stage: 'header' | 'body' | 'too large' = 'header'
  #lineStart = 0

  write(bytes: Buffer): void {
    if (this.#stage === 'body') this.addToBody(bytes)
    if (this.#stage !== 'header') return
    const piece = bytes.subarray(0, HEADER_MAX + 1 - this.inMemory.length)
    if (this.#endsHeader(piece)) {
      this.#stage = 'body'
      this.addToBody(bytes.subarray(piece.length))
    } else if (this.inMemory.length > HEADER_MAX) this.#stage = 'too large'
  }

  /** Holds bytes of the header block, and returns whether the block has ended. */
  #endsHeader(bytes: Buffer): boolean {
    this.addToHeader(bytes)
    if (!bytes.includes(LF)) return false
    const found = findHeaderEnd(this.inMemory, this.#lineStart)
    if ('next' in found) this.#lineStart = found.next
    return 'end' in found
  }
}
