import { CR, DASH, LF, SPACE, TAB } from '../../../lib/bytes/ascii.ts'
import { NAME_MAX } from '../../message/content-fields.ts'
import type { FieldSpan, Header } from '../../message/header-block.ts'
import { headerFormFault } from '../../message/well-formed.ts'
import { LimitExceeded, limits } from '../budget/limits.ts'
import type { KnownHeader } from '../budget/work.ts'
import type { Habits } from '../habits/habits.ts'
import { readingsOf } from '../headers/fields.ts'
import { isBlankLine, isField, isFromLine, STRANGE_MAX } from '../headers/header-lines.ts'
import { MimeLines } from '../headers/mime-lines.ts'
import { boundariesIn } from '../headers/parameters.ts'
import {
  type Encoding,
  NO_HEADER,
  type PartHeader,
  readPartHeader,
} from '../headers/part-header.ts'
import { withoutLineEnd } from '../lines/lines.ts'
import type { DashLine } from './dash-lines.ts'
import { DECODED_IN, type Depth, insideMessage, isOfDigest, says } from './depth.ts'
import type { MailText } from './mail-text.ts'
import { type FoundDelimiter, type Multipart, OpenMultiparts } from './multiparts.ts'

/**
 * Which programs see something: all of them, in the same place; those that make the common choices; or some,
 * because a multipart or message around it is encoded, or the choices are others.
 */
type SeenBy = 'all' | 'most' | 'some'

/**
 * A content as one reading sees it: the text of a part, or between parts. Positions are offsets in the mail.
 */
export interface Leaf {
  readonly from: number
  readonly to: number
  readonly header: PartHeader
  readonly encodings: readonly Encoding[]
  readonly depth: Depth
  /** Which programs see it: its header, its first and its last byte. */
  readonly seenBy: SeenBy
  /**
   * Whether it is the text of the mail itself: the first of its type, and no disposition with plain text.
   * Some readers treat every other text, and the text of an attached message, as a file.
   */
  readonly isOwnText: boolean
  /** Whether it begins among the lines of a header, which continues for other readings. */
  readonly isInHeader: boolean
}

/** A header as one reading sees it. */
export interface SeenHeader {
  readonly seen: PartHeader
  readonly seenBy: SeenBy
}

/** A line that is a delimiter in this reading. */
interface Delimiter extends FoundDelimiter {
  readonly at: number
  /** Whether all programs read it, and the lines since the last position, alike. */
  readonly isUndisputed: boolean
}

/** The position of a header or a body. */
interface Place {
  /** A mail, a part, or text after the end of a multipart that is read as a part. */
  readonly of: 'mail' | 'part' | 'text behind the end'
  readonly depth: Depth
  /** The encodings of the multiparts around it. */
  readonly around: readonly Encoding[]
  /** Which programs see it, if the choices of the reading are common and no multipart around it is encoded. */
  readonly seenBy: SeenBy
}

/** The same position, where some programs read what is around it, or where it begins, differently. */
function disputed(place: Place): Place {
  return place.seenBy === 'all' ? { ...place, seenBy: 'most' } : place
}

/** If the first line of a body matches, libclamav treats it as a line of the header. */
export const GOES_ON = /^(?:content|filename=)|base64/i

/** The units of work of each line of a header, of each header, and of each line of dashes that is looked at. */
const LINE_COST = 8
const HEADER_COST = 512
const DASH_COST = 32
/** The units of each character about content when the header has ended. */
const HEADER_CHARACTER_COST = 8
/** The units of work that are counted together. */
const UNITS_TOGETHER = 8 * 1024

/** The headers of a mail that several readings see alike: each is read once. */
export class KnownHeaders {
  readonly #headers = new Map<string, PartHeader>()

  read(
    lines: MimeLines,
    traits: { readonly isWhole: boolean; readonly isOfPart: boolean },
  ): PartHeader {
    const key = `${traits.isWhole} ${traits.isOfPart} ${lines.key}`
    const known = this.#headers.get(key)
    if (known) return known
    const header = readPartHeader(lines, traits)
    this.#headers.set(key, header)
    return header
  }
}

