import { withoutLineEnd } from '../../../lib/bytes/lines.ts'
import type { KnownHeader } from '../../message/message.ts'
import { LimitExceeded, limits } from '../budget/limits.ts'
import type { Habits } from '../habits/habits.ts'
import type { Encoding } from '../headers/encodings.ts'
import { isField } from '../headers/header-lines.ts'
import { NO_HEADER, type PartHeader } from '../headers/part-header.ts'
import type { DashLine } from './dash-lines.ts'
import { DECODED_IN, type Depth, declaresType, insideMessage, isMessageByDefault } from './depth.ts'
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
  /** Whether programs read it, or the lines since the position from which it was looked for, differently. */
  readonly isDisputed: boolean
}

/** What the reading of a header or a body needs of its surroundings. */
interface Surroundings {
  readonly of: HeaderOf
  readonly depth: Depth
  /** The encodings of the multiparts around it. */
  readonly outerEncodings: readonly Encoding[]
  /** Which programs see the place where it begins. */
  readonly seenBy: SeenBy
}

interface Place extends Surroundings {
  /**
   * The number of questions that had been asked of the habits where it begins. If more have been asked since, programs
   * differ about what was read since.
   */
  readonly questions: number
}

/** A multipart whose parts are being read. */
interface OpenMultipart {
  readonly level: number
  /** The boundaries of its header. */
  readonly boundaries: readonly string[]
  /** The place of the multipart itself, and of each of its parts. */
  readonly around: Surroundings
  readonly inside: Surroundings
  /** Whether its last delimiter was read. */
  isClosed: boolean
  /** The delimiter of a multipart around it that comes next, from an offset on, once it was looked for. */
  outer: { readonly found: Delimiter | undefined } | undefined
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
  readonly #multiparts: OpenMultipart[] = []
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
      isForLibclamav = false,
    }: {
      readonly outerDepth: Depth
      readonly headers: HeaderCache
      readonly known?: KnownHeader | undefined
      readonly isForLibclamav?: boolean | undefined
    },
  ) {
    this.#text = text
    this.habits = habits
    this.#outerDepth = outerDepth
    this.#known = known
    this.#context = { text, habits, headers, open: this.#open, units: this.#units, isForLibclamav }
  }

  /** Reads the mail. Yields the units of work that are done. Throws LimitExceeded. */
  *read(): Generator<number> {
    const depth = this.#outerDepth
    const top = this.#enter({ of: 'mail', depth, outerEncodings: [], seenBy: 'all' })
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
    const seenBy = this.#seenBy(place)
    const reading = new HeaderReading(this.#context, place.of, seenBy !== 'some')
    const found = yield* reading.read(from, known)
    this.#delimitersInHeaders += found.passed
    this.#found.push({ seen: found.header, seenBy })
    if (this.#units.areDue) yield this.#units.take()
    if (found.delimiter) return { ...found.delimiter, isDisputed: true }
    return yield* this.#body(found, place)
  }

  /** Returns a place that is entered now. */
  #enter(surroundings: Surroundings): Place {
    return { ...surroundings, questions: this.habits.questions }
  }

  /** Returns whether this reading takes a header that may announce a multipart for that of one. */
  #announcesMultipart({ type }: PartHeader): boolean {
    return type === '' || type.startsWith('multipart')
      ? this.habits.does('multipart') === 'is that of a multipart'
      : this.habits.does('boundary') === 'is that of a multipart'
  }

  /** Reads what a header announces. Returns the delimiter at which that ends. */
  *#body(found: ReadHeader, place: Place): Generator<number, Delimiter | undefined> {
    const { header, bodyAt: at, isBodyInHeader: isInHeader } = found
    const { multipart } = header
    if (multipart === 'sure' || (multipart === 'maybe' && this.#announcesMultipart(header))) {
      return yield* this.#multipart(header, at, place)
    }
    if (!this.#announcesMessage(header, place.depth)) {
      const end = yield* this.#nextDelimiter(at, this.#open.length)
      this.#leaf(header, at, end, place, { isInHeader })
      return end
    }
    const before = this.#delimitersInHeaders
    const end = yield* this.#message(found, place)
    // Its header swallowed a delimiter, as that of an attached message `A: b\n--b\nC: d\n\nx` may. A program that
    // decodes the message first has ended the part at `--b`, so these bytes are given only undecoded.
    const isAsItStands = this.#delimitersInHeaders > before
    this.#leaf(header, at, end, place, { isInHeader, isAsItStands })
    return end
  }

  /** Returns whether this reading takes a header for that of a message. */
  #announcesMessage(header: PartHeader, depth: Depth): boolean {
    if (header.message === 'maybe') return this.habits.does('message') === 'is that of a message'
    return header.message === 'sure' || isMessageByDefault(header, depth)
  }

  *#message(found: ReadHeader, place: Place): Generator<number, Delimiter | undefined> {
    const { header, bodyAt } = found
    const seenBy = header.encodings.some(isCoding) ? 'some' : this.#seenBy(place)
    const depth = this.#depthOfMessage(found, place)
    const inside = this.#enter({ of: 'mail', depth, outerEncodings: [], seenBy })
    return yield* this.#entity(bodyAt, inside)
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

  /** Reads a multipart. Returns the delimiter of one around it, at which it ends. */
  *#multipart(
    header: PartHeader,
    at: number,
    place: Place,
  ): Generator<number, Delimiter | undefined> {
    const own = header.encodings.filter(isCoding)
    const around = { ...place, seenBy: this.#seenBy(place) }
    const multipart: OpenMultipart = {
      level: this.#open.length,
      boundaries: header.boundaries,
      around,
      inside: {
        ...around,
        of: 'part',
        depth: this.#depthOfMultipart(header, place.depth),
        outerEncodings: [...new Set([...place.outerEncodings, ...own])],
      },
      isClosed: false,
      outer: undefined,
    }
    this.#open.push(multipartOf(header))
    this.#multiparts.push(multipart)
    this.#text.openMultipart(at)
    const first = yield* this.#firstDelimiter(multipart, at)
    this.#leaf(header, at, first, place, { isPreamble: true })
    const end = yield* this.#parts(multipart, first)
    this.#multiparts.pop()
    this.#open.pop()
    return end
  }

  /** Returns the first delimiter of a multipart, which enmime finds in the middle of a line, too. */
  *#firstDelimiter(
    { level, boundaries }: OpenMultipart,
    at: number,
  ): Generator<number, Delimiter | undefined> {
    const first = yield* this.#nextDelimiter(at, level + 1)
    const end = first?.at ?? this.#text.size
    const inLine = yield* this.#text.delimiterInLine(at, end, boundaries)
    if (inLine === undefined) return first
    return this.habits.does('dash front') === 'is skipped'
      ? { level, closes: false, at: inLine, isDisputed: true }
      : first && { ...first, isDisputed: true }
  }

  /** Reads the parts of a multipart, from its first delimiter on. */
  *#parts(
    multipart: OpenMultipart,
    first: Delimiter | undefined,
  ): Generator<number, Delimiter | undefined> {
    let found = first
    while (found && found.level >= multipart.level) {
      const from = this.#text.line(found.at).to
      found = found.closes
        ? yield* this.#afterEnd(multipart, from)
        : yield* this.#entity(from, this.#enter(behind(found, multipart.inside)))
    }
    return found
  }

  /**
   * Reads the text after the end of a multipart. Returns the delimiter at which that ends: one of the multipart itself,
   * if this reading goes on with it, or of one around it.
   */
  *#afterEnd(multipart: OpenMultipart, from: number): Generator<number, Delimiter | undefined> {
    const { level, inside } = multipart
    multipart.isClosed = true
    const place = this.#enter(multipart.around)
    const outer = yield* this.#nextOuter(multipart, from)
    const isText = this.#text.notBlankFrom(from) < (outer?.at ?? this.#text.size)
    const next = isText ? yield* this.#nextDelimiter(from, level + 1) : outer
    const isPart = isText && (yield* this.#beginsWithFields(from, next?.at ?? this.#text.size))
    if (
      isPart &&
      this.habits.does('text after the end') === 'is a part, and begins with its header'
    ) {
      const part = { ...inside, of: 'text after the end', seenBy: disputed(inside.seenBy) } as const
      return yield* this.#entity(from, this.#enter(part))
    }
    const goesOn =
      next?.level === level && this.habits.does('delimiter after the end') === 'begins a part'
    const end = goesOn ? next : outer
    this.#leaf(NO_HEADER, from, end, place, { isBetween: true })
    return end
  }

  /** Returns the next delimiter of a multipart around this one. It is looked for again only when it was passed. */
  *#nextOuter(multipart: OpenMultipart, from: number): Generator<number, Delimiter | undefined> {
    const known = multipart.outer
    const isValid = known && (known.found === undefined || known.found.at >= from)
    if (isValid) return known.found
    const found = yield* this.#nextDelimiter(from, multipart.level)
    multipart.outer = { found }
    return found
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
    const seenBy = this.#seenBy(place)
    const all = encodingsOf(header, outerEncodings)
    const encodings = isAsItStands ? all.filter((encoding) => encoding === 'identity') : all
    if (encodings.length === 0) return
    const type = header.type === '' ? 'text/plain' : header.type
    const isFirst = !this.#textTypes.has(type)
    if (header.text !== 'file' || header.type === '') this.#textTypes.add(type)
    const isOwn = header.text === 'shown' && isFirst && depth.messages === 0 && seenBy === 'all'
    this.#found.push({
      from,
      to,
      header,
      encodings,
      depth,
      seenBy,
      isOwnText: isBetween || isOwn,
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
      const textOf = () => this.#textOf(line)
      const found = this.#open.delimiterAt(line, textOf, count, this.habits)
      if (!found) continue
      // Some programs see only the delimiters of the innermost multipart that is not closed.
      const isOuter = found.level < count - 1 && !this.#multiparts[count - 1]!.isClosed
      if (isOuter && this.habits.does('outer delimiter') === 'is text of the part inside') continue
      return { ...found, at: line.at, isDisputed: this.habits.questions > questions }
    }
  }

  #textOf(line: DashLine): string {
    const text = this.#text.textOf(line)
    this.#units.add(text.length)
    return text
  }

  /** Returns which programs see a place and all that was read of it up to now, in one way. */
  #seenBy({ seenBy, questions, outerEncodings }: Place): SeenBy {
    if (!this.habits.isCommon || outerEncodings.length > 0) return 'some'
    return this.habits.questions > questions ? disputed(seenBy) : seenBy
  }
}

function disputed(seenBy: SeenBy): SeenBy {
  return seenBy === 'all' ? 'most' : seenBy
}

/** Returns the surroundings of what begins at a delimiter. */
function behind({ isDisputed }: Delimiter, surroundings: Surroundings): Surroundings {
  if (!isDisputed) return surroundings
  return { ...surroundings, seenBy: disputed(surroundings.seenBy) }
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
    spellings: boundaries,
    isAny: !isSure && boundary === undefined,
    isSure,
  }
}
