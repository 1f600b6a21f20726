import { CR, LF } from '../../../base/bytes/ascii.ts'
import type { ByteRange } from '../../message/bytes.ts'
import { FIELD_NAME_MAX } from '../../message/content-fields.ts'
import { beginsWithField, isMailboxLine, LAXEST_FIELD } from '../../message/field-line.ts'
import { Header } from '../../message/header-block.ts'
import { headerFault } from '../../message/well-formed.ts'
import { costs, SEARCHED_PER_UNIT } from '../budget/costs.ts'
import { LimitExceeded, limits } from '../budget/limits.ts'
import type { Steps, Work } from '../budget/work.ts'
import { mimeTextOf } from '../headers/mime-lines.ts'
import { EMPTY_PART, NO_HEADER, type PartHeader, readPartHeader } from '../headers/part-header.ts'
import type { Oddity } from '../reports/oddities.ts'
import { type Depth, DepthMeter, isMessageByDefault, type Leaf } from '../structure/leaf.ts'
import {
  BOUNDARY_MAX,
  BOUNDARY_MIN,
  beginningOf,
  boundariesOfEnded,
  PROVED_MAX,
} from './end-of-message.ts'
import { SEARCHED_AT_ONCE, similarLine } from './similar-lines.ts'

/** A header, and the offset below its empty line. */
interface FoundHeader {
  readonly header: PartHeader
  readonly bodyAt: number
}

/** A message whose structure all programs read alike. Offsets in the message. */
export interface OrdinaryMail {
  /** All leaf parts, and the texts between parts, in their order; a message comes before what is in it. */
  readonly leaves: readonly Leaf[]
  /** All headers, in their order. */
  readonly headers: readonly PartHeader[]
  /** The number of messages: this one, and the attached ones that are read here. */
  readonly messages: number
  /** The attached messages whose own structure is odd. Nothing else of the mail depends on what is in them. */
  readonly odd: readonly OddRange[]
  /** The greatest depth (DepthMeter). */
  readonly deepest: number
}

/** A message of odd structure, between two delimiters of an ordinary multipart. */
interface OddRange extends ByteRange, OddStructure {
  readonly depth: Depth
}

/** Why programs may read the structure of a message in several ways. */
export interface OddStructure {
  readonly reason: string
  /** The word for the log and STRICTMIME, if there is one for it. */
  readonly oddity?: Oddity | undefined
}

/** Upper limit for the multiparts of a message, each of whose boundaries is searched for in all of its lines. */
const MULTIPARTS_MAX = 64

/**
 * Reads the structure of a message by a grammar of what all programs read alike. Each rule states what is allowed;
 * any other message is odd. The time is linear in the size.
 */
export function* readOrdinary(
  mail: Buffer,
  outerDepth: Depth,
  work: Work,
  known?: Header,
): Steps<OrdinaryMail | OddStructure> {
  try {
    return yield* new OrdinaryReading(mail, outerDepth, work).read(known)
  } catch (error) {
    if (error instanceof LimitExceeded) return { reason: error.message }
    if (!(error instanceof Odd)) throw error
    return { reason: error.message, oddity: error.oddity }
  }
}

export function isOdd(mail: OrdinaryMail | OddStructure): mail is OddStructure {
  return 'reason' in mail
}

class Odd extends Error {
  readonly oddity: Oddity | undefined
  /** Whether it may change what is around an attached message. */
  readonly isOfAll: boolean

  constructor(reason: string, oddity?: Oddity, isOfAll = false) {
    super(reason)
    this.oddity = oddity
    this.isOfAll = isOfAll
  }
}

/** A multipart: its boundary, and where its body begins. */
interface Multipart {
  readonly boundary: string
  readonly from: number
}

/** A message that is read by itself: the mail, or one that is attached between two delimiters. */
interface Scope {
  /** The boundaries of its multiparts, and those around it. */
  readonly multiparts: Multipart[]
  readonly outer: readonly Multipart[]
}

