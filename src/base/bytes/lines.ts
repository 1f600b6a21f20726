import { CR, LF, SPACE } from './ascii.ts'
import { indexOfByte } from './buffers.ts'

/** Returns whether the byte ends a line for some program. */
export function isLineEnd(byte: number): boolean {
  return byte === LF || byte === CR || byte === 0x0b || byte === 0x0c || byte === 0
}

/** Returns the offset of the end of a line, without the CRs and LFs after it. */
export function withoutLineEnd(bytes: ArrayLike<number>, from: number, to: number): number {
  let end = to
  while (end > from && (bytes[end - 1] === LF || bytes[end - 1] === CR)) end--
  return end
}

/** Returns the offset of the next occurrence of the byte, or the length if there is none. */
export function indexOrEnd(bytes: Buffer, byte: number, from: number): number {
  const found = indexOfByte(bytes, byte, from)
  return found < 0 ? bytes.length : found
}

/** Returns whether a range has a CR without an LF after it. */
export function hasBareCr(bytes: Buffer, from: number, end: number): boolean {
  const piece = bytes.subarray(from, end)
  let cr = indexOrEnd(piece, CR, 0)
  while (cr < piece.length && bytes[from + cr + 1] === LF) cr = indexOrEnd(piece, CR, cr + 2)
  return cr < piece.length
}

/** Returns whether the bytes are nothing but blanks and control characters. */
export function isAllBlank(bytes: ArrayLike<number>, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (bytes[at]! > SPACE) return false
  return true
}

/**
 * Finds the ends of lines in bytes, from the front to the end. No line end is searched for twice,
 * even if lines end in different ways.
 */
export class LineSearch {
  readonly #bytes: Buffer
  readonly #to: number
  #lf = -1
  #cr = -1
  /** The offset after the last found row of CRs. */
  #behind = 0

  constructor(bytes: Buffer, to = bytes.length) {
    this.#bytes = bytes
    this.#to = to
  }

  /** Returns the offset after the LF that ends the line of `from`, or the end if there is no LF. */
  lf(from: number): number {
    if (this.#lf < from) this.#lf = this.#next(LF, from)
    return Math.min(this.#lf + 1, this.#to)
  }

  /**
   * Returns the offset after the end of the line of `from`: LF, CR LF, a bare CR, or CRs and an LF after
   * them, which count as one line end.
   */
  any(from: number): number {
    const end = this.lf(from)
    if (this.#cr < from) this.#cr = from < this.#behind ? from : this.#next(CR, from)
    if (this.#cr >= end) return end
    // A row of CRs is gone through only once.
    if (this.#behind <= this.#cr) {
      this.#behind = this.#cr
      while (this.#behind < end && this.#bytes[this.#behind] === CR) this.#behind++
    }
    const behind = this.#behind
    return behind < end && this.#bytes[behind] === LF ? behind + 1 : this.#cr + 1
  }

  #next(byte: number, from: number): number {
    const found = indexOfByte(this.#bytes, byte, from)
    return found < 0 ? this.#to : found
  }
}

/**
 * Returns the number of the first of `count` lines that passes, where all later ones pass as well; `count` if
 * none does.
 */
export function firstNumber(count: number, passes: (number: number) => boolean): number {
  let low = 0
  let high = count
  while (low < high) {
    const middle = (low + high) >> 1
    if (passes(middle)) high = middle
    else low = middle + 1
  }
  return low
}
