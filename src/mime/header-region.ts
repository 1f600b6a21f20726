import type { Encoding } from './encodings.ts'
import { MimeLines } from './fields.ts'
import { FIELDS_MAX, Over } from './limits.ts'
import { type PartHeader, readPartHeader } from './part-header.ts'
import { SPACE, TAB } from './shared/lines.ts'

export interface RegionStart {
  /** It began behind a delimiter. */
  readonly isOfPart: boolean
  /**
   * Whether what it announces stands inside of what is open around it: a header in a text that
   * nobody takes for one by its place does not.
   */
  readonly nests: 'no' | 'maybe' | 'sure'
  /** What the multipart around is encoded by. */
  readonly around: readonly Encoding[]
  /** Containers that are open around it (nesting.ts). */
  readonly containers: number
  /** To some readers it goes on with this one. */
  readonly before?: HeaderRegion | undefined
}

/** The lines of a header, to some reader, and what stands in it. */
export class HeaderRegion {
  readonly start: RegionStart
  readonly lines: MimeLines
  /** Lines that were no fields, one behind the other. */
  strange = 0
  /** It ended in an empty line, and each line was a field. */
  isWhole: boolean
  hasLines = false
  /** Characters of its lines whose boundaries are known. */
  #learnt: number
  #header: PartHeader | undefined

  constructor(start: RegionStart) {
    const { before } = start
    this.start = start
    this.lines = new MimeLines(FIELDS_MAX, before?.lines)
    this.isWhole = before === undefined
    this.#learnt = before ? before.#learnt : 0
  }

  /** Throws Over where there is more than is read. */
  add(line: string, goesOn: boolean): void {
    this.hasLines = true
    this.lines.add(line, goesOn)
    if (this.lines.isOver) {
      throw new Over(`a header with more than ${FIELDS_MAX} characters about content`)
    }
  }

  /** The lines about content that were added since it was asked last. */
  fresh(): string {
    const { text } = this.lines
    const from = this.#learnt
    this.#learnt = text.length
    return text.slice(from)
  }

  /** What it says; to be asked when it is over. */
  get header(): PartHeader {
    this.#header ??= readPartHeader(this.lines, {
      isWhole: this.isWhole,
      isOfPart: this.start.isOfPart,
    })
    return this.#header
  }
}

/** A name of at most two words before a colon, blanks in front or not. */
export function isField(bytes: Buffer, from: number, end: number): boolean {
  let blanks = 0
  let at = from
  while (at < end && (bytes[at] === SPACE || bytes[at] === TAB)) at++
  if (at === end || bytes[at] === 0x3a) return false
  for (let length = 0; at < end && length < 200; at++, length++) {
    const byte = bytes[at]!
    if (byte === 0x3a) return true
    if (byte === SPACE || byte === TAB) blanks++
    if (blanks > 1) return false
  }
  return false
}

/** Of nothing but blanks, control characters, and what some take for blanks. */
export function isBlankLine(bytes: Buffer, from: number, end: number): boolean {
  for (let at = from; at < end; at++) {
    const byte = bytes[at]!
    if (byte > SPACE && (byte < 0x7f || byte > 0xa0)) return false
  }
  return true
}