/** A place in a message. */
interface Place {
  readonly depth: Depth
  readonly isOfPart: boolean
  /** The types of the texts in the innermost message so far. */
  readonly textTypes: Set<string>
  readonly scope: Scope
}

class OrdinaryReading {
  readonly #mail: Buffer
  readonly #outerDepth: Depth
  readonly #work: Work
  readonly #depths = new DepthMeter()
  readonly #leaves: Leaf[] = []
  readonly #headers: PartHeader[] = []
  /** Each exact delimiter of a multipart that was read. */
  readonly #delimiters = new Set<string>()
  /** Where they are. */
  readonly #delimitersAt = new Set<number>()
  readonly #odd: OddRange[] = []
  /** How the delimiters of multiparts begin, up to BOUNDARY_MAX characters, and where the part or message that the first is in ends. */
  readonly #inner = new Map<string, number>()

  constructor(mail: Buffer, outerDepth: Depth, work: Work) {
    this.#mail = mail
    this.#work = work
    this.#outerDepth = outerDepth
  }

  *read(known: Header | undefined): Steps<OrdinaryMail> {
    const place = atTopOf(this.#outerDepth, { multiparts: [], outer: [] })
    yield* this.#mailIn(0, this.#mail.length, place, known)
    yield* this.#searchInner()
    return {
      leaves: this.#leaves,
      headers: this.#headers,
      messages: this.#depths.messages + 1,
      odd: this.#odd,
      deepest: this.#depths.deepest,
    }
  }

  /** Reads a message that is read by itself. */
  *#mailIn(from: number, to: number, place: Place, known?: Header): Steps {
    const odd = this.#odd.length
    yield* this.#entity(from, to, place, known)
    let at = from
    for (const inside of this.#odd.slice(odd)) {
      yield* this.#checkBytes(at, inside.from)
      at = inside.to
    }
    yield* this.#checkBytes(at, to)
    yield* this.#compareDashLines(place.scope, to)
    yield* this.#searchDelimiters(place.scope, to)
  }

