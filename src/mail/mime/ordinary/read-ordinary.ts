import { LF } from '../../../base/bytes/ascii.ts'
import { hasBareCr } from '../../../base/bytes/lines.ts'
import { type ByteRange, type MailBytes, shortText } from '../../message/bytes.ts'
import { FIELD_NAME_MAX } from '../../message/content-fields.ts'
import {
  extendsHeader,
  isMailboxLine,
  LAXEST_FIELD,
  MAILBOX_LINE,
} from '../../message/field-line.ts'
import { HEADER_MAX, Header } from '../../message/header-block.ts'
import { headerFault } from '../../message/well-formed.ts'
import { characterCosts, costs } from '../budget/costs.ts'
import { LimitExceeded, limits } from '../budget/limits.ts'
import type { Steps, Work } from '../budget/work.ts'
import { mimeTextOf } from '../headers/mime-lines.ts'
import { MULTIPART_WORDS } from '../headers/parameters.ts'
import { EMPTY_PART, NO_HEADER, type PartHeader, readPartHeader } from '../headers/part-header.ts'
import type { Oddity } from '../reports/oddities.ts'
import { CutSearch } from '../structure/cuts.ts'
import { type Depth, inMessage, inMultipart, isMessageByDefault } from '../structure/leaf.ts'
import { Boundaries, type Multipart, nextDelimiter } from './delimiters.ts'
import { boundariesOfEnded, PROVED_MAX, READINGS_MAX } from './end-of-message.ts'
import { type Odd, OrdinaryParts } from './ordinary-parts.ts'

/** A header, and the offset below its empty line. */
interface FoundHeader {
  readonly header: PartHeader
  readonly bodyAt: number
}

/** The bytes that are searched at a time. */
const SEARCHED_AT_ONCE = 256 * 1024

/** Upper limit for the multiparts of a message, each of whose boundaries is searched for in all of its lines. */
const MULTIPARTS_MAX = 64

/**
 * Reads the structure of a mail by a grammar of what all programs read alike. Each rule states what is allowed; any other
 * message is odd, be it the whole mail. The time is linear in the size.
 */
export function* readOrdinary(
  mail: MailBytes,
  depth: Depth,
  work: Work,
  given?: Header,
): Steps<OrdinaryParts> {
  const range = { from: 0, to: mail.length }
  const parts = new OrdinaryParts()
  try {
    const read = yield* new OrdinaryReading(mail, range, depth, [], work).read(given)
    if (read instanceof OrdinaryParts) return read
    parts.odd.push({ ...range, depth, ...read })
  } catch (error) {
    if (!(error instanceof LimitExceeded)) throw error
    parts.odd.push({ ...range, depth, reason: error.message })
  }
  return parts
}

const odd = (reason: string, oddity?: Oddity): Odd => ({ reason, oddity })

/** A place in a message. */
interface Place {
  readonly depth: Depth
  readonly isOfPart: boolean
  /** The types of the texts in the innermost message so far. */
  readonly textTypes: Set<string>
}

/** The reading of a message: the mail, or one that is attached between two delimiters. */
class OrdinaryReading {
  readonly #mail: MailBytes
  readonly #range: ByteRange
  readonly #depth: Depth
  /** The boundaries of the multiparts around it. */
  readonly #around: readonly string[]
  readonly #work: Work
  readonly #found = new OrdinaryParts()
  /** The multiparts of the message itself, in the order of their bodies. */
  readonly #multiparts: Multipart[] = []
  /** The messages that are attached to it. */
  readonly #attached: ByteRange[] = []

  constructor(
    mail: MailBytes,
    range: ByteRange,
    depth: Depth,
    around: readonly string[],
    work: Work,
  ) {
    this.#mail = mail
    this.#range = range
    this.#depth = depth
    this.#around = around
    this.#work = work
  }