/**
 * One reading of a message, as a program with these habits reads it: a plain parser, independent of other
 * readings. It asks for a habit wherever programs differ, and gives the same result for the same habits. The
 * time is linear in the headers and the lines of dashes.
 */
export class Reading {
  readonly #text: MailText
  readonly habits: Habits
  readonly #headers: KnownHeaders
  readonly #known: KnownHeader | undefined
  readonly #around: Depth
  /** Whether the caller needs only the nesting depth of the mail for libclamav, and no leaf parts. */
  readonly #isForDepth: boolean
  readonly #open = new OpenMultiparts()
  readonly #closed: boolean[] = []
  readonly #textTypes = new Set<string>()
  #found: (Leaf | SeenHeader)[] = []
  #leaves = 0
  /** The number of delimiters read as lines of a header. */
  #delimitersInHeaders = 0
  #units = 0
  /** The greatest depth so far: of levels, of messages, or of a third of all containers. */
  deepest = 0

  constructor(
    text: MailText,
    habits: Habits,
    {
      around,
      headers,
      known,
      isForDepth = false,
    }: {
      readonly around: Depth
      readonly headers: KnownHeaders
      readonly known?: KnownHeader | undefined
      readonly isForDepth?: boolean | undefined
    },
  ) {
    this.#text = text
    this.habits = habits
    this.#around = around
    this.#headers = headers
    this.#known = known
    this.#isForDepth = isForDepth
  }