  /** A NUL is skipped by some programs, and ends a line for others; so does a CR without LF. */
  *#checkBytes(start: number, end: number): Steps {
    const mail = this.#mail
    for (let from = start; from < end; from += SEARCHED_AT_ONCE) {
      const to = Math.min(end, from + SEARCHED_AT_ONCE)
      if (hasOddByte(mail, from, to)) throw new Odd('a NUL, or a CR without LF')
      yield* this.#work.countUnits((to - from) / SEARCHED_PER_UNIT)
    }
  }

  /** Reads a header and what it announces, up to `to`. */
  *#entity(from: number, to: number, place: Place, known?: Header): Steps {
    if (this.#headers.length >= limits.parts) throw new Odd('many parts')
    const found = this.#header(from, to, place, known)
    yield* this.#work.countUnits(costs.header + found.bodyAt - from)
    const { header, bodyAt } = found
    if (header.isMultipart) yield* this.#multipart(header, bodyAt, to, place)
    else if (header.isMessage) yield* this.#message(found, to, place)
    else if (this.#announcesParts(bodyAt)) throw new Odd('a text like a header')
    else this.#leaf(header, bodyAt, to, place)
  }

  /** Reads a header of fields that no program takes for anything else (well-formed.ts), ended by an empty line. */
  #header(start: number, to: number, place: Place, known?: Header): FoundHeader {
    const { isOfPart } = place
    const from = isOfPart ? start : this.#belowMailboxLine(start)
    const block = (from === start && known) || this.#block(from, to)
    if (isOfPart && block.length <= 2) return this.#add(ofDigest(EMPTY_PART, place), from, block)
    const fault = headerFault(block)
    if (fault !== undefined) throw new Odd(fault)
    if (block.fields.some(({ name }) => name.length > FIELD_NAME_MAX)) throw new Odd('a long name')
    const read = readPartHeader(mimeTextOf(block), { isWellFormed: true, isOfPart })
    const header = ofDigest(read, place)
    // One program may find a multipart or a message where the next one finds none, or another boundary.
    if (!header.isUnambiguous || header.type.includes('=?'))
      throw new Odd('a field about content that programs read differently')
    // Programs differ in whether they decode what holds parts (RFC 2045 6.4).
    if (
      (header.isMultipart || header.isMessage) &&
      header.encodings.some((encoding) => encoding !== 'identity')
    )
      throw new Odd('an encoded multipart or message')
    if (!header.isMultipart && header.hasBoundary) throw new Odd('a boundary in another type')
    return this.#add(header, from, block)
  }

  #belowMailboxLine(from: number): number {
    return isMailboxLine(this.#firstLines(from)) ? this.#mail.indexOf(LF, from) + 1 : from
  }

  #firstLines(bodyAt: number): string {
    return this.#mail.toString('latin1', bodyAt, bodyAt + FIRST_LINES)
  }

  /** Whether libclamav may find a multipart or a message in a text whose first line it takes for one of the header. */
  #announcesParts(bodyAt: number): boolean {
    const lines = this.#firstLines(bodyAt)
    return beginsWithField(lines) && /multipart|message|boundary/i.test(lines)
  }

  #add(header: PartHeader, from: number, block: Header): FoundHeader {
    this.#headers.push(header)
    return { header, bodyAt: from + block.length }
  }

  /** Returns the lines up to the next empty one. */
  #block(from: number, to: number): Header {
    const mail = this.#mail
    for (let at = from; at < to; ) {
      const end = mail.indexOf(LF, at) + 1
      if (end === 0 || end > to) break
      if (end - at === 1 || (end - at === 2 && mail[at] === CR))
        return new Header(mail.subarray(from, end))
      at = end
    }
    throw new Odd('a header without an empty line')
  }

  /** Parts are between exact delimiters. A delimiter of a multipart around it ends it as well (RFC 2046 5.1.2). */
  *#multipart(header: PartHeader, from: number, to: number, outer: Place): Steps {
    const { boundary } = header
    // (ripmime decodes encoded words in it.)
    if (boundary === undefined || boundary.includes('=?')) throw new Odd('an odd boundary')
    const { multiparts, outer: around } = outer.scope
    const isSame = (other: Multipart) => other.boundary === boundary
    if (multiparts.some(isSame)) throw new Odd('two multiparts of one boundary')
    if (around.some(isSame)) throw new Odd('a boundary of a multipart around', undefined, true)
    if (multiparts.length === MULTIPARTS_MAX) throw new Odd('many multiparts')
    multiparts.push({ boundary, from })
    this.#delimiters.add(`--${boundary}`).add(`--${boundary}--`)
    this.#addInner([beginningOf(boundary)], to)
    const depth = this.#depths.inMultipart(header, outer.depth)
    const inside = { ...outer, depth, isOfPart: true }
    let delimiter = this.#delimiter(boundary, from, to)
    this.#leaf(header, from, delimiter?.at ?? to, outer, 'preamble or epilogue')
    while (delimiter !== undefined && !delimiter.closes) {
      this.#delimitersAt.add(delimiter.at)
      const next = this.#delimiter(boundary, delimiter.to, to)
      yield* this.#entity(delimiter.to, next?.at ?? to, inside)
      delimiter = next
    }
    if (delimiter === undefined) return // ended by one around it, or with the message
    this.#delimitersAt.add(delimiter.at)
    if (this.#delimiter(boundary, delimiter.to, to) !== undefined)
      throw new Odd('a delimiter after the end', 'delimiter')
    if (this.#hasField(delimiter.to, to)) throw new Odd('fields after the end')
    this.#leaf(NO_HEADER, delimiter.to, to, outer, 'preamble or epilogue')
  }

  *#message({ header, bodyAt: from }: FoundHeader, to: number, outer: Place): Steps {
    const { levels, multipart } = outer.depth
    const inPlace = beginsWithField(this.#firstLines(from)) ? levels : 0
    const depth = this.#depths.inMessage(multipart ? inPlace : levels + 1, outer.depth)
    this.#leaf(header, from, to, outer)
    const { scope } = outer
    if (multipart === undefined) return yield* this.#entity(from, to, atTopOf(depth, scope))
    const known = {
      leaves: this.#leaves.length,
      headers: this.#headers.length,
      odd: this.#odd.length,
    }
    const around = [...scope.outer, ...scope.multiparts]
    try {
      yield* this.#mailIn(from, to, atTopOf(depth, { multiparts: [], outer: around }))
    } catch (error) {
      if (!(error instanceof Odd) || error.isOfAll || !(yield* this.#isEnded(from, to))) throw error
      this.#leaves.length = known.leaves
      this.#headers.length = known.headers
      this.#odd.length = known.odd
      this.#odd.push({ from, to, depth, reason: error.message, oddity: error.oddity })
    }
  }

  /** Whether the delimiter below a message of odd structure is one for each program. */
  *#isEnded(from: number, to: number): Steps<boolean> {
    if (to - from > PROVED_MAX) return false
    const readings = hasOddByte(this.#mail, from, to) ? READINGS_MAX : 1
    yield* this.#work.countUnits(readings * ENDED_PASSES * (to - from))
    const boundaries = boundariesOfEnded(this.#mail.toString('latin1', from, to))
    this.#addInner(boundaries ?? [], to)
    return boundaries !== undefined
  }

  #addInner(beginnings: readonly string[], to: number): void {
    for (const beginning of beginnings) {
      const delimiter = `--${beginning}`
      this.#inner.set(delimiter, Math.min(to, this.#inner.get(delimiter) ?? to))
    }
  }

  /**
   * Some program (ripmime) finds the delimiters of a multipart also below the part or message that it is in. There it finds the
   * same parts if they are delimiters of an ordinary multipart, and in another odd message each line like one is a cut.
   */
  *#searchInner(): Steps {
    const mail = this.#mail
    const from = Math.min(mail.length, ...this.#inner.values())
    if (from === mail.length) return
    const lengths = new Set([...this.#inner.keys()].map(({ length }) => length))
    const odd = this.#odd.values()
    let inside = odd.next().value
    let [lineAt, lineEnd] = [from, mail.indexOf(LF, from)]
    for (let at = mail.indexOf('--', from); at >= 0; at = mail.indexOf('--', at + 1)) {
      yield* this.#work.countUnits(costs.line * lengths.size)
      while (inside && inside.to <= at) inside = odd.next().value
      if (inside && inside.from <= at) continue
      for (; lineEnd >= 0 && lineEnd < at; lineEnd = mail.indexOf(LF, lineAt)) lineAt = lineEnd + 1
      if (this.#delimitersAt.has(lineAt)) continue
      const text = mail.toString('latin1', at, at + 2 + BOUNDARY_MAX).toLowerCase()
      for (const length of lengths) {
        const declared = this.#inner.get(text.slice(0, length))
        const isNear = at - lineAt <= IN_FRONT_MAX
        if (declared !== undefined && declared <= at && (isNear || length >= BOUNDARY_MIN))
          throw new Odd('a delimiter of a multipart above')
      }
    }
    yield* this.#work.countUnits((mail.length - from) / SEARCHED_PER_UNIT)
  }

  /** Adds a leaf, unless it is empty. */
  #leaf(
    header: PartHeader,
    from: number,
    to: number,
    { depth, textTypes }: Place,
    besideParts?: 'preamble or epilogue',
  ): void {
    if (to <= from) return
    const ofPart = isOwnText(header, textTypes) ? 'own text' : 'part'
    const { encodings } = header
    this.#leaves.push({ from, to, depth, header, encodings, role: besideParts ?? ofPart })
  }

  /** Returns the next exact delimiter from an offset on, up to `to`. */
  #delimiter(boundary: string, from: number, to: number) {
    const mail = this.#mail.subarray(0, to)
    const dashes = `--${boundary}`
    for (let at = mail.indexOf(dashes, from); at >= 0; at = mail.indexOf(dashes, at + 1)) {
      if (at > 0 && mail[at - 1] !== LF) continue
      const below = at + dashes.length
      const end = mail.indexOf(LF, below) + 1 || to
      const line = mail.toString('latin1', below, Math.min(end, below + LINE_END_MAX))
      if (/^(?:--)?\r?\n?$/.test(line)) return { at, to: end, closes: line.startsWith('--') }
    }
    return undefined
  }

  /** Some programs find a delimiter anywhere in a line, above the first part or behind a few characters. */
  *#searchDelimiters({ multiparts }: Scope, to: number): Steps {
    const mail = this.#mail.subarray(0, to)
    for (const { boundary, from } of multiparts) {
      const words = Buffer.from(`--${boundary}`)
      for (let at = mail.indexOf(words, from); at >= 0; at = mail.indexOf(words, at + 1)) {
        yield* this.#work.countUnits(words.length)
        if (mail[at - 1] !== LF && at > 0) throw new Odd('a delimiter in a line')
      }
      yield* this.#work.countUnits((to - from) / SEARCHED_PER_UNIT)
    }
  }

  /** Whether the lines up to an empty one have a field: some programs read a part there. */
  #hasField(from: number, to: number): boolean {
    const text = `\n${this.#mail.toString('latin1', from, Math.min(to, from + SEARCHED_AT_ONCE))}`
    const end = text.search(EMPTY_LINE)
    return LAXEST_FIELD.test(end < 0 ? text : text.slice(0, end))
  }

  /** A line that resembles a delimiter is one to some program. */
  *#compareDashLines({ multiparts }: Scope, to: number): Steps {
    const [first] = multiparts
    if (first === undefined) return
    const boundaries = multiparts.map(({ boundary }) => boundary)
    const text = this.#mail.subarray(0, to)
    const found = yield* similarLine(text, first.from, boundaries, this.#delimiters, this.#work)
    if (found === 'goes on') throw new Odd('a delimiter that goes on', 'delimiter')
    if (found) throw new Odd('a line that resembles a delimiter')
  }
}

/** Returns the place at the top of a message. */
const atTopOf = (depth: Depth, scope: Scope): Place => ({
  depth,
  isOfPart: false,
  textTypes: new Set(),
  scope,
})

/** Returns the header of a part of a digest as that of a message, if it declares no type. */
function ofDigest(header: PartHeader, { depth }: Place): PartHeader {
  if (!isMessageByDefault(header, depth)) return header
  return header === EMPTY_PART ? EMPTY_MESSAGE : asMessage(header)
}

const asMessage = (header: PartHeader) => ({ ...header, type: 'message/rfc822', isMessage: true })
const EMPTY_MESSAGE: PartHeader = asMessage(EMPTY_PART)

/** Whether bytes have a NUL, or a CR without an LF behind it. They are not made a string: that would be a copy. */
function hasOddByte(mail: Buffer, from: number, to: number): boolean {
  const window = mail.subarray(from, to)
  if (window.includes(0)) return true
  if (!window.includes(CR)) return false
  for (let at = from; at < to; at++) if (mail[at] === CR && mail[at + 1] !== LF) return true
  return false
}

/** The bytes of a body in which its first line is searched for. */
const FIRST_LINES = 4096

/** How often the end of an odd message is searched for something in one reading of its lines, and how many there are, at most. */
const ENDED_PASSES = 8
const READINGS_MAX = 4
/** Upper limit for what is in front of a delimiter, for some program. */
const IN_FRONT_MAX = 3
/** Upper limit for what follows a boundary in a delimiter. */
const LINE_END_MAX = 5
const EMPTY_LINE = /\n\r?\n/

/** Returns whether a text is the first of its type in its mail, and no file. Adds its type to those of its mail. */
function isOwnText({ type, isShown, fields }: PartHeader, textTypes: Set<string>): boolean {
  const textType = type === '' ? 'text/plain' : type
  const isFirst = !textTypes.has(textType)
  if (isShown || type === '') textTypes.add(textType)
  // Some programs also save a plain text with a disposition.
  const isSaved =
    textType === 'text/plain' && fields.some(({ name }) => name === 'content-disposition')
  return isShown && isFirst && !isSaved
}
