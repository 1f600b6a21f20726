export const LF = 0x0a
export const CR = 0x0d
export const DASH = 0x2d
export const SPACE = 0x20
export const TAB = 0x09

/** Whether the byte ends a line to any reader. */
export function isLineEnd(byte: number): boolean {
  return byte === LF || byte === CR || byte === 0x0b || byte === 0x0c || byte === 0
}

/** Where it occurs next; the length if it does not occur. */
export function indexOrEnd(bytes: Buffer, what: string | number, from: number): number {
  const found = bytes.indexOf(what, from, 'latin1')
  return found < 0 ? bytes.length : found
}

/** Where the line ends, behind its LF; `to` if there is none before. */
export function lineEnd(bytes: Buffer, from: number, to: number): number {
  const lf = bytes.indexOf(LF, from)
  return lf < 0 || lf >= to ? to : lf + 1
}

/** Whether there is nothing but blanks and control characters. */
export function isBlank(bytes: Buffer, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (bytes[at]! > SPACE) return false
  return true
}

/**
 * This many bytes are compared one by one before the runtime searches the rest. If lines are short,
 * a call of the runtime for each of them would take most of the time.
 */
const NEAR = 16

/**
 * Finds the ends of lines in bytes that are gone through once from the front. No line end is
 * searched for twice, even if lines end in different ways.
 */
export class LineSearch {
  readonly #bytes: Buffer
  readonly #to: number
  #lf = -1
  #cr = -1
  /** The place behind the last row of CRs. */
  #behind = 0

  constructor(bytes: Buffer, to = bytes.length) {
    this.#bytes = bytes
    this.#to = to
  }

  /**
   * The place behind the LF that ends the line of `from`; the end of the bytes if there is none.
   */
  lf(from: number): number {
    if (this.#lf < from) this.#lf = this.#next(LF, from)
    return Math.min(this.#lf + 1, this.#to)
  }

  /**
   * The place behind the line's end: LF, CR LF, a bare CR, or CR CR LF, which counts as one line
   * end.
   */
  any(from: number): number {
    const end = this.lf(from)
    if (this.#cr < from) this.#cr = from < this.#behind ? from : this.#next(CR, from)
    if (this.#cr >= end) return end
    // A row of CRs, too, is gone through only once.
    if (this.#behind <= this.#cr) {
      this.#behind = this.#cr
      while (this.#behind < end && this.#bytes[this.#behind] === CR) this.#behind++
    }
    const behind = this.#behind
    return behind < end && this.#bytes[behind] === LF ? behind + 1 : this.#cr + 1
  }

  #next(byte: number, from: number): number {
    const near = Math.min(this.#to, from + NEAR)
    for (let at = from; at < near; at++) if (this.#bytes[at] === byte) return at
    const found = this.#bytes.indexOf(byte, near)
    return found < 0 || found >= this.#to ? this.#to : found
  }
}
