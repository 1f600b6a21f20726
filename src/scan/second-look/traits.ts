import type { ByteListener } from '../../mime/listeners.ts'
import type { PartHeader } from '../../mime/part-header.ts'
import { CR, DASH, LF, SPACE } from '../../mime/shared/lines.ts'
import { BEGINS, BodyTraits, UNCUT } from './body-traits.ts'
import type { PartKind } from './fields.ts'
import { ENDS_OPEN, isFirstOfMail, readHeader } from './header-traits.ts'
import { MagicWords } from './magic.ts'
import type { Trait } from './trait-names.ts'

/** The bytes of a header that are inspected. A longer header is a trait by itself. */
const HEADER_MAX = 128 * 1024
/**
 * libclamav ends a line behind this many bytes and begins another one, which is empty if the line ends
 * there.
 */
const CUT = 999
const PARTS_MAX = 100
const MULTIPARTS_MAX = 6
const MESSAGES_MAX = 3
const BOUNDARIES_MAX = 100

/** A multipart that is open where the message is being read. */
interface NotedMultipart {
  readonly boundary: string
  /** The boundary in lower case. */
  readonly lower: string
  parts: number
  closed: boolean
  /** The number of attached messages around the multipart. */
  readonly messages: number
}

/**
 * Notes the traits of a message about which readers of mail are known to differ, while the message is
 * read. Of all headers and delimiters that the reading sees, those of the standards are taken. Any
 * other header or delimiter is a trait, and so is a line for which the standards have no single
 * meaning. So a message without traits has one reading. Takes constant memory, and time linear in the
 * message's length.
 */
export class TraitNotes implements ByteListener {
  /** The traits that were seen so far. */
  readonly found = new Set<Trait>()
  readonly #magic = new MagicWords()
  readonly #body = new BodyTraits(this.found)

  /** The bytes that are to come of the line above the message, which does not belong to it. */
  #above: number
  /** The lines of the header that is being read; undefined in content. */
  #header: string | undefined = ''
  /** The last line of the header, as far as it has come. */
  #line = ''
  /** The number of multiparts around the header that was just cut off; undefined if none was. */
  #around: number | undefined
  #startsMessage = false // the header is that of an attached message
  #messages = 0
  #parts = 0
  #open: NotedMultipart[] = []
  readonly #boundaries: string[] = []
  /** The last byte of the last block. */
  #last = LF
  #goesOn = false // whether the block begins inside of a line

  constructor(above = 0) {
    this.#above = above
  }

