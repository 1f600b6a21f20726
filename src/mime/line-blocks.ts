import { CR, LF } from './shared/lines.ts'

/** Bytes of a line that are looked at together; a longer one is taken in pieces. */
const LINE_MAX = 16 * 1024

/**
 * Makes of bytes, in any split, blocks of whole lines, and of a long line pieces; `midLine` tells
 * that a block goes on with a line of the one before. A block is valid until `take` returns.
 */
export class LineBlocks {
  readonly #take: (block: Buffer, midLine: boolean) => void
  #held: Buffer = Buffer.alloc(0)
  #midLine = false

  constructor(take: (block: Buffer, midLine: boolean) => void) {
    this.#take = take
  }

  push(chunk: Buffer): void {
    let rest = chunk
    if (this.#held.length > 0) {
      const lf = chunk.indexOf(LF)
      rest = Buffer.concat([this.#held, lf < 0 ? chunk : chunk.subarray(0, lf + 1)])
      if (lf >= 0) {
        this.#give(rest)
        rest = chunk.subarray(lf + 1)
      }
    }
    let end = rest.lastIndexOf(LF) + 1
    if (rest.length - end > LINE_MAX) end += endOfPiece(rest.subarray(end))
    this.#held = Buffer.from(rest.subarray(end))
    if (end > 0) this.#give(rest.subarray(0, end))
  }

  /** The last line may have no end. */
  end(): void {
    if (this.#held.length > 0) this.#give(this.#held)
  }

  /** There is nothing more to be taken. */
  forget(): void {
    this.#held = Buffer.alloc(0)
  }

  #give(block: Buffer): void {
    const midLine = this.#midLine
    this.#midLine = block.at(-1) !== LF && block.at(-1) !== CR
    this.#take(block, midLine)
  }
}

/**
 * How much of a line without an LF is taken: up to its last bare CR, which ends lines to some. Of
 * CRs at its end it is not known yet whether they are bare.
 */
function endOfPiece(bytes: Buffer): number {
  let end = bytes.length
  while (end > 0 && bytes[end - 1] === CR) end--
  if (end === 0) return bytes.length
  const cr = bytes.lastIndexOf(CR, end - 1)
  return cr < 0 ? end : cr + 1
}
