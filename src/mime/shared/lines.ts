export const LF = 0x0a
export const CR = 0x0d
export const DASH = 0x2d
export const SPACE = 0x20
export const TAB = 0x09

/** Line ends, and what some readers take for one. */
export function isLineEnd(byte: number): boolean {
  return byte === LF || byte === CR || byte === 0x0b || byte === 0x0c || byte === 0
}

/** Where it is next; the length if it is nowhere. */
export function indexOrEnd(bytes: Buffer, what: string | number, from: number): number {
  const found = bytes.indexOf(what, from, 'latin1')
  return found < 0 ? bytes.length : found
}

/** Behind the line's LF; `to` if it has none before. */
export function lineEnd(bytes: Buffer, from: number, to: number): number {
  const lf = bytes.indexOf(LF, from)
  return lf < 0 || lf >= to ? to : lf + 1
}

/** Whether the bytes are blanks and control characters. */
export function isBlank(bytes: Buffer, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (bytes[at]! > SPACE) return false
  return true
}

/**
 * Finds where lines end, of bytes that are gone through once from the front: no line end is
 * searched for twice, however many lines end otherwise.
 */
export class LineSearch {
  readonly #bytes: Buffer
  readonly #to: number
  #lf = -1
  #cr = -1
  /** Behind the row of CRs that was seen last. */
  #behind = 0

  constructor(bytes: Buffer, to = bytes.length) {
    this.#bytes = bytes
    this.#to = to
  }

  /** Behind the LF of the line that `from` is in; where the bytes end if it has none. */
  lf(from: number): number {
    if (this.#lf < from) this.#lf = this.#next(LF, from)
    return Math.min(this.#lf + 1, this.#to)
  }

  /** Behind the line's end: LF, CR LF, a bare CR, or CR CR LF, which is one line end, too. */
  any(from: number): number {
    const end = this.lf(from)
    if (this.#cr < from) this.#cr = this.#next(CR, from)
    if (this.#cr >= end) return end
    // A row of CRs is gone through once, too.
    if (this.#behind <= this.#cr) {
      this.#behind = this.#cr
      while (this.#behind < end && this.#bytes[this.#behind] === CR) this.#behind++
    }
    const behind = this.#behind
    return behind < end && this.#bytes[behind] === LF ? behind + 1 : this.#cr + 1
  }

  #next(byte: number, from: number): number {
    const found = this.#bytes.indexOf(byte, from)
    return found < 0 || found >= this.#to ? this.#to : found
  }
}
