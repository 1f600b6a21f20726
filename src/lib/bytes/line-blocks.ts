import { CR, LF } from './ascii.ts'

/** The bytes of a line that are examined together. A longer line is handled in pieces. */
const LINE_MAX = 16 * 1024

const NO_BYTES = Buffer.alloc(0)

/**
 * Returns the next piece of at most `most` bytes, from an offset on. It ends with the last line end in it, if there is
 * one, so that LineBlocks need not put that line together.
 */
export function nextLines(bytes: Buffer, from: number, most: number): Buffer {
  const piece = bytes.subarray(from, from + most)
  const isLast = from + most >= bytes.length
  const lines = isLast ? 0 : piece.lastIndexOf(LF) + 1
  return lines > 0 ? piece.subarray(0, lines) : piece
}

/**
 * Splits bytes in pieces of any size into blocks of whole lines, and a long line into several blocks.
 * `midLine` means that a block begins inside a line. A block is valid until `take` returns.
 */
export class LineBlocks {
  readonly #take: (block: Buffer, midLine: boolean) => void
  /** A buffer that begins with the incomplete last line. */
  #held: Buffer = NO_BYTES
  #heldLength = 0
  #midLine = false

  constructor(take: (block: Buffer, midLine: boolean) => void) {
    this.#take = take
  }

  push(chunk: Buffer): void {
    let from = 0
    if (this.#heldLength > 0) {
      const lf = chunk.indexOf(LF)
      from = lf < 0 ? chunk.length : lf + 1
      this.#hold(chunk, 0, from)
      if (lf >= 0) this.#giveHeld(this.#heldLength)
      else if (this.#heldLength > LINE_MAX) this.#giveHeld(endOfPiece(this.#heldBytes))
    }
    let end = Math.max(from, chunk.lastIndexOf(LF) + 1)
    if (chunk.length - end > LINE_MAX) end += endOfPiece(chunk.subarray(end))
    if (end > from) this.#give(chunk.subarray(from, end))
    this.#hold(chunk, end, chunk.length)
  }

  /** Gives the rest, which is a last line without a line end. */
  end(): void {
    if (this.#heldLength > 0) this.#giveHeld(this.#heldLength)
  }

  get #heldBytes(): Buffer {
    return this.#held.subarray(0, this.#heldLength)
  }

  /** Keeps a copy. The memory doubles when it is full, so that many small pieces cost little. */
  #hold(bytes: Buffer, from: number, to: number): void {
    if (from === to) return
    const length = this.#heldLength + to - from
    if (length > this.#held.length) {
      const larger = Buffer.allocUnsafe(Math.max(length, 2 * this.#held.length))
      this.#held.copy(larger, 0, 0, this.#heldLength)
      this.#held = larger
    }
    bytes.copy(this.#held, this.#heldLength, from, to)
    this.#heldLength = length
  }

  #giveHeld(length: number): void {
    const held = this.#heldBytes
    this.#heldLength -= length
    this.#give(held.subarray(0, length))
    held.copyWithin(0, length)
  }

  #give(block: Buffer): void {
    const midLine = this.#midLine
    this.#midLine = block.at(-1) !== LF && block.at(-1) !== CR
    this.#take(block, midLine)
  }
}

/**
 * Returns how much of a line without an LF is processed: up to its last bare CR, where the line ends for some
 * readers. CRs at the very end are left, because an LF may follow them.
 */
function endOfPiece(bytes: Buffer): number {
  let end = bytes.length
  while (end > 0 && bytes[end - 1] === CR) end--
  if (end === 0) return bytes.length
  const cr = bytes.lastIndexOf(CR, end - 1)
  return cr < 0 ? end : cr + 1
}
