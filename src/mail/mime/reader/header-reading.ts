import { COLON, CR, LF } from '../../../lib/bytes/ascii.ts'
import { withoutLineEnd } from '../../../lib/bytes/lines.ts'
import { FIELD_NAME_MAX } from '../../message/content-fields.ts'
import type { KnownHeader } from '../../message/message.ts'
import { headerFault } from '../../message/well-formed.ts'
import { LimitExceeded } from '../budget/limits.ts'
import type { Habits } from '../habits/habits.ts'
import { readingsOf } from '../headers/fields.ts'
import { isFromLine, STRANGE_MAX } from '../headers/header-lines.ts'
import { MimeLines } from '../headers/mime-lines.ts'
import { boundariesIn, MULTIPART_WORDS } from '../headers/parameters.ts'
import { type PartHeader, readPartHeader } from '../headers/part-header.ts'
import { type HeaderLineKind, kindOfLine } from './header-line.ts'
import type { MailText } from './mail-text.ts'
import { type FoundDelimiter, OpenMultiparts } from './multiparts.ts'

/** If the first line of a body matches, libclamav treats it as a line of the header. */
const GOES_ON = /^(?:content|filename=)|base64/i

/** The units of work of each line of a header, of each header, and of a line of dashes in it. */
export const HEADER_LINE_COST = 8
const HEADER_COST = 512
export const DASH_LINE_COST = 32
/** The units of each character about content when the header has ended. */
const HEADER_CHARACTER_COST = 8

/** Upper limit for the lines above the mbox line: only the line that scanners receive (message.ts). */
const FROM_LINE_MAX = 1

/** A cache of the headers of a message: a header that several readings see alike is parsed once. */
export class HeaderCache {
  readonly #headers = new Map<string, PartHeader>()

  read(
    lines: MimeLines,
    traits: { readonly isRegular: boolean; readonly isOfPart: boolean },
  ): PartHeader {
    const key = `${traits.isRegular} ${traits.isOfPart} ${lines.key}`
    const known = this.#headers.get(key)
    if (known) return known
    const header = readPartHeader(lines, traits)
    this.#headers.set(key, header)
    return header
  }
}

/** What a reading of a mail reads, and by which choices. */
export interface ReadingContext {
  readonly text: MailText
  readonly habits: Habits
  readonly headers: HeaderCache
  /** The multiparts that are open now. */
  readonly open: OpenMultiparts
  /** Whether the caller needs only the nesting depth for libclamav, which takes more lines for those of a header. */
  readonly isForLibclamav: boolean
}

/** What a header belongs to. Text after the end of a multipart may be read as a part. */
export type HeaderOf = 'mail' | 'part' | 'text after the end'

/** A header, and where it ends. */
export interface ReadHeader {
  readonly header: PartHeader
  readonly bodyAt: number
  /** The delimiter among its lines that ends the part. */
  readonly delimiter: (FoundDelimiter & { readonly at: number }) | undefined
  /** Whether each line was a field, and an empty line ended the header. */
  readonly isRegular: boolean
  /** Whether the body begins among lines that belong to the header in other readings. */
  readonly isBodyInHeader: boolean
  /** The number of delimiters that were read as lines of the header. */
  readonly passed: number
}

/** The end of a header. */
type HeaderEnd = Pick<ReadHeader, 'bodyAt'> & Partial<Pick<ReadHeader, 'delimiter'>>

/** Returns whether libclamav treats the first non-blank line, from this offset on, as a field. */
export function continuesHeader(text: MailText, at: number): boolean {
  const start = text.notBlankFrom(at)
  if (start >= text.size) return false
  return GOES_ON.test(text.line(start).bytes.toString('latin1', 0, 1024))
}

/** The kinds of lines that are not fields, at which the body begins for some programs. */
type StrangeKind = Exclude<HeaderLineKind, 'empty' | 'field' | 'fold'>

/** The reading of one header, line by line. */
export class HeaderReading {
  readonly #context: ReadingContext
  readonly #of: HeaderOf
  /** Whether programs that make the common choices see the header. */
  readonly #isSeenByMost: boolean
  readonly #lines = new MimeLines()
  /** The number of lines, including folds. */
  #count = 0
  /** The number of consecutive lines that were not fields. */
  #strange = 0
  #isRegular = true
  /** Whether the last line ended in CR LF. */
  #isCrlf = true
  #isBodyInHeader = false
  #passed = 0
  /** The multipart that the lines announce, if they do. */
  #own: OpenMultiparts | undefined

