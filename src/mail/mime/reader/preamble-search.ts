/** The units of work of each length of a boundary for which the text after two dashes is compared. */
const DASHES_COST = 8

/** What the text after the boundary of a delimiter begins with, to a program that allows any white space. */
const BLANK = /^[\t-\r \x85\xa0]/

/** The search of the lines above the first part for its delimiter, in bytes that come in pieces. */
export class PreambleSearch {
  readonly #boundaries: ReadonlySet<string>
  readonly #lengths: readonly number[]
  readonly #longest: number
  /** The text that may begin a delimiter that goes on in the next piece. */
  #held = ''
  #heldAt = 0
  #units = 0

  /** `boundaries` are in lower case. */
  constructor(boundaries: readonly string[]) {
    this.#boundaries = new Set(boundaries)
    this.#lengths = [...new Set(boundaries.map(({ length }) => length))]
    this.#longest = '--'.length + Math.max(...this.#lengths)
  }

  /**
   * Returns the offset, since the first piece, of the first dashes in the middle of a line that a boundary and a blank
   * follow, or undefined if this piece completes none.
   */
  next(piece: Buffer): number | undefined {
    this.#units += piece.length
    const text = this.#held + piece.toString('latin1').toLowerCase()
    const end = Math.max(1, text.length - this.#longest)
    const found = this.#search(text, end)
    // The byte above is kept, too: it shows whether a line begins.
    this.#held = text.slice(end - 1)
    if (found !== undefined) return this.#heldAt + found
    this.#heldAt += end - 1
    return undefined
  }

  /** Returns the same for what the pieces end with. */
  end(): number | undefined {
    const found = this.#search(this.#held, this.#held.length)
    return found === undefined ? undefined : this.#heldAt + found
  }

  #search(text: string, end: number): number | undefined {
    for (let dashes = text.indexOf('--', 1); dashes >= 0; dashes = text.indexOf('--', dashes + 1)) {
      if (dashes >= end) break
      this.#units += DASHES_COST * this.#lengths.length
      if (text[dashes - 1] !== '\n' && this.#isDelimiter(text, dashes + 2)) return dashes
    }
    return undefined
  }

  #isDelimiter(text: string, from: number): boolean {
    return this.#lengths.some(
      (length) =>
        BLANK.test(text.charAt(from + length)) &&
        this.#boundaries.has(text.slice(from, from + length)),
    )
  }

  takeUnits(): number {
    const units = this.#units
    this.#units = 0
    return units
  }
}
