import { readBoundaries } from '../headers/boundary-forms.ts'
import type { HeaderRegion, RegionStart } from '../headers/header-region.ts'
import type { PartHeader } from '../headers/part-header.ts'
import { BOUNDARY_MAX } from '../shared/limits.ts'
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
   * The last line of content that began with two dashes, and the offset of its end. If a field
   * follows, some readers take the line for a delimiter.
   */
  #dashes: { readonly text: string; readonly end: number } | undefined

  /** Notes the boundaries of a header that has ended. */
  learn({ boundaries }: PartHeader): void {
    this.#boundaries.learn(boundaries)
  }

  /** Notes the boundaries so far. For some readers the header has ended here, and its parts follow. */
  learnSoFar(region: HeaderRegion): void {
    const fresh = region.fresh()
    if (fresh === '') return
    this.#boundaries.learn(readBoundaries(fresh))
    if (/multipart|boundary/i.test(fresh)) this.#anyDashes = true
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

  /** Reads a line that begins with two dashes; `isCutOff` says that it begins before `from`. */
  read(bytes: Buffer, from: number, to: number, isCutOff: boolean): DelimiterLine | undefined {
    const delimiter = isCutOff ? undefined : this.multiparts.delimiterIn(bytes, from, to)
    const boundary = this.#boundaries.longestAt(bytes, from + 2)
    if (!delimiter && boundary === undefined && !this.#anyDashes) return undefined
    return { delimiter, boundary }
  }

  /** Notes a line of content that begins with two dashes; `end` is the offset after it. */
  noteDashes(bytes: Buffer, from: number, to: number, end: number): void {
    const text = bytes.toString('latin1', from + 2, Math.min(to, from + BOUNDARY_MAX))
    this.#dashes = { text: text.trim().toLowerCase(), end }
  }

  /** Notes that a field begins at an offset. */
  noteField(at: number): void {
    if (this.#dashes?.end === at && this.#dashes.text !== '') {
      this.#boundaries.learn([this.#dashes.text])
    }
  }
}
