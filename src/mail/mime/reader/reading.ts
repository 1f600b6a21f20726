import { withoutLineEnd } from '../../../lib/bytes/lines.ts'
import type { KnownHeader } from '../../message/message.ts'
import type { Habits } from '../habits/habits.ts'
import type { Encoding } from '../headers/encodings.ts'
import { isField } from '../headers/header-lines.ts'
import { NO_HEADER, type PartHeader } from '../headers/part-header.ts'
import { type Delimiter, DelimiterSearch } from './delimiter-search.ts'
import { type Depth, DepthMeter, declaresType, isMessageByDefault } from './depth.ts'
import { FoundLeaves, type Leaf, type SeenHeader } from './found.ts'
import {
  continuesHeader,
  HEADER_LINE_COST,
  type HeaderCache,
  HeaderReading,
  type ReadHeader,
  type ReadingContext,
} from './header-reading.ts'
import type { MailText } from './mail-text.ts'
import { type Multipart, OpenMultiparts } from './multiparts.ts'
import { behind, disputed, enter, type Place, type Surroundings, seenByNow } from './place.ts'
import { Units } from './work-units.ts'

/** A multipart whose parts are being read. */
interface OpenMultipart {
  readonly level: number
  /** The place of the multipart itself, and of each of its parts. */
  readonly around: Surroundings
  readonly inside: Surroundings
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
  readonly #delimiters: DelimiterSearch
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
      readonly isForLibclamav?: boolean | undefined
    },
  ) {
    this.#text = text
    this.habits = habits
    this.#outerDepth = outerDepth
    this.#known = known
    this.#context = { text, habits, headers, open: this.#open, units: this.#units, isForLibclamav }
    this.#delimiters = new DelimiterSearch(this.#context)
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
    return this.#found.take()
  }

  /** The greatest depth so far (DepthMeter). */
  get deepest(): number {
    return this.#depths.deepest
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
    this.#found.addHeader({ seen: found.header, seenBy })
    if (this.#units.areDue) yield this.#units.take()
    if (found.delimiter) return { ...found.delimiter, isDisputed: true }
    return yield* this.#body(found, place)
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
      const end = yield* this.#delimiters.next(at, this.#open.length)
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
    const seenBy = header.encodings.some(isCoding) ? 'some' : this.#seenBy(place)
    const depth = this.#depths.inMessage(this.#levelsOfMessage(found, place), place.depth)
    const inside = this.#enter({ of: 'mail', depth, outerEncodings: [], seenBy })
    return yield* this.#entity(bodyAt, inside)
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
    const around = { ...place, seenBy: this.#seenBy(place) }
    const multipart: OpenMultipart = {
      level: this.#open.length,
      around,
      inside: {
        ...around,
        of: 'part',
        depth: this.#depths.inMultipart(header, place.depth),
        outerEncodings: [...new Set([...place.outerEncodings, ...own])],
      },
      outer: undefined,
    }
    this.#open.push(multipartOf(header))
    this.#text.openMultipart(at)
    const first = yield* this.#delimiters.first(at, header.boundaries)
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
    this.#open.close(level)
    const place = this.#enter(multipart.around)
    const outer = yield* this.#nextOuter(multipart, from)
    const isText = this.#text.notBlankFrom(from) < (outer?.at ?? this.#text.size)
    const next = isText ? yield* this.#delimiters.next(from, level + 1) : outer
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
    const found = yield* this.#delimiters.next(from, multipart.level)
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

  #enter(surroundings: Surroundings): Place {
    return enter(surroundings, this.habits)
  }

  #seenBy(place: Place): Leaf['seenBy'] {
    return seenByNow(place, this.habits)
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
