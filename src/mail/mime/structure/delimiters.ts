import { CR, LF, SPACE } from '../../../lib/net/ascii.ts'
import type { HeaderRegion, RegionStart } from '../headers/header-region.ts'
import { readBoundaries } from '../headers/parameters.ts'
import type { Certainty, Encoding, PartHeader } from '../headers/part-header.ts'
import { LimitExceeded, limits } from '../shared/limits.ts'

/** A multipart as its header describes it, with a boundary that is known. */
export interface Multipart {
  readonly boundary: string
  /** Whether every reader must take its delimiters for delimiters. */
  readonly isSure: boolean
  /** The number of contents that were open when its header was read. */
  readonly base: number
  /** The encodings of this multipart, and of the multiparts around it. */
  readonly encodings: readonly Encoding[]
  /** Whether its parts count as nested, as for its header (header-region.ts). */
  readonly nests: Certainty
  /** The number of containers that are open in the multipart, itself included (nesting.ts). */
  readonly containers: number
}

export interface Delimiter {
  readonly multipart: Multipart
  /** Whether it ends the multipart. */
  readonly closes: boolean
  /** Whether every reader must take the line for a delimiter. */
  readonly isSure: boolean
}

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
   * Notes the boundaries of a header that has ended. Returns whether there was room for them. If
   * there was none, and readers may differ about the boundary, throws LimitExceeded.
   */
  learn({ boundaries, multipart }: PartHeader): boolean {
    const isLearnt = this.#boundaries.learn(boundaries)
    if (isLearnt || multipart !== 'maybe') return isLearnt
    throw new LimitExceeded(
      `more than ${limits.boundaries} boundaries, or boundaries of more than ${limits.boundaryLengths} lengths`,
    )
  }

  /**
   * Notes the boundaries so far. For some readers the header has ended here, and its parts follow. Returns
   * whether there was room for them.
   */
  learnSoFar(region: HeaderRegion): boolean {
    const fresh = region.lines.takeFresh()
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

  /** Whether a boundary that any reader may know stands in a line, after its dashes. */
  isBoundary(bytes: Buffer, at: number): boolean {
    return this.#boundaries.longestAt(bytes, at) !== undefined
  }

  /** Reads a line that begins with two dashes; `isCutOff` says that it begins before `from`. */
  read(bytes: Buffer, from: number, to: number, isCutOff: boolean): DelimiterLine | undefined {
    const delimiter = isCutOff ? undefined : this.multiparts.delimiterIn(bytes, from, to)
    const boundary = this.#boundaries.longestAt(bytes, from + 2)
    if (!delimiter && boundary === undefined && !this.#anyDashes) return undefined
    return { delimiter, boundary }
  }
}

interface OpenMultipart {
  readonly multipart: Multipart
  /** The number of multiparts around this one. */
  readonly level: number
  isClosed: boolean
}

/** The multiparts that are open where the mail is being read. */
class Multiparts {
  /** From the outermost to the innermost. A closed multipart stays until one around it goes on. */
  readonly #open: OpenMultipart[] = []
  /** The multiparts that are not closed, by boundary, from the outermost to the innermost. */
  readonly #byBoundary = new Map<string, OpenMultipart[]>()
  #longest = 0

  /** Opens the multipart that a header announces, if the header names a boundary. */
  enter(
    { boundary, multipart, encodings }: PartHeader,
    { nests, around }: RegionStart,
    counts: Pick<Multipart, 'base' | 'containers'>,
  ): void {
    if (boundary === undefined) return
    const own = encodings.filter((encoding) => encoding !== 'identity')
    this.#push({
      ...counts,
      boundary,
      isSure: multipart === 'sure',
      encodings: own.length === 0 ? around : [...new Set([...around, ...own])],
      nests,
    })
  }

  #push(multipart: Multipart): void {
    const { boundary } = multipart
    const open = { multipart, level: this.#open.length, isClosed: false }
    this.#open.push(open)
    const same = this.#byBoundary.get(boundary)
    if (same) same.push(open)
    else this.#byBoundary.set(boundary, [open])
    this.#longest = Math.max(this.#longest, boundary.length)
  }

  get innermost(): Multipart | undefined {
    return this.#open.at(-1)?.multipart
  }

  /**
   * Reads a line that begins with two dashes; returns undefined if it is not a delimiter. A line that
   * fits several multiparts is a delimiter of the outermost.
   */
  delimiterIn(bytes: Buffer, from: number, to: number): Delimiter | undefined {
    if (this.#open.length === 0) return undefined
    let end = to
    if (bytes[end - 1] === LF) end--
    if (bytes[end - 1] === CR) end--
    const whole = end
    while (end > from && bytes[end - 1] === SPACE) end--
    if (end - from > this.#longest + 4) return undefined
    const text = bytes.toString('latin1', from + 2, end)
    const opening = this.#byBoundary.get(text)?.[0]
    const closing = text.endsWith('--') ? this.#byBoundary.get(text.slice(0, -2))?.[0] : undefined
    const closes = closing !== undefined && !(opening && opening.level < closing.level)
    const found = closes ? closing : opening
    if (!found) return undefined
    const { multipart } = found
    return { multipart, closes, isSure: multipart.isSure && whole === end }
  }

  /** Returns the innermost open multipart inside of this one. Some readers see only its delimiters. */
  openInside(multipart: Multipart): Multipart | undefined {
    const last = this.#open.findLast(({ isClosed }) => !isClosed)?.multipart
    return last === multipart ? undefined : last
  }

  /** Returns whether the last multipart with this boundary, in lower case, is closed. */
  isClosed(boundary: string): boolean {
    const isOf = ({ multipart }: OpenMultipart) => multipart.boundary.toLowerCase() === boundary
    return this.#open.findLast(isOf)?.isClosed === true
  }

  /** Closes the multipart and all multiparts inside of it. */
  close(multipart: Multipart): void {
    this.endInside(multipart)
    const closed = this.#byBoundary.get(multipart.boundary)?.shift()
    if (closed) closed.isClosed = true
  }

  /** Ends all multiparts inside of the multipart. */
  endInside(multipart: Multipart): void {
    for (;;) {
      const last = this.#open.at(-1)
      if (last === undefined || last.multipart === multipart) return
      this.#open.pop()
      const same = this.#byBoundary.get(last.multipart.boundary)
      if (same?.at(-1) === last) same.pop()
    }
  }
}

/** The texts that some reader may take for the boundary of an open multipart, in lower case. */
class Boundaries {
  readonly #known = new Set<string>()
  #lengths: number[] = []
  readonly #firsts = new Set<number>()
  #longest = 0

  /** Adds boundaries. Returns whether there is room for all of them. */
  learn(boundaries: readonly string[]): boolean {
    const added = boundaries.filter((boundary) => !this.#known.has(boundary))
    if (added.length === 0) return true
    const lengths = new Set([...this.#lengths, ...added.map(({ length }) => length)])
    if (lengths.size > limits.boundaryLengths) return false
    if (this.#known.size + added.length > limits.boundaries) return false
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
