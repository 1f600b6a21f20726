import { BOUNDARIES_MAX, BOUNDARY_LENGTHS_MAX } from '../shared/limits.ts'

/** The texts that some reader may take for the boundary of an open multipart, in lower case. */
export class Boundaries {
  readonly #known = new Set<string>()
  #lengths: number[] = []
  readonly #firsts = new Set<number>()
  #longest = 0

  /** Adds boundaries. Returns whether there is room for all of them. */
  learn(boundaries: readonly string[]): boolean {
    const added = boundaries.filter((boundary) => !this.#known.has(boundary))
    if (added.length === 0) return true
    const lengths = new Set([...this.#lengths, ...added.map(({ length }) => length)])
    if (lengths.size > BOUNDARY_LENGTHS_MAX) return false
    if (this.#known.size + added.length > BOUNDARIES_MAX) return false
    for (const boundary of added) {
      this.#known.add(boundary)
      this.#firsts.add(boundary.charCodeAt(0))
    }
    this.#lengths = [...lengths].sort((a, b) => b - a)
    this.#longest = this.#lengths[0]!
    return true
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

  /** Returns whether a known boundary is the beginning of this longer one. */
  hasBeginningOf(boundary: string): boolean {
    const text = boundary.toLowerCase()
    return this.#lengths.some(
      (length) => length < text.length && this.#known.has(text.slice(0, length)),
    )
  }
}
