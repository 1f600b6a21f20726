import { withoutLineEnd } from '../../../lib/bytes/lines.ts'
import type { KnownHeader } from '../../message/message.ts'
import { LimitExceeded, limits } from '../budget/limits.ts'
import type { Habits } from '../habits/habits.ts'
import type { Encoding } from '../headers/encodings.ts'
import { isField } from '../headers/header-lines.ts'
import { NO_HEADER, type PartHeader } from '../headers/part-header.ts'
import type { DashLine } from './dash-lines.ts'
import { DECODED_IN, type Depth, declaresType, insideMessage, isOfDigest } from './depth.ts'
import {
  continuesHeader,
  DASH_LINE_COST,
  HEADER_LINE_COST,
  type HeaderCache,
  type HeaderOf,
  HeaderReading,
  type ReadHeader,
  type ReadingContext,
} from './header-reading.ts'
import type { MailText } from './mail-text.ts'
import { type FoundDelimiter, type Multipart, OpenMultiparts } from './multiparts.ts'
import { Units } from './units.ts'

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
  /** Whether it is the text of a multipart above its parts. */
  readonly isPreamble: boolean
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

/** What the reading of a header or a body needs of its surroundings. */
interface Place {
  readonly of: HeaderOf
  readonly depth: Depth
  /** The encodings of the multiparts around it. */
  readonly outerEncodings: readonly Encoding[]
  /** Which programs see it, if the choices of the reading are common and no multipart around it is encoded. */
  readonly seenBy: SeenBy
}

/** The same position, where some programs read what is around it, or where it begins, differently. */
function disputed(place: Place): Place {
  return place.seenBy === 'all' ? { ...place, seenBy: 'most' } : place
}

/**
 * One reading of a message, as a program with these habits reads it: a plain parser, independent of other
 * readings. It asks for a habit wherever programs differ, and gives the same result for the same habits. The
 * time is linear in the headers and the lines of dashes.
 */
export class Reading {
  readonly #text: MailText
  readonly habits: Habits
  readonly #known: KnownHeader | undefined
  readonly #outerDepth: Depth
  readonly #open = new OpenMultiparts()
  readonly #units = new Units()
  readonly #context: ReadingContext
  readonly #closed: boolean[] = []
  readonly #textTypes = new Set<string>()
  #found: (Leaf | SeenHeader)[] = []
  #leaves = 0
  /** The number of delimiters read as lines of a header. */
  #delimitersInHeaders = 0
  /**
   * The greatest depth so far: of levels, of messages, or of a third of all containers. A level of forwarding may add
   * three containers: a message, and two multiparts around the next one.
   */
  deepest = 0

  constructor(
    text: MailText,
    habits: Habits,
    {
      outerDepth,
      headers,
      known,
      isForDepth = false,
    }: {
      readonly outerDepth: Depth
      readonly headers: HeaderCache
      readonly known?: KnownHeader | undefined
      readonly isForDepth?: boolean | undefined
    },
  ) {
    this.#text = text
    this.habits = habits
    this.#outerDepth = outerDepth
    this.#known = known
    this.#context = { text, habits, headers, open: this.#open, units: this.#units, isForDepth }
  }

