import { readBoundaries } from '../headers/boundary-forms.ts'
import type { HeaderRegion, RegionStart } from '../headers/header-region.ts'
import type { PartHeader } from '../headers/part-header.ts'
import { BOUNDARIES_MAX, BOUNDARY_LENGTHS_MAX, LimitExceeded } from '../shared/limits.ts'
import { Boundaries } from './boundaries.ts'
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