  constructor(context: ReadingContext, of: HeaderOf, isSeenByMost: boolean) {
    this.#context = context
    this.#of = of
    this.#isSeenByMost = isSeenByMost
  }

  /**
   * Reads the header at this offset. `known` is the same header, if an earlier stage has parsed it. Yields
   * the units of work that are done. Throws LimitExceeded if the header is too large.
   */
  *read(from: number, known?: KnownHeader): Generator<number, ReadHeader> {
    const { text, headers } = this.#context
    const below = known && this.#takeKnown(known)
    const { bodyAt, delimiter }: HeaderEnd =
      below !== undefined && !this.#goesOnBelow(below)
        ? { bodyAt: below }
        : yield* this.#readLines(below ?? this.#top(from))
    const isRegular = this.#isRegular
    text.units.add(HEADER_COST + HEADER_CHARACTER_COST * this.#lines.length)
    const header = headers.read(this.#lines, { isRegular, isOfPart: this.#of !== 'mail' })
    const isBodyInHeader = this.#isBodyInHeader
    return { header, bodyAt, delimiter, isRegular, isBodyInHeader, passed: this.#passed }
  }

  /** Takes a header at once if all readers read it alike. Returns where the body begins. */
  #takeKnown({ header, above }: KnownHeader): number | undefined {
    const { fields, lineEnding, length } = header
    if (headerFault(header) !== undefined) return undefined
    if (fields.some(({ name }) => name.length > FIELD_NAME_MAX)) return undefined
    this.#count += fields.length
    this.#lines.addWellFormed(header)
    this.#isCrlf = lineEnding === '\r\n'
    this.#checkLimits()
    const end = above + length
    this.#context.text.units.add(end + HEADER_LINE_COST * fields.length)
    return end
  }

  /** Returns where the header of a mail begins, below empty lines. */
  #top(from: number): number {
    const { text, habits } = this.#context
    if (this.#of !== 'mail') return from
    let at = from
    while (at < text.size) {
      const { bytes, to } = text.line(at)
      if (withoutLineEnd(bytes, 0, bytes.length) > 0) break
      at = to
    }
    return at > from && habits.does('blank top') === 'end an empty header' ? from : at
  }

  /** Returns whether the header continues after an empty line, because the next line looks like a field. */
  #goesOnBelow(at: number): boolean {
    const { text, habits, isForLibclamav } = this.#context
    const isAsked = isForLibclamav && continuesHeader(text, at)
    return isAsked && habits.does('field below header') === 'is one more line of the header'
  }

  *#readLines(from: number): Generator<number, HeaderEnd> {
    const { text } = this.#context
    for (let at = from; at < text.size; ) {
      const { bytes, to } = text.line(at)
      text.units.add(HEADER_LINE_COST)
      if (text.units.areDue) yield text.units.take()
      const end = this.#takeLine(bytes, at, to)
      if (end) return end
      at = to
    }
    this.#isRegular = false
    return { bodyAt: Math.max(from, text.size) }
  }

  /** Takes a line. Returns the end of the header, if it ends there. */
  #takeLine(bytes: Buffer, at: number, to: number): HeaderEnd | undefined {
    const end = withoutLineEnd(bytes, 0, bytes.length)
    const kind = kindOfLine(bytes, end, this.#strange > 0)
    if (kind === 'empty') return this.#isEndAt(bytes, to) ? { bodyAt: to } : undefined
    this.#isCrlf = bytes.at(-1) === LF && bytes.at(-2) === CR
    const delimiter = this.#delimiterAt(at)
    if (delimiter) return this.#endAtDelimiter(delimiter, at)
    const isOnTop = this.#count <= FROM_LINE_MAX && this.#of !== 'part' && isFromLine(bytes, 0)
    if (isOnTop) {
      this.#count++
      return undefined
    }
    switch (kind) {
      case 'field':
        this.#strange = 0
        this.#add(bytes, false)
        return undefined
      case 'fold':
        this.#add(bytes, this.#count > 0)
        return undefined
      case 'blank':
      case 'nameless':
      case 'strange':
        return this.#takeStrange(kind, bytes, at, to)
    }
  }

