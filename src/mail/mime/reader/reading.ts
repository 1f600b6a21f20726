import { withoutLineEnd } from '../../../lib/bytes/lines.ts'
import type { KnownHeader } from '../../message/message.ts'
import type { Habits } from '../habits/habits.ts'
import type { Encoding } from '../headers/encodings.ts'
import { isField } from '../headers/header-lines.ts'
import { NO_HEADER, type PartHeader } from '../headers/part-header.ts'
import { type Depth, DepthMeter, declaresType, isMessageByDefault } from './depth.ts'
import { FoundLeaves, type Leaf, type SeenBy, type SeenHeader } from './found.ts'
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

/** A line that is a delimiter in this reading. */
interface Delimiter extends FoundDelimiter {
  readonly at: number
}

/** What the reading of a header or a body needs of its surroundings. */
interface Place {
  readonly of: HeaderOf
  readonly depth: Depth
  /** The encodings of the multiparts around it. */
  readonly outerEncodings: readonly Encoding[]
  /** Whether a message around it is encoded. */
  readonly isInEncoded: boolean
}

/** A multipart whose parts are being read. */
interface OpenMultipart {
  readonly level: number
  /** The place of the multipart itself, and of each of its parts. */
  readonly around: Place
  readonly inside: Place
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
  readonly #context: ReadingContext
  readonly #depths = new DepthMeter()
  readonly #found = new FoundLeaves()
  /** The number of delimiters read as lines of a header. */
  #delimitersInHeaders = 0

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
      readonly isForLibclamav?: boolean
    },
  ) {
    this.#text = text
    this.habits = habits
    this.#outerDepth = outerDepth
    this.#known = known
    this.#context = { text, habits, headers, open: this.#open, isForLibclamav }
  }

  /** Reads the mail. Yields the units of work that are done. Throws LimitExceeded. */
  *read(): Generator<number> {
    const depth = this.#outerDepth
    const top = { of: 'mail', depth, outerEncodings: [], isInEncoded: false } as const
    yield* this.#entity(0, top, this.#known)
    // Elsewhere a CR makes no difference: nothing looks for lines there.
    if (yield* this.#text.hasBareCr()) this.habits.note('bare CR')
    yield this.#text.units.take()
  }

  /** Returns the leaf parts and headers that were found since the last call. */
  takeFound(): readonly (Leaf | SeenHeader)[] {
    return this.#found.take()
  }

  /** The greatest depth so far (DepthMeter). */
  get deepest(): number {
    return this.#depths.deepest
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
    this.#found.addHeader({ seen: found.header, seenBy })
    if (this.#text.units.areDue) yield this.#text.units.take()
    return found.delimiter ?? (yield* this.#body(found, place))
  }

  /** Reads what a header announces. Returns the delimiter at which that ends. */
  *#body(found: ReadHeader, place: Place): Generator<number, Delimiter | undefined> {
    const { header, bodyAt: at, isBodyInHeader: isInHeader } = found
    if (this.#announcesMultipart(header)) {
      const end = yield* this.#multipart(header, at, place)
      // To others this is one text or file. They may do so here, and read another multipart as this reading does.
      if (header.multipart === 'maybe') this.#leaf(header, at, end, place, { isInHeader })
      return end
    }
    if (!this.#announcesMessage(header, place.depth)) {
      const end = yield* this.#next(at, this.#open.length)
      this.#leaf(header, at, end, place, { isInHeader })
      return end
    }
    const before = this.#delimitersInHeaders
    const end = yield* this.#message(found, place)
    // Its header swallowed a delimiter, as that of an attached message `A: b\n--b\nC: d\n\nx` may. A program that
    // decodes the message first has ended the part at `--b`, so these bytes are read only undecoded.
    const isAsItStands = this.#delimitersInHeaders > before
    this.#leaf(header, at, end, place, { isInHeader, isAsItStands })
    return end
  }

  /** Returns whether this reading takes a header for that of a multipart. */
  #announcesMultipart({ multipart, type }: PartHeader): boolean {
    if (multipart !== 'maybe') return multipart === 'sure'
    return type === '' || type.startsWith('multipart')
      ? this.habits.does('multipart') === 'is that of a multipart'
      : this.habits.does('boundary') === 'is that of a multipart'
  }

  /** Returns whether this reading takes a header for that of a message. */
  #announcesMessage(header: PartHeader, depth: Depth): boolean {
    return header.message !== 'no' || isMessageByDefault(header, depth)
  }

  *#message(found: ReadHeader, place: Place): Generator<number, Delimiter | undefined> {
    const { header, bodyAt } = found
    const isInEncoded = this.#seenBy(place) === 'some' || header.encodings.some(isCoding)
    const depth = this.#depths.inMessage(this.#levelsOfMessage(found, place), place.depth)
    return yield* this.#entity(bodyAt, { of: 'mail', depth, outerEncodings: [], isInEncoded })
  }

  /**
   * Returns the levels around an attached message: for libclamav it is a separate file, or continues in the
   * message around it.
   */
  #levelsOfMessage({ header, bodyAt, isRegular }: ReadHeader, { depth }: Place): number {
    const isPlainly = header.message === 'sure' || !declaresType(header)
    const isFile =
      isRegular && isPlainly && header.multipart === 'no' && depth.multipart !== undefined
    const inPlace = continuesHeader(this.#text, bodyAt) ? depth.levels : 0
    return isFile ? inPlace : depth.levels + 1
  }

  /** Reads a multipart. Returns the delimiter of one around it, at which it ends. */
  *#multipart(
    header: PartHeader,
    at: number,
    place: Place,
  ): Generator<number, Delimiter | undefined> {
    const own = header.encodings.filter(isCoding)
    const multipart: OpenMultipart = {
      level: this.#open.length,
      around: place,
      inside: {
        ...place,
        of: 'part',
        depth: this.#depths.inMultipart(header, place.depth),
        outerEncodings: [...new Set([...place.outerEncodings, ...own])],
      },
      outer: undefined,
    }
    this.#open.push(multipartOf(header))
    const first = yield* this.#next(at, this.#open.length)
    this.#leaf(header, at, first, place, { isPreamble: true })
    const end = yield* this.#parts(multipart, first)
    this.#open.pop()
    return end
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
        : yield* this.#entity(from, multipart.inside)
    }
    return found
  }

  /**
   * Reads the text after the end of a multipart. Returns the delimiter at which that ends: one of the multipart itself,
   * if this reading goes on with it, or of one around it.
   */
  *#afterEnd(multipart: OpenMultipart, from: number): Generator<number, Delimiter | undefined> {
    const { level, around, inside } = multipart
    this.#open.close(level)
    const outer = yield* this.#nextOuter(multipart, from)
    const isText = this.#text.notBlankFrom(from) < (outer?.at ?? this.#text.size)
    const next = isText ? yield* this.#next(from, level + 1) : outer
    const isPart = isText && (yield* this.#beginsWithFields(from, next?.at ?? this.#text.size))
    if (
      isPart &&
      this.habits.does('text after the end') === 'is a part, and begins with its header'
    )
      return yield* this.#entity(from, { ...inside, of: 'text after the end' })
    const goesOn =
      next?.level === level && this.habits.does('delimiter after the end') === 'begins a part'
    const end = goesOn ? next : outer
    this.#leaf(NO_HEADER, from, end, around, { isBetween: true })
    return end
  }

  /** Returns the next delimiter of a multipart around this one. It is looked for again only when it was passed. */
  *#nextOuter(multipart: OpenMultipart, from: number): Generator<number, Delimiter | undefined> {
    const known = multipart.outer
    const isValid = known && (known.found === undefined || known.found.at >= from)
    if (isValid) return known.found
    const found = yield* this.#next(from, multipart.level)
    multipart.outer = { found }
    return found
  }

  /** Returns whether the lines from this offset on contain a field before an empty line. */
  *#beginsWithFields(from: number, end: number): Generator<number, boolean> {
    let at = from
    while (at < end) {
      const { bytes, to } = this.#text.line(at)
      this.#text.units.add(HEADER_LINE_COST)
      if (this.#text.units.areDue) yield this.#text.units.take()
      const lineEnd = withoutLineEnd(bytes, 0, bytes.length)
      if (lineEnd === 0) return false
      if (isField(bytes, 0, lineEnd)) return true
      at = to
    }
    return false
  }

  /** Returns the next delimiter of the outermost `count` multiparts at or after this offset. */
  *#next(from: number, count: number): Generator<number, Delimiter | undefined> {
    if (count === 0) return undefined
    const text = this.#text
    for (let at = yield* text.dashLineFrom(from); at !== undefined; ) {
      text.units.add(DASH_LINE_COST)
      if (text.units.areDue) yield text.units.take()
      const found = this.#open.delimiterIn(text.dashText(at), count, this.habits)
      if (found && !this.#isTextInside(found, count)) return { ...found, at }
      at = yield* text.dashLineFrom(at + 1)
    }
    return undefined
  }

  /** Returns whether a delimiter is text: some programs see only those of the innermost multipart that is not closed. */
  #isTextInside({ level }: FoundDelimiter, count: number): boolean {
    const isOuter = level < count - 1 && !this.#open.isClosed(count - 1)
    return isOuter && this.habits.does('outer delimiter') === 'is text of the part inside'
  }

  #leaf(
    header: PartHeader,
    from: number,
    end: Delimiter | undefined,
    place: Place,
    { isInHeader = false, isPreamble = false, isBetween = false, isAsItStands = false } = {},
  ): void {
    const all = encodingsOf(header, place.outerEncodings)
    this.#found.addLeaf({
      from,
      to: end?.at ?? this.#text.size,
      header,
      encodings: isAsItStands ? all.filter((encoding) => !isCoding(encoding)) : all,
      depth: place.depth,
      seenBy: this.#seenBy(place),
      isPreamble,
      isInHeader,
      isBetween,
    })
  }

  #seenBy({ outerEncodings, isInEncoded }: Place): SeenBy {
    return this.habits.isCommon && outerEncodings.length === 0 && !isInEncoded ? 'all' : 'some'
  }
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
  return { spellings: boundaries, isAny: multipart !== 'sure' && boundary === undefined }
}