  /** Returns what is in the message, or why it is odd. `given` is its header, if the caller has it. */
  *read(given?: Header): Steps<OrdinaryParts | Odd> {
    const { from, to } = this.#range
    const fault =
      (yield* this.#entity(from, to, atTopOf(this.#depth), given)) ??
      (yield* this.#checkBytes()) ??
      (yield* this.#checkCuts())
    return fault ?? this.#found
  }

  /** A NUL is skipped by some programs, and ends a line for others; so does a CR without LF. */
  *#checkBytes(): Steps<Odd | undefined> {
    let start = this.#range.from
    for (const { from: end, to: next } of [...this.#attached, { from: this.#range.to, to: 0 }]) {
      for (let from = start; from < end; from += SEARCHED_AT_ONCE) {
        const to = Math.min(end, from + SEARCHED_AT_ONCE)
        if (yield* this.#hasNulOrBareCr(from, to)) return odd('a NUL, or a CR without LF')
      }
      start = next
    }
    return undefined
  }

  /** The carver would cut at its delimiters, and at lines that are like none. */
  *#checkCuts(): Steps<Odd | undefined> {
    const [first] = this.#multiparts
    if (first === undefined) return undefined
    const boundaries = new Boundaries(this.#multiparts, this.#found)
    const bytes = this.#mail.subarray(0, this.#range.to)
    const cuts = new CutSearch(bytes, this.#work, first.from, { isLax: true })
    for (let cut = yield* cuts.next(); cut; cut = yield* cuts.next()) {
      const like = yield* boundaries.compare(cut, this.#work)
      if (like === 'goes on') return odd('a delimiter that goes on', 'delimiter')
      if (like) return odd('a line that resembles a delimiter')
    }
    return undefined
  }

  /** Reads a header and what it declares, up to `to`. */
  *#entity(from: number, to: number, place: Place, given?: Header): Steps<Odd | undefined> {
    if (this.#found.headers.length >= limits.parts) return odd('many parts')
    const found = yield* this.#header(from, to, place, given)
    if ('reason' in found) return found
    const { header, bodyAt } = found
    if (header.isMultipart) return yield* this.#multipart(header, bodyAt, to, place)
    if (header.isMessage) return yield* this.#message(found, to, place)
    if (yield* this.#mayDeclareParts(bodyAt)) return odd('a text like a header')
    this.#leaf(header, bodyAt, to, place)
    return undefined
  }

  /** Reads a header of fields that no program takes for anything else (well-formed.ts), ended by an empty line. */
  *#header(start: number, to: number, place: Place, given?: Header): Steps<FoundHeader | Odd> {
    const { isOfPart } = place
    const from = isOfPart ? start : yield* this.#belowMailboxLine(start)
    const block = (from === start && given) || (yield* this.#block(from, to))
    if (block === undefined) return odd('a header without an empty line')
    yield* this.#work.countUnits(costs.header + characterCosts.field * block.length)
    if (isOfPart && block.length <= 2) {
      const header = ofDigest(EMPTY_PART, place)
      if (!header.isMessage && (yield* this.#mayDeclareContent(from + block.length, to)))
        return odd('a text like a header')
      return this.#add(header, from, block)
    }
    const fault = headerFault(block)
    if (fault !== undefined) return odd(fault)
    if (block.fields.some(({ name }) => name.length > FIELD_NAME_MAX)) return odd('a long name')
    const lines = mimeTextOf(block)
    yield* this.#work.countUnits(characterCosts.header * lines.text.length)
    const read = readPartHeader(lines, { isWellFormed: true, isOfPart })
    const header = ofDigest(read, place)
    // One program may find a multipart or a message where the next one finds none, or another boundary.
    if (!header.isUnambiguous || header.type.includes('=?'))
      return odd('a field about content that programs read differently')
    // Programs differ in whether they decode what holds parts (RFC 2045 6.4).
    if (
      (header.isMultipart || header.isMessage) &&
      header.encodings.some((encoding) => encoding !== 'identity')
    )
      return odd('an encoded multipart or message')
    if (!header.isMultipart && header.hasBoundary) return odd('a boundary in another type')
    return this.#add(header, from, block)
  }

  *#belowMailboxLine(from: number): Steps<number> {
    if (!isMailboxLine(shortText(this.#mail, from, MAILBOX_LINE.length + 1))) return from
    return ((yield* this.#work.indexOf(this.#mail, [LF], from)) ?? -1) + 1
  }

  *#firstLines(bodyAt: number): Steps<string> {
    const lines = yield* this.#work.searched(this.#mail, bodyAt, bodyAt + FIRST_LINES)
    return lines.toString('latin1')
  }

  /** Whether libclamav may find a multipart or a message in a text whose first line it takes for one of the header. */
  *#mayDeclareParts(bodyAt: number): Steps<boolean> {
    const lines = yield* this.#firstLines(bodyAt)
    return extendsHeader(lines) && (MULTIPART_WORDS.test(lines) || /message/i.test(lines))
  }

  /** Whether ripmime, which passes over the empty line of a part without fields, finds a field about content below it. */
  *#mayDeclareContent(bodyAt: number, to: number): Steps<boolean> {
    const lines = (yield* this.#linesAboveEmpty(bodyAt, to)).replaceAll(/\([^()]*\)/g, '')
    return /content-t|=\?/i.test(lines)
  }

  #add(header: PartHeader, from: number, block: Header): FoundHeader {
    this.#found.headers.push(header)
    return { header, bodyAt: from + block.length }
  }

  /** Returns the lines up to the next empty one, or undefined if there is none within HEADER_MAX. */
  *#block(from: number, to: number): Steps<Header | undefined> {
    const end = yield* this.#work.belowEmptyLine(this.#mail, from, Math.min(to, from + HEADER_MAX))
    if (end === undefined) return undefined
    return new Header(yield* this.#work.searched(this.#mail, from, end))
  }

  /** Parts are between exact delimiters. A delimiter of a multipart around it ends it as well (RFC 2046 5.1.2). */
  *#multipart(header: PartHeader, from: number, to: number, outer: Place): Steps<Odd | undefined> {
    const { boundary } = header
    // (ripmime decodes encoded words in it.)
    if (boundary === undefined || boundary.includes('=?')) return odd('an odd boundary')
    if (this.#multiparts.some((other) => other.boundary === boundary))
      return odd('two multiparts of one boundary')
    if (this.#around.includes(boundary)) return odd('a boundary of a multipart around')
    if (this.#multiparts.length === MULTIPARTS_MAX) return odd('many multiparts')
    this.#multiparts.push({ boundary, from })
    const { boundaries, delimitersAt } = this.#found
    boundaries.push({ boundary, below: to })
    const depth = inMultipart(header, outer.depth, this.#work)
    const inside = { ...outer, depth, isOfPart: true }
    let delimiter = yield* this.#delimiter(boundary, from, to)
    this.#leaf(header, from, delimiter?.at ?? to, outer, 'preamble or epilogue')
    while (delimiter !== undefined && !delimiter.closes) {
      delimitersAt.add(delimiter.at)
      const next = yield* this.#delimiter(boundary, delimiter.to, to)
      const fault = yield* this.#entity(delimiter.to, next?.at ?? to, inside)
      if (fault) return fault
      delimiter = next
    }
    if (delimiter === undefined) return undefined // ended by one around it, or with the message
    delimitersAt.add(delimiter.at)
    if ((yield* this.#delimiter(boundary, delimiter.to, to)) !== undefined)
      return odd('a delimiter after the end', 'delimiter')
    if (yield* this.#hasField(delimiter.to, to)) return odd('fields after the end')
    this.#leaf(NO_HEADER, delimiter.to, to, outer, 'preamble or epilogue')
    return undefined
  }

  #delimiter(boundary: string, from: number, to: number) {
    return nextDelimiter(this.#mail, boundary, { from, to }, this.#work)
  }

  *#message(
    { header, bodyAt: from }: FoundHeader,
    to: number,
    outer: Place,
  ): Steps<Odd | undefined> {
    const { levels, multipart } = outer.depth
    const inPlace = extendsHeader(yield* this.#firstLines(from)) ? levels : 0
    this.#found.attached++
    const inner = multipart ? inPlace : levels + 1
    const depth = inMessage(inner, outer.depth, this.#work)
    this.#leaf(header, from, to, outer)
    return multipart === undefined
      ? yield* this.#entity(from, to, atTopOf(depth))
      : yield* this.#readAttached({ from, to }, depth)
  }

  /** Reads a message between two delimiters by itself. If it is odd, nothing is taken of it: all of it is carved. */
  *#readAttached(range: ByteRange, depth: Depth): Steps<Odd | undefined> {
    this.#attached.push(range)
    const around = [...this.#around, ...this.#multiparts.map(({ boundary }) => boundary)]
    const read = yield* new OrdinaryReading(this.#mail, range, depth, around, this.#work).read()
    if (read instanceof OrdinaryParts) {
      yield* this.#work.countUnits(read.leaves.length)
      this.#found.add(read)
      return undefined
    }
    const boundaries = yield* this.#boundariesOfEnded(range, around)
    if (boundaries === undefined) return read
    this.#found.odd.push({ ...range, depth, ...read })
    for (const boundary of boundaries) this.#found.boundaries.push({ boundary, below: range.to })
    return undefined
  }

  /** Returns how the boundaries of an odd message begin, or undefined if its end is not proved (end-of-message.ts). */
  *#boundariesOfEnded(
    { from, to }: ByteRange,
    around: readonly string[],
  ): Steps<readonly string[] | undefined> {
    if (to - from > PROVED_MAX) return undefined
    const readings = (yield* this.#hasNulOrBareCr(from, to)) ? READINGS_MAX : 1
    yield* this.#work.countUnits(readings * PROOF_PASSES * (to - from))
    return boundariesOfEnded(yield* this.#work.text(this.#mail, from, to), around)
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
    this.#found.leaves.push({ from, to, depth, header, encodings, role: besideParts ?? ofPart })
  }

  /** Whether the lines up to an empty one have a field: some programs read a part there. */
  *#hasField(from: number, to: number): Steps<boolean> {
    return LAXEST_FIELD.test(`\n${yield* this.#linesAboveEmpty(from, to)}`)
  }

  *#linesAboveEmpty(from: number, to: number): Steps<string> {
    const most = Math.min(to, from + SEARCHED_AT_ONCE)
    const below = yield* this.#work.belowEmptyLine(this.#mail, from, most)
    return yield* this.#work.text(this.#mail, from, below ?? most)
  }

  /** Whether bytes have a NUL, or a CR without an LF behind it. They are not made a string: that would be a copy. */
  *#hasNulOrBareCr(from: number, to: number): Steps<boolean> {
    const range = yield* this.#work.searched(this.#mail, from, to + 1) // an LF may be below the last CR
    return range.subarray(0, to - from).includes(0) || hasBareCr(range, 0, to - from)
  }
}

/** Returns the place at the top of a message. */
const atTopOf = (depth: Depth): Place => ({ depth, isOfPart: false, textTypes: new Set() })

/** Returns the header of a part of a digest as that of a message, if it declares no type. */
function ofDigest(header: PartHeader, { depth }: Place): PartHeader {
  if (!isMessageByDefault(header, depth)) return header
  return header === EMPTY_PART ? EMPTY_MESSAGE : asMessage(header)
}

const asMessage = (header: PartHeader) => ({ ...header, type: 'message/rfc822', isMessage: true })
const EMPTY_MESSAGE: PartHeader = asMessage(EMPTY_PART)

/** The bytes of a body in which its first line is searched for. */
const FIRST_LINES = 4096

/** How often an odd message is searched for something in the proof of its end, in each reading of its lines. */
const PROOF_PASSES = 10

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