  /** Returns whether an empty line ends the header in this reading. */
  #isEndAt(bytes: Buffer, to: number): boolean {
    const feature = this.#oddEnd(bytes)
    const goesOn = feature && this.#context.habits.does(feature) !== 'ends the header'
    return !goesOn && !this.#goesOnBelow(to)
  }

  /** Returns why an empty line ends the header only for some programs. */
  #oddEnd({ length }: Buffer): 'empty line' | 'empty line with CRs' | undefined {
    if (length > 2) return 'empty line with CRs'
    return length === 2 && !this.#isCrlf ? 'empty line' : undefined
  }

  #delimiterAt(at: number): FoundDelimiter | undefined {
    const { text, open, habits } = this.#context
    if (!text.isDashLine(at)) return undefined
    text.units.add(DASH_LINE_COST)
    const dashText = text.dashText(at)
    const found = open.delimiterIn(dashText, open.length, habits)
    if (found) return found
    this.#learn()
    const isOwn = this.#own?.delimiterIn(dashText, 1, habits) !== undefined
    return isOwn && habits.does('own delimiter in header') === 'ends the header'
      ? { level: open.length, closes: false }
      : undefined
  }

  /** Parses the boundaries in the lines since the last call: parts may begin before the header has ended. */
  #learn(): void {
    const fresh = this.#lines.takeFresh()
    if (!MULTIPART_WORDS.test(fresh)) return
    if (!this.#own) {
      this.#own = new OpenMultiparts()
      this.#own.push({ spellings: [], isAny: true })
    }
    this.#own.learn(boundariesIn(readingsOf(fresh)))
  }

  #endAtDelimiter(found: FoundDelimiter, at: number): HeaderEnd | undefined {
    const { open, habits } = this.#context
    if (found.level === open.length) return { bodyAt: at }
    this.#isRegular = false
    if (habits.does('delimiter in header') === 'ends the header and its part')
      return { delimiter: { ...found, at }, bodyAt: at }
    this.#passed++
    return undefined
  }

  /** Takes a line that is not a field. Returns the end of the header, if it ends there. */
  #takeStrange(kind: StrangeKind, bytes: Buffer, at: number, to: number): HeaderEnd | undefined {
    // A program that does not skip the mbox line ends the header there. For all that read on, the fields
    // below are the same.
    const isOfMbox = this.#of === 'mail' && isFromLine(bytes, 0)
    if (!isOfMbox) this.#isRegular = false
    const bodyAt = this.#bodyAtStrange(kind, bytes, at, to)
    if (bodyAt !== undefined) {
      this.#isRegular = false
      this.#isBodyInHeader = true
      return { bodyAt }
    }
    if (kind === 'blank') {
      this.#count++
      return undefined
    }
    this.#strange++
    // No reader takes a later line for a continuation of the field above.
    if (!isOfMbox && this.#strange <= STRANGE_MAX) this.#add(bytes, false)
    return undefined
  }

  #bodyAtStrange(kind: StrangeKind, bytes: Buffer, at: number, to: number): number | undefined {
    const { habits } = this.#context
    if (kind === 'blank')
      return habits.does('blank line', this.#isSeenByMost) === 'ends the header' ? to : undefined
    if (this.#of === 'text after the end') return undefined
    if (kind === 'nameless')
      return habits.does('nameless line', this.#isSeenByMost) === 'begins the body' ? at : undefined
    switch (habits.does('strange line', this.#isSeenByMost)) {
      case 'is skipped':
        return undefined
      case 'begins the body':
        return at
      case 'begins the body of a mail, or ends the header of a part if it has no colon':
        if (this.#of === 'mail') return at
        return bytes.includes(COLON) ? undefined : to
    }
  }

  #add(bytes: Buffer, continues: boolean): void {
    this.#count++
    this.#lines.add(bytes.toString('latin1'), continues)
    this.#checkLimits()
  }

  #checkLimits(): void {
    const { over } = this.#lines
    if (over !== undefined) throw new LimitExceeded(`a header with ${over}`)
  }
}
