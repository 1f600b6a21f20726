import { CR, LF } from './shared/lines.ts'

/** How many bytes of a line are looked at together; a longer line is taken in pieces. */
const LINE_MAX = 16 * 1024

/**
 * Turns bytes that come in pieces of any size into blocks of whole lines; a long line is parted
 * into several blocks. `midLine` says that a block begins inside of a line. A block is valid until
 * `take` returns.
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

  /** Takes the rest, which is a last line without a line end. */
  end(): void {
    if (this.#held.length > 0) this.#give(this.#held)
  }

  /** Drops what is left: nothing more will be taken. */
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
 * How much of a line without an LF is taken: up to its last bare CR, where the line ends to some
 * readers. CRs at the very end are left, since an LF may follow them.
 */
function endOfPiece(bytes: Buffer): number {
  let end = bytes.length
  while (end > 0 && bytes[end - 1] === CR) end--
  if (end === 0) return bytes.length
  const cr = bytes.lastIndexOf(CR, end - 1)
  return cr < 0 ? end : cr + 1
}