  /** Reads the mail. Yields the units of work that are done. Throws LimitExceeded. */
  *read(): Generator<number> {
    const top = { of: 'mail', depth: this.#around, around: [], seenBy: 'all' } as const
    yield* this.#entity(0, top, this.#known)
    yield this.#takeUnits()
  }

  /** Returns the leaf parts and headers that were found since the last call. */
  takeFound(): readonly (Leaf | SeenHeader)[] {
    const found = this.#found
    this.#found = []
    return found
  }

  /** Returns whether a line from its dashes on may be a delimiter of an open multipart. */
  mayDelimit(text: string): boolean {
    return this.#open.knows(text)
  }

  /** Reads a header and what it announces. Returns the delimiter at which that ends. */
  *#entity(
    from: number,
    place: Place,
    known?: KnownHeader,
  ): Generator<number, Delimiter | undefined> {
    const region = new HeaderLines()
    const { questions } = this.habits
    const below = known && this.#takeKnown(known, region)
    const { delimiter, bodyAt } =
      below !== undefined && !this.#goesOnBelow(below)
        ? { bodyAt: below }
        : yield* this.#headerLines(below ?? this.#top(from, place), place, region)
    const header = this.#headers.read(region.lines, {
      isWhole: region.isWhole,
      isOfPart: place.of !== 'mail',
    })
    this.#units += HEADER_COST + HEADER_CHARACTER_COST * region.lines.length
    this.#found.push({ seen: header, seenBy: this.#seenBy(place) })
    if (this.#units >= UNITS_TOGETHER) yield this.#takeUnits()
    if (delimiter) return delimiter
    return yield* this.#body(header, bodyAt, this.#sinceThen(place, questions), region)
  }

  /** Returns where the header of a mail begins, below empty lines. */
  #top(from: number, place: Place): number {
    if (place.of !== 'mail') return from
    let at = from
    while (at < this.#text.size) {
      const { bytes, to } = this.#text.line(at)
      if (withoutLineEnd(bytes, 0, bytes.length) > 0) break
      this.#units += to - at
      at = to
    }
    return at > from && this.habits.choose('blank top') === 1 ? from : at
  }

  /** Takes a header at once if all readers read it alike. Returns where the body begins. */
  #takeKnown({ header, above }: KnownHeader, region: HeaderLines): number | undefined {
    const isLong = ({ name }: FieldSpan) => name.length > NAME_MAX
    if (headerFormFault(header) !== undefined || header.fields.some(isLong)) return undefined
    region.addWellFormed(header)
    const end = above + header.length
    this.#units += end + LINE_COST * header.fields.length
    return end
  }

  /** Reads the lines of a header. Returns where the body begins, or the delimiter that ends the part. */
  *#headerLines(
    from: number,
    place: Place,
    region: HeaderLines,
  ): Generator<number, { readonly delimiter?: Delimiter; readonly bodyAt: number }> {
    const text = this.#text
    let at = from
    while (at < text.size) {
      const { bytes, to } = text.line(at)
      this.#units += bytes.length + LINE_COST
      if (this.#units >= UNITS_TOGETHER) yield this.#takeUnits()
      const end = withoutLineEnd(bytes, 0, bytes.length)
      if (end === 0) {
        const isOdd = region.isOddEnd(bytes) && this.habits.choose('empty line') === 1
        if (!isOdd && !this.#goesOnBelow(to)) return { bodyAt: to }
        at = to
        continue
      }
      region.isCrlf = bytes.at(-1) === LF && bytes.at(-2) === CR
      if (bytes[0] === DASH && bytes[1] === DASH) {
        region.learn()
        const found = this.#delimiterInHeader(bytes, region)
        if (found && found.level === this.#open.length) return { bodyAt: at }
        if (found) {
          if (this.habits.choose('delimiter in header') === 0) {
            region.isWhole = false
            return { delimiter: { ...found, at, isUndisputed: false }, bodyAt: at }
          }
          this.#delimitersInHeaders++
          region.isWhole = false
          at = to
          continue
        }
      }
      if (region.count <= FROM_LINE_MAX && place.of !== 'part' && isFromLine(bytes, 0)) {
        region.count++
        at = to
        continue
      }
      const bodyAt = this.#headerLine(bytes, end, at, to, place, region)
      if (bodyAt !== undefined) return { bodyAt }
      at = to
    }
    region.isWhole = false
    return { bodyAt: at }
  }

  /** Returns whether the header continues after an empty line, because the next line looks like a field. */
  #goesOnBelow(at: number): boolean {
    const isAsked = this.#isForDepth && this.#looksLikeField(at)
    return isAsked && this.habits.choose('field below header') === 1
  }

  /** Returns whether libclamav treats the first non-blank line, from this offset on, as a field. */
  #looksLikeField(at: number): boolean {
    const start = this.#text.notBlankFrom(at)
    if (start >= this.#text.size) return false
    return GOES_ON.test(this.#text.line(start).bytes.toString('latin1', 0, 1024))
  }

  /** Reads a line of a header that is not empty. Returns where the body begins, if it begins there. */
  #headerLine(
    bytes: Buffer,
    end: number,
    at: number,
    to: number,
    place: Place,
    region: HeaderLines,
  ): number | undefined {
    const isFold = bytes[0] === SPACE || bytes[0] === TAB
    const isBlank = isBlankLine(bytes, 0, end)
    const continues = isFold && region.count > 0
    if (!isBlank && isField(bytes, 0, end) && !continues) region.strange = 0
    else if (!isFold || isBlank || region.strange > 0) {
      // A reader that skips the mbox line reads all fields. Any other reader has none below it.
      const isOfMbox = place.of === 'mail' && isFromLine(bytes, 0)
      if (!isOfMbox) region.isWhole = false
      const bodyAt = this.#bodyAtStrange(isBlank, at, to, place, region)
      if (bodyAt !== undefined) {
        region.isWhole = false
        region.isBodyInHeader = true
        return bodyAt
      }
      region.strange++
      // No reader takes a later line for a continuation of the field above.
      if (!isOfMbox && region.strange <= STRANGE_MAX) region.add(bytes, false)
      return undefined
    }
    region.add(bytes, continues)
    return undefined
  }

  #bodyAtStrange(
    isBlank: boolean,
    at: number,
    to: number,
    place: Place,
    { strange }: HeaderLines,
  ): number | undefined {
    const isSeen = this.#seenBy(place) !== 'some'
    if (isBlank) return this.habits.choose('blank line', isSeen) === 1 ? to : undefined
    if (place.of === 'text behind the end') return undefined
    const choice = this.habits.choose('strange line', isSeen)
    if (choice === 1 || (choice === 2 && strange >= STRANGE_MAX)) return at
    return choice === 3 && place.of === 'part' ? to : undefined
  }

  #delimiterInHeader(bytes: Buffer, { own }: HeaderLines): FoundDelimiter | undefined {
    const end = withoutLineEnd(bytes, 0, Math.min(bytes.length, LINE_MAX))
    const text = bytes.toString('latin1', 2, end)
    this.#units += DASH_COST
    const found = this.#open.delimiterIn(text, this.#open.length, this.habits)
    if (found || own === undefined) return found
    return own.delimiterIn(text, 1, this.habits) && { level: this.#open.length, closes: false }
  }

  /** Returns the position, disputed if a question was asked since the given number of questions. */
  #sinceThen(place: Place, questions: number): Place {
    return this.habits.questions > questions ? disputed(place) : place
  }

  *#body(
    header: PartHeader,
    at: number,
    around: Place,
    region: HeaderLines,
  ): Generator<number, Delimiter | undefined> {
    const { multipart, message } = header
    const { questions } = this.habits
    let place = around
    const isMultipart =
      multipart === 'sure' || (multipart === 'maybe' && this.habits.choose('multipart') === 0)
    if (isMultipart) {
      return yield* this.#multipart(header, at, this.#sinceThen(place, questions))
    }
    const isMessage =
      message === 'sure' ||
      isOfDigest(header, place.depth) ||
      (message === 'maybe' && this.habits.choose('message') === 0)
    if (!isMessage) {
      const end = yield* this.#nextDelimiter(at, this.#open.length)
      place = this.#sinceThen(place, questions)
      this.#leaf(header, at, end, place, { isInHeader: region.isBodyInHeader })
      return end
    }
    place = this.#sinceThen(place, questions)
    const depth = this.#depthOfMessage(header, at, place, region.isWhole)
    const seenBy = header.encodings.some(isCoding) ? 'some' : place.seenBy
    const before = this.#delimitersInHeaders
    const end = yield* this.#entity(at, { of: 'mail', depth, around: [], seenBy })
    // A program that decodes the message before it reads that sees every delimiter.
    const isAsItStands = this.#delimitersInHeaders > before
    this.#leaf(header, at, end, place, { isInHeader: region.isBodyInHeader, isAsItStands })
    return end
  }

  /**
   * Returns the depth of an attached message: for libclamav it is a separate file, or continues in the
   * message around it.
   */
  #depthOfMessage(header: PartHeader, at: number, { depth }: Place, isWhole: boolean): Depth {
    const isPlainly = header.message === 'sure' || !says(header)
    const isFile =
      isWhole && isPlainly && header.multipart === 'no' && depth.multipart !== undefined
    const inPlace = this.#looksLikeField(at) ? depth.levels : 0
    const levels = isFile ? inPlace : depth.levels + 1
    return this.#deeper({
      levels,
      containers: depth.containers + 1,
      ...insideMessage(depth.messages + 1),
    })
  }

  #deeper(depth: Depth): Depth {
    const { levels, messages, containers } = depth
    if (containers > limits.containers) {
      throw new LimitExceeded(
        `more than ${limits.containers} multiparts and messages inside one another`,
      )
    }
    this.deepest = Math.max(this.deepest, levels, messages, Math.ceil(containers / 3))
    return depth
  }

  *#multipart(
    header: PartHeader,
    at: number,
    place: Place,
  ): Generator<number, Delimiter | undefined> {
    const level = this.#open.length
    this.#open.push(multipartOf(header))
    this.#closed.push(false)
    const end = yield* this.#parts(header, at, place, level)
    this.#closed.pop()
    this.#open.pop()
    return end
  }

  *#parts(
    header: PartHeader,
    at: number,
    place: Place,
    level: number,
  ): Generator<number, Delimiter | undefined> {
    const own = header.encodings.filter(isCoding)
    const inside: Place = {
      of: 'part',
      depth: this.#depthOfMultipart(header, place.depth),
      around: [...new Set([...place.around, ...own])],
      seenBy: place.seenBy,
    }
    let outer: Delimiter | undefined | 'not looked for' = 'not looked for'
    let found = yield* this.#nextDelimiter(at, level + 1)
    this.#leaf(header, at, found, place) // the preamble
    while (found) {
      if (found.level < level) return found
      const from = this.#text.line(found.at).to
      if (!found.closes) {
        found = yield* this.#entity(from, found.isUndisputed ? inside : disputed(inside))
        continue
      }
      this.#closed[level] = true
      const { questions } = this.habits
      // An earlier result stays valid until it is passed.
      if (outer === 'not looked for' || (outer && outer.at < from)) {
        outer = yield* this.#nextDelimiter(from, level)
      }
      const isText = this.#text.notBlankFrom(from) < (outer?.at ?? this.#text.size)
      const next: Delimiter | undefined = isText
        ? yield* this.#nextDelimiter(from, level + 1)
        : outer
      const isPart = isText && (yield* this.#beginsWithFields(from, next?.at ?? this.#text.size))
      if (isPart && this.habits.choose('text behind the end') === 1) {
        found = yield* this.#entity(from, { ...disputed(inside), of: 'text behind the end' })
        continue
      }
      const isBehindEnd = next !== undefined && next.level === level
      const goesOn = isBehindEnd && this.habits.choose('delimiter behind the end') === 1
      found = goesOn ? next : outer
      this.#leaf(NO_HEADER, from, found, this.#sinceThen(place, questions), { isBetween: true })
      if (!goesOn) return found
    }
    return undefined
  }

  /** Returns whether the lines from this offset on contain a field before an empty line. */
  *#beginsWithFields(from: number, end: number): Generator<number, boolean> {
    let at = from
    while (at < end) {
      const { bytes, to } = this.#text.line(at)
      this.#units += bytes.length + LINE_COST
      if (this.#units >= UNITS_TOGETHER) yield this.#takeUnits()
      const lineEnd = withoutLineEnd(bytes, 0, bytes.length)
      if (lineEnd === 0) return false
      if (isField(bytes, 0, lineEnd)) return true
      at = to
    }
    return false
  }

  #depthOfMultipart(header: PartHeader, around: Depth): Depth {
    return this.#deeper({
      levels: around.levels + 1,
      messages: around.messages,
      containers: around.containers + 1,
      multiparts: within(around.multiparts, header.type),
      multipart: header,
      isDecoded: around.isDecoded && DECODED_IN.has(header.type),
    })
  }

  #leaf(
    header: PartHeader,
    from: number,
    end: Delimiter | undefined,
    place: Place,
    { isInHeader = false, isBetween = false, isAsItStands = false } = {},
  ): void {
    const to = end?.at ?? this.#text.size
    if (++this.#leaves > limits.parts) throw new LimitExceeded(`more than ${limits.parts} parts`)
    if (to <= from) return
    const { depth, around } = place
    const all = encodingsOf(header, around)
    const encodings = isAsItStands ? all.filter((encoding) => encoding === 'identity') : all
    if (encodings.length === 0) return
    const type = header.type === '' ? 'text/plain' : header.type
    const isFirst = !this.#textTypes.has(type)
    if (header.text !== 'no' || header.type === '') this.#textTypes.add(type)
    const isOwn =
      header.text === 'sure' && isFirst && depth.messages === 0 && place.seenBy === 'all'
    this.#found.push({
      from,
      to,
      header,
      encodings,
      depth,
      seenBy: this.#seenBy(place),
      isOwnText: isBetween || (isOwn && this.habits.isCommon),
      isInHeader,
    })
  }

  /** Finds the next delimiter of the outermost `count` multiparts at or after this offset. */
  *#nextDelimiter(from: number, count: number): Generator<number, Delimiter | undefined> {
    if (count === 0) return undefined
    const text = this.#text
    const { questions } = this.habits
    for (let number = yield* text.dashLineFrom(from); ; number++) {
      const line: DashLine | undefined = yield* text.dashLine(number)
      if (line === undefined) return undefined
      this.#units += DASH_COST
      if (this.#units >= UNITS_TOGETHER) yield this.#takeUnits()
      const found = this.#delimiterAt(line, count)
      if (!found) continue
      // Some programs see only the delimiters of the innermost multipart that is not closed.
      const isOuter = found.level < count - 1 && !this.#closed[count - 1]
      if (isOuter && this.habits.choose('outer delimiter') === 1) continue
      return { ...found, at: line.at, isUndisputed: this.habits.questions === questions }
    }
  }

  #delimiterAt(line: DashLine, count: number): FoundDelimiter | undefined {
    if (!line.firsts.some((first) => first > 0 && this.#open.mayBegin(first))) return undefined
    const text = this.#text.textOf(line)
    this.#units += text.length
    const found =
      line.dashes === line.at ? this.#open.delimiterIn(text, count, this.habits) : undefined
    if (found) return found
    for (let more = line.dashes === line.at ? 1 : 0; more < line.firsts.length; more++) {
      if (line.firsts[more] === 0) return undefined
      const behind = this.#open.delimiterIn(text.slice(more), count, this.habits)
      if (behind && this.habits.choose('dash front') === 1) return behind
    }
    return undefined
  }

  #seenBy(place: Place): SeenBy {
    return this.habits.isCommon && place.around.length === 0 ? place.seenBy : 'some'
  }

  #takeUnits(): number {
    const units = this.#units
    this.#units = 0
    return units
  }
}