  block(bytes: Buffer): void {
    const own = this.#above > 0 ? bytes.subarray(this.#above) : bytes
    if (this.#magic.isIn(own)) this.found.add('magic')
    if (this.#body.crlf === undefined) {
      const lf = own.indexOf(LF)
      if (lf >= 0) this.#body.crlf = own[lf - 1] === CR
    }
    this.#goesOn = this.#last !== LF
    this.#last = bytes.at(-1)!
  }

  headerLine(bytes: Buffer, from: number, to: number): void {
    if (this.#above > 0) {
      this.#above = 0
      return
    }
    if (this.#header === undefined) {
      this.content(bytes, from, to)
      return
    }
    const line = this.#line + bytes.toString('latin1', from, to)
    if (bytes[to - 1] === LF) {
      this.#line = ''
      this.#endLine(line)
    } else if (line.length > HEADER_MAX) {
      this.found.add('long-header')
      this.#line = line.slice(0, UNCUT + 1)
    } else this.#line = line
  }

  header({ fields }: PartHeader, isEnded: boolean): void {
    if (this.#header !== undefined) this.#endHeader(isEnded)
    else if (fields.some(({ name }) => MIME_NAME.test(name))) this.found.add('field-in-text')
  }

  delimiter(bytes: Buffer, from: number, to: number): void {
    const isFront = from === 0 || bytes[from - 1]! < SPACE
    const level = isFront ? this.#delimits(bytes, from, to) : -1
    if (this.#around !== undefined && (level < 0 || level >= this.#around))
      this.found.add('no-field')
    this.#around = undefined
    if (level < 0) {
      this.content(bytes, from, to)
      return
    }
    this.#body.end()
    const at = this.#open[level]!
    let end = to
    if (bytes[end - 1] === LF) end -= this.#body.crlf && bytes[end - 2] === CR ? 2 : 1
    if (this.#body.crlf && end === to - 1) end = to // an LF alone
    const text = bytes.toString('latin1', from + 2 + at.boundary.length, end)
    const closes = text.startsWith('--')
    if (text !== '' && text !== '--') this.found.add('delimiter-form')
    if (from > 0 && bytes[from - 1] !== LF) this.found.add('delimiter-form')
    if (this.#open.some(({ closed }, inner) => inner > level && !closed))
      this.found.add('not-closed')
    this.#open = this.#open.slice(0, level + 1)
    this.#messages = at.messages
    this.#startsMessage = false
    if (at.closed) this.found.add('behind-the-end')
    if (closes) {
      if (at.parts === 0) this.found.add('no-parts')
      at.closed = true
      this.#body.begin('outside')
      return
    }
    at.parts++
    if (++this.#parts > PARTS_MAX) this.found.add('many-parts')
    this.#header = ''
  }

  content(bytes: Buffer, from: number, to: number): void {
    if (from === to) return
    this.#around = undefined
    if (this.#header !== undefined) this.#endHeader(true) // to the reading, a line ended the header
    const goesOn = from === 0 && this.#goesOn
    if (
      this.#body.kind === 'outside' &&
      !goesOn &&
      bytes[from] === DASH &&
      bytes[from + 1] === DASH
    )
      this.found.add('dashes')
    this.#body.frontLost = goesOn
    this.#body.inspect(bytes, from, to)
  }

  over(): void {
    this.found.add('unread')
  }

  /** Returns all traits that were seen, in their order; none if every reader must see the same. */
  finish(): ReadonlySet<Trait> {
    if (this.#open.some(({ closed }) => !closed)) this.found.add('not-closed')
    this.#body.end()
    return this.found
  }

  /** Takes a line of the header, with its LF. */
  #endLine(line: string): void {
    const end = line.length - (this.#body.crlf && line.endsWith('\r\n') ? 2 : 1)
    if (end === 0) return // an empty line ends the header
    // In the mail's own header a cut does harm only at the end of a line: an empty line follows.
    const isCut = this.#open.length > 0 || this.#messages > 0 || end % CUT === 0
    if (end > UNCUT && (isCut || BEGINS.test(line))) this.found.add('long-line')
    if (this.#header!.length + line.length > HEADER_MAX) this.found.add('long-header')
    else this.#header += line
  }

  #endHeader(isEnded: boolean): void {
    const header = this.#header! + this.#line
    this.#around = isEnded ? undefined : this.#open.length
    this.#header = undefined
    this.#line = ''
    if (!isEnded && header !== '') this.found.add('cut-header')
    if (this.#startsMessage) {
      if (!isFirstOfMail(header)) this.found.add('message-first')
      if (isEnded && header === '') this.found.add('message-start')
    }
    const kind = readHeader(header, (trait) => this.found.add(trait))
    // libclamav goes on with the next field, whatever field it is, but not in the mail's own header.
    if ((this.#open.length > 0 || this.#messages > 0) && ENDS_OPEN.test(header))
      this.found.add('semicolon-end')
    this.#begin(kind)
  }

  #begin(kind: PartKind): void {
    const { type, boundary, encoding } = kind
    this.#startsMessage = false
    if (type.startsWith('multipart/')) {
      if (!USUAL.has(type)) this.found.add('multipart-kind')
      if (encoding !== 'identity') this.found.add('encoded-multipart')
      if (boundary === undefined || boundary === '') {
        this.#body.begin('text')
        return
      }
      const lower = boundary.toLowerCase()
      const alike = this.#boundaries.some(
        (other) => other.startsWith(lower) || lower.startsWith(other),
      )
      if (alike) this.found.add('boundaries-alike')
      if (this.#boundaries.length === BOUNDARIES_MAX) this.found.add('many-parts')
      else this.#boundaries.push(lower)
      if (this.#open.length >= MULTIPARTS_MAX) this.found.add('deep')
      if (this.#open.length < 50) {
        const messages = this.#messages
        this.#open.push({ boundary, lower, parts: 0, closed: false, messages })
      }
      this.#body.begin('outside')
      return
    }
    if (type.startsWith('message/')) {
      if (encoding !== 'identity') this.found.add('encoded-message')
      if (!USUAL.has(type)) this.found.add('message-kind')
      if (type === 'message/rfc822') {
        this.#messages++
        if (this.#messages > MESSAGES_MAX) this.found.add('deep')
        this.#startsMessage = true
        this.#header = ''
        return
      }
    }
    this.#body.begin(encoding === 'identity' ? 'text' : encoding)
  }

  /** Returns the level of the innermost multipart whose boundary follows the dashes; -1 for none. */
  #delimits(bytes: Buffer, from: number, to: number): number {
    if (this.#open.length === 0) return -1
    const text = bytes.toString('latin1', from + 2, to)
    const lower = text.toLowerCase()
    const level = this.#open.findLastIndex((open) => lower.startsWith(open.lower))
    if (level >= 0 && !text.startsWith(this.#open[level]!.boundary))
      this.found.add('delimiter-form')
    return level
  }
}

/** Matches the name of a MIME field in a text, quoted or not. */
const MIME_NAME = /^[ \t>]*content-[a-z-]+[ \t]*$/

const USUAL = new Set([
  'multipart/mixed',
  'multipart/alternative',
  'multipart/related',
  'multipart/report',
  'message/rfc822',
  'message/delivery-status',
  'message/disposition-notification',
])
