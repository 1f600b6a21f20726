import type { HeaderRegion, RegionStart } from '../headers/header-region.ts'
import { readBoundaries } from '../headers/parameters.ts'
import type { PartHeader } from '../headers/part-header.ts'
import { BOUNDARIES_MAX, BOUNDARY_LENGTHS_MAX, LimitExceeded } from '../shared/limits.ts'
import { type Delimiter, type Multipart, Multiparts } from './multiparts.ts'

/** A line that some reader takes for a delimiter. */
export interface DelimiterLine {
  /** The multipart that it belongs to by its header. */
  readonly delimiter: Delimiter | undefined
  /** The boundary that it begins with, in lower case, if that is one that any reader may know. */
  readonly boundary: string | undefined
}

/** The lines that readers may take for delimiters, by all headers that were read. */
export class Delimiters {
  readonly multiparts = new Multiparts()
  readonly #boundaries = new Boundaries()
  /** Whether some multipart may have any text for its boundary. */
  #anyDashes = false

  /**
   * Notes the boundaries of a header that has ended. Returns whether there was room for them. Throws
   * LimitExceeded if there was none for one that the header may announce in several ways.
   */
  learn({ boundaries, multipart }: PartHeader): boolean {
    const isLearnt = this.#boundaries.learn(boundaries)
    if (isLearnt || multipart !== 'maybe') return isLearnt
    throw new LimitExceeded(
      `more than ${BOUNDARIES_MAX} boundaries, or boundaries of more than ${BOUNDARY_LENGTHS_MAX} lengths`,
    )
  }

  /**
   * Notes the boundaries so far. For some readers the header has ended here, and its parts follow. Returns
   * whether there was room for them.
   */
  learnSoFar(region: HeaderRegion): boolean {
    const fresh = region.fresh()
    if (fresh === '') return true
    if (/multipart|boundary/i.test(fresh)) this.#anyDashes = true
    return this.#boundaries.learn(readBoundaries(fresh))
  }

  /** Opens the multipart that a header announces. */
  enter(
    header: PartHeader,
    start: RegionStart,
    counts: Pick<Multipart, 'base' | 'containers'>,
  ): void {
    this.multiparts.enter(header, start, counts)
    // A multipart whose boundary is written plainly has no other boundaries.
    if (header.multipart === 'maybe' && header.boundary === undefined) this.#anyDashes = true
  }

  /**
   * Whether some readers take the end of this multipart for a delimiter of another one, whose boundary its
   * own begins with (PHP mailparse, KMime).
   */
  maySeparateOthers({ boundary }: Multipart): boolean {
    return this.#boundaries.hasBeginningOf(boundary)
  }

  /** Reads a line that begins with two dashes; `isCutOff` says that it begins before `from`. */
  read(bytes: Buffer, from: number, to: number, isCutOff: boolean): DelimiterLine | undefined {
    const delimiter = isCutOff ? undefined : this.multiparts.delimiterIn(bytes, from, to)
    const boundary = this.#boundaries.longestAt(bytes, from + 2)
    if (!delimiter && boundary === undefined && !this.#anyDashes) return undefined
    return { delimiter, boundary }
  }
}

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