/** The types of multiparts, with one more inside of them. */
function within(multiparts: string, type: string): string {
  const subtype = type.replace(/^multipart\//, '')
  return multiparts === '' ? subtype : `${multiparts}/${subtype}`
}

function isCoding(encoding: Encoding): boolean {
  return encoding !== 'identity'
}

/** Returns the encodings of a part: those of its header, and those of the multiparts around it. */
function encodingsOf(header: PartHeader, around: readonly Encoding[]): readonly Encoding[] {
  if (around.length === 0) return header.encodings
  return [...new Set([...header.encodings, ...around])]
}

/** Upper limit for the lines above the mbox line: only the line that scanners receive (message.ts). */
const FROM_LINE_MAX = 1

/** The bytes of a line of a header that may be a delimiter. */
const LINE_MAX = 1104

/** The lines of a header so far. */
class HeaderLines {
  readonly lines = new MimeLines()
  /** The number of lines, including folds. */
  count = 0
  /** The number of consecutive lines that were not fields. */
  strange = 0
  /** Whether each was a field, and an empty line ended the header. */
  isWhole = true
  /** Whether the last one ended in CR LF. */
  isCrlf = true
  /** Whether the body begins among lines that belong to the header in other readings. */
  isBodyInHeader = false
  /** The multipart that they announce, if they do. */
  own: OpenMultiparts | undefined

  /** Takes a line with its end. Throws LimitExceeded if the header is larger than the limit. */
  add(bytes: Buffer, continues: boolean): void {
    this.count++
    this.lines.add(bytes.toString('latin1'), continues)
    this.#checkLimits()
  }

  /** Takes all fields of a header that all readers read alike. Throws LimitExceeded as `add` does. */
  addWellFormed(header: Header): void {
    this.count += header.fields.length
    this.lines.addWellFormed(header)
    this.isCrlf = header.lineEnding === '\r\n'
    this.#checkLimits()
  }

  #checkLimits(): void {
    const { over } = this.lines
    if (over !== undefined) throw new LimitExceeded(`a header with ${over}`)
  }

  /** Returns whether an empty line ends the header only for some programs. */
  isOddEnd(bytes: Buffer): boolean {
    return bytes.length > 2 || (bytes.length === 2 && !this.isCrlf)
  }

  /** Parses the boundaries in the lines since the last call: parts may begin before the header has ended. */
  learn(): void {
    const fresh = this.lines.takeFresh()
    if (!/multipart|boundary/i.test(fresh)) return
    if (!this.own) {
      this.own = new OpenMultiparts()
      this.own.push({ exact: undefined, forms: [], isAny: true, isSure: false })
    }
    this.own.learn(boundariesIn(readingsOf(fresh)))
  }
}

function multipartOf({ multipart, boundary, boundaries }: PartHeader): Multipart {
  const isSure = multipart === 'sure'
  return {
    exact: boundary,
    forms: boundaries,
    isAny: !isSure && boundary === undefined,
    isSure,
  }
}
