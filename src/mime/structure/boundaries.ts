import { BOUNDARIES_MAX, BOUNDARY_LENGTHS_MAX, LimitExceeded } from '../shared/limits.ts'

/** The texts that some reader may take for the boundary of an open multipart, in lower case. */
export class Boundaries {
  readonly #known = new Set<string>()
  #lengths: number[] = []
  #firsts = new Set<number>()
  #longest = 0

  /** Adds boundaries. Throws LimitExceeded if there are too many. */
  learn(boundaries: readonly string[]): void {
    const before = this.#known.size
    for (const boundary of boundaries) this.#known.add(boundary)
    if (this.#known.size === before) return
    if (this.#known.size > BOUNDARIES_MAX)
      throw new LimitExceeded(`more than ${BOUNDARIES_MAX} boundaries`)
    this.#lengths = [...new Set([...this.#known].map(({ length }) => length))].sort((a, b) => b - a)
    if (this.#lengths.length > BOUNDARY_LENGTHS_MAX) {
      throw new LimitExceeded(`boundaries of more than ${BOUNDARY_LENGTHS_MAX} lengths`)
    }
    this.#longest = this.#lengths[0]!
    this.#firsts = new Set([...this.#known].map((boundary) => boundary.charCodeAt(0)))
  }

  /**
   * Returns the longest known boundary that begins at `from`, after the dashes of a line. Blanks
   * before the boundary are skipped.
   */
  longestAt(bytes: Buffer, from: number): string | undefined {
    if (this.#longest === 0) return undefined
    let at = from
    while (bytes[at] === 0x20 || bytes[at] === 0x09) at++
    const first = bytes[at]
    if (first === undefined) return undefined
    if (!this.#firsts.has(first >= 0x41 && first <= 0x5a ? first + 32 : first)) return undefined
    const text = bytes.toString('latin1', at, at + this.#longest).toLowerCase()
    for (const length of this.#lengths) {
      const boundary = text.slice(0, length)
      if (boundary.length === length && this.#known.has(boundary)) return boundary
    }
    return undefined
  }
}
