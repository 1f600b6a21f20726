import { COLON, LF, SPACE, TAB } from '../../../lib/net/ascii.ts'
import type { Header } from '../../message/header-block.ts'
import { LimitExceeded } from '../shared/limits.ts'
import { MimeLines } from './fields.ts'
import { type Certainty, type Encoding, type PartHeader, readPartHeader } from './part-header.ts'

/** After more lines than this in a row that are not fields, the header is over for most readers. */
export const STRANGE_MAX = 8

/** Where a header began. */
export interface RegionStart {
  /** Whether the header began after a delimiter. */
  readonly isOfPart: boolean
  /**
   * Whether the content counts as nested in the multiparts and messages around it. It does not
   * (`no`) if the header stands in a text, where a reader knows it only by its looks.
   */
  readonly nests: Certainty
  /** The encodings of the multipart around it. */
  readonly around: readonly Encoding[]
  /** Whether it is after a line that only some readers take for a delimiter, or may be encoded. */
  readonly isDoubtful: boolean
  /** The number of containers that are open around the header (nesting.ts). */
  readonly containers: number
  /** The line before it, with its line end, if only some readers take that for a delimiter. */
  readonly line?: string | undefined
  /** The header before the delimiter, if for some readers that header goes on in this one. */
  readonly before?: HeaderRegion | undefined
}

/** The lines of a header as some reader sees it, and what they say about content. */
export class HeaderRegion {
  readonly start: RegionStart
  readonly lines: MimeLines
  /** The number of lines in a row that were not fields. */
  strange = 0
  /** Whether each line was a field, and an empty line ended the header. */
  isWhole: boolean
  /** The number of lines so far, folds among them. */
  count = 0
  #header: PartHeader | undefined

  constructor(start: RegionStart) {
    const { before } = start
    this.start = start
    this.lines = new MimeLines(before?.lines)
    this.isWhole = before === undefined
  }

  /** Whether every reader sees the header here, so that it counts what is odd in it. */
  get isSeenByAll(): boolean {
    const { nests, around, isDoubtful } = this.start
    return nests === 'sure' && around.length === 0 && !isDoubtful
  }

  get hasLines(): boolean {
    return this.count > 0
  }

  /** Throws LimitExceeded if the header is larger than the limit. */
  add(line: string, goesOn: boolean): void {
    this.count++
    this.lines.add(line, goesOn)
    this.#checkLimits()
  }

  /** Takes all fields of a header that all readers read alike. Throws LimitExceeded as `add` does. */
  addWellFormed(header: Header): void {
    this.count += header.fields.length
    this.lines.addWellFormed(header)
    this.#checkLimits()
  }

  #checkLimits(): void {
    const { over } = this.lines
    if (over !== undefined) throw new LimitExceeded(`a header with ${over}`)
  }

  /** What the header says about content. To be asked for when the header has ended. */
  get header(): PartHeader {
    this.#header ??= readPartHeader(this.lines, {
      isWhole: this.isWhole,
      isOfPart: this.start.isOfPart,
    })
    return this.#header
  }
}

/**
 * The headers that have ended for some readers and go on for others: at an empty line whose end
 * only some take for one, or after lines that are not fields.
 */
export class UnendedHeaders {
  /** In the order in which they began. */
  #regions: HeaderRegion[] = []
  /** The last empty line, as far as it ended more of them than those before. */
  #endedAt: EmptyLine | undefined

  get areThere(): boolean {
    return this.#regions.length > 0
  }

  /** Keeps a header that has ended at this empty line, or before any. */
  keep(region: HeaderRegion, endedAt: EmptyLine | undefined): void {
    if (endedAt === 'for all') return
    this.#regions.push(region)
    this.#endedAt = endedAt
  }

  /** Returns the headers that end at this empty line for some reader, and forgets those that end for all. */
  endAt(line: EmptyLine): readonly HeaderRegion[] {
    if (!endsForMore(line, this.#endedAt)) return []
    const ending = this.#regions
    this.#endedAt = line
    if (line === 'for all') this.forget()
    return ending
  }

  /** Takes out the last header, for the header that goes on with its lines. */
  takeLast(): HeaderRegion | undefined {
    return this.#regions.pop()
  }

  forget(): void {
    this.#regions = []
    this.#endedAt = undefined
  }
}

/** For which readers an empty line ends a header, from the fewest to all. */
const emptyLines = ['for those that end lines at a CR', 'for most', 'for all'] as const
export type EmptyLine = (typeof emptyLines)[number]

/**
 * Returns for which readers a line of nothing but its end ends a header. Email::Simple asks for the
 * same line end twice, and GNU mailutils for an LF alone. `isAfterCrlf` says that the line before it
 * ends in CR LF.
 */
export function emptyLineOf(
  bytes: Buffer,
  from: number,
  to: number,
  isAfterCrlf: boolean,
): EmptyLine {
  if (bytes[to - 1] !== LF || to - from > 2) return 'for those that end lines at a CR'
  return to - from === 1 || isAfterCrlf ? 'for all' : 'for most'
}

/** Returns whether a header ends at the line for a reader for whom it did not at the line before. */
function endsForMore(line: EmptyLine, before: EmptyLine | undefined): boolean {
  return before === undefined || emptyLines.indexOf(line) > emptyLines.indexOf(before)
}

/**
 * Returns whether the line begins with a name and a colon. The name has at most two words, and
 * blanks may stand before it.
 */
export function isField(bytes: Buffer, from: number, end: number): boolean {
  let blanks = 0
  let at = from
  while (at < end && (bytes[at] === SPACE || bytes[at] === TAB)) at++
  if (at === end || bytes[at] === COLON) return false
  for (let length = 0; at < end && length < 200; at++, length++) {
    const byte = bytes[at]!
    if (byte === COLON) return true
    if (byte === SPACE || byte === TAB) blanks++
    if (blanks > 1) return false
  }
  return false
}

/**
 * Returns whether the line is that of an mbox above a mail. Readers skip it, and so does libclamav;
 * `>From ` came of mail that was delivered twice.
 */
export function isFromLine(bytes: Buffer, from: number): boolean {
  return /^>?From /.test(bytes.toString('latin1', from, from + 6))
}

/**
 * Returns whether the line has nothing but blanks, control characters, and bytes that some readers
 * take for blanks.
 */
export function isBlankLine(bytes: Buffer, from: number, end: number): boolean {
  for (let at = from; at < end; at++) {
    const byte = bytes[at]!
    if (byte > SPACE && (byte < 0x7f || byte > 0xa0)) return false
  }
  return true
}