  /** Reads the mail. Yields the units of work that are done. Throws LimitExceeded. */
  *read(): Generator<number> {
    const top = { of: 'mail', depth: this.#outerDepth, outerEncodings: [], seenBy: 'all' } as const
    yield* this.#entity(0, top, this.#known)
    // Elsewhere a CR makes no difference: nothing looks for lines there.
    if (this.#text.hasBareCr) this.habits.note('bare CR')
    yield this.#units.take()
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
    const { questions } = this.habits
    const seenBy = this.#seenBy(place)
    const reading = new HeaderReading(this.#context, place.of, seenBy !== 'some')
    const found = yield* reading.read(from, known)
    this.#delimitersInHeaders += found.passed
    this.#found.push({ seen: found.header, seenBy })
    if (this.#units.areDue) yield this.#units.take()
    if (found.delimiter) return { ...found.delimiter, isUndisputed: false }
    return yield* this.#body(found, this.#sinceThen(place, questions))
  }

  /** Returns the position, disputed if a question was asked since the given number of questions. */
  #sinceThen(place: Place, questions: number): Place {
    return this.habits.questions > questions ? disputed(place) : place
  }

  /** Returns whether this reading takes a header that may announce a multipart for that of one. */
  #announcesMultipart({ type }: PartHeader): boolean {
    return type === '' || type.startsWith('multipart')
      ? this.habits.does('multipart') === 'is that of a multipart'
      : this.habits.does('boundary') === 'is that of a multipart'
  }

  /** Reads what a header announces. Returns the delimiter at which that ends. */
  *#body(found: ReadHeader, outerPlace: Place): Generator<number, Delimiter | undefined> {
    const { header, bodyAt: at, isBodyInHeader: isInHeader } = found
    const { multipart, message } = header
    const { questions } = this.habits
    let place = outerPlace
    if (multipart === 'sure' || (multipart === 'maybe' && this.#announcesMultipart(header))) {
      return yield* this.#multipart(header, at, this.#sinceThen(place, questions))
    }
    const isReadAsMessage =
      message === 'sure' ||
      isOfDigest(header, place.depth) ||
      (message === 'maybe' && this.habits.does('message') === 'is that of a message')
    if (!isReadAsMessage) {
      const end = yield* this.#nextDelimiter(at, this.#open.length)
      place = this.#sinceThen(place, questions)
      this.#leaf(header, at, end, place, { isInHeader })
      return end
    }
    place = this.#sinceThen(place, questions)
    const depth = this.#depthOfMessage(found, place)
    const seenBy = header.encodings.some(isCoding) ? 'some' : place.seenBy
    const before = this.#delimitersInHeaders
    const end = yield* this.#entity(at, { of: 'mail', depth, outerEncodings: [], seenBy })
    // Its header swallowed a delimiter. A program that decodes the message first has ended the part there, so
    // these bytes are given only undecoded.
    const isAsItStands = this.#delimitersInHeaders > before
    this.#leaf(header, at, end, place, { isInHeader, isAsItStands })
    return end
  }

  /**
   * Returns the depth of an attached message: for libclamav it is a separate file, or continues in the
   * message around it.
   */
  #depthOfMessage({ header, bodyAt, isRegular }: ReadHeader, { depth }: Place): Depth {
    const isPlainly = header.message === 'sure' || !declaresType(header)
    const isFile =
      isRegular && isPlainly && header.multipart === 'no' && depth.multipart !== undefined
    const inPlace = continuesHeader(this.#text, bodyAt) ? depth.levels : 0
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
    this.#text.openMultipart(at)
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
      outerEncodings: [...new Set([...place.outerEncodings, ...own])],
      seenBy: place.seenBy,
    }
    let outer: Delimiter | undefined | 'not looked for' = 'not looked for'
    let found = yield* this.#nextDelimiter(at, level + 1)
    this.#leaf(header, at, found, place, { isPreamble: true })
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
      if (
        isPart &&
        this.habits.does('text after the end') === 'is a part, and begins with its header'
      ) {
        found = yield* this.#entity(from, { ...disputed(inside), of: 'text after the end' })
        continue
      }
      const isBehindEnd = next !== undefined && next.level === level
      const goesOn = isBehindEnd && this.habits.does('delimiter after the end') === 'begins a part'
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
      this.#units.add(bytes.length + HEADER_LINE_COST)
      if (this.#units.areDue) yield this.#units.take()
      const lineEnd = withoutLineEnd(bytes, 0, bytes.length)
      if (lineEnd === 0) return false
      if (isField(bytes, 0, lineEnd)) return true
      at = to
    }
    return false
  }

  #depthOfMultipart(header: PartHeader, outer: Depth): Depth {
    return this.#deeper({
      levels: outer.levels + 1,
      messages: outer.messages,
      containers: outer.containers + 1,
      subtypes: within(outer.subtypes, header.type),
      multipart: header,
      isDecoded: outer.isDecoded && DECODED_IN.has(header.type),
    })
  }

  #leaf(
    header: PartHeader,
    from: number,
    end: Delimiter | undefined,
    place: Place,
    { isInHeader = false, isPreamble = false, isBetween = false, isAsItStands = false } = {},
  ): void {
    const to = end?.at ?? this.#text.size
    if (++this.#leaves > limits.parts) throw new LimitExceeded(`more than ${limits.parts} parts`)
    if (to <= from) return
    const { depth, outerEncodings } = place
    const all = encodingsOf(header, outerEncodings)
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
      isPreamble,
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
      this.#units.add(DASH_LINE_COST)
      if (this.#units.areDue) yield this.#units.take()
      const found = this.#delimiterAt(line, count)
      if (!found) continue
      // Some programs see only the delimiters of the innermost multipart that is not closed.
      const isOuter = found.level < count - 1 && !this.#closed[count - 1]
      if (isOuter && this.habits.does('outer delimiter') === 'is text of the part inside') continue
      return { ...found, at: line.at, isUndisputed: this.habits.questions === questions }
    }
  }

  #delimiterAt(line: DashLine, count: number): FoundDelimiter | undefined {
    if (!line.firsts.some((first) => first > 0 && this.#open.mayBegin(first))) return undefined
    const text = this.#text.textOf(line)
    this.#units.add(text.length)
    const found =
      line.dashes === line.at ? this.#open.delimiterIn(text, count, this.habits) : undefined
    if (found) return found
    for (let more = line.dashes === line.at ? 1 : 0; more < line.firsts.length; more++) {
      if (line.firsts[more] === 0) return undefined
      const behind = this.#open.delimiterIn(text.slice(more), count, this.habits)
      if (behind && this.habits.does('dash front') === 'are skipped') return behind
    }
    return undefined
  }

  #seenBy(place: Place): SeenBy {
    return this.habits.isCommon && place.outerEncodings.length === 0 ? place.seenBy : 'some'
  }
}

/** Returns the path of subtypes of a multipart inside of multiparts with this path. */
function within(subtypes: string, type: string): string {
  const subtype = type.replace(/^multipart\//, '')
  return subtypes === '' ? subtype : `${subtypes}/${subtype}`
}

function isCoding(encoding: Encoding): boolean {
  return encoding !== 'identity'
}

/** Returns the encodings of a part: those of its header, and those of the multiparts around it. */
function encodingsOf(header: PartHeader, outer: readonly Encoding[]): readonly Encoding[] {
  if (outer.length === 0) return header.encodings
  return [...new Set([...header.encodings, ...outer])]
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
