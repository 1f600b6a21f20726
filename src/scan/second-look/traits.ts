import { hasHiddenLineEnd } from '../../message/encoded-words.ts'
import { type Field, fieldsOf } from '../../mime/fields.ts'
import { CR, DASH, indexOrEnd, LF, lineEnd, SPACE } from '../../mime/shared/lines.ts'
import { BEGINS, type BodyKind, BodyTraits, UNCUT } from './body-traits.ts'
import { type PartKind, readFields } from './fields.ts'
import { MagicWords } from './magic.ts'
import type { Trait } from './trait-names.ts'

/** Bytes of a header that are looked at; more is a trait by itself. */
const HEADER_MAX = 128 * 1024
/** Bytes of a line that has not ended which are kept. */
const LINE_MAX = 4 * 1024
/** libclamav goes on with another line behind so many bytes; with an empty one where it ends there. */
const CUT = 999
const PARTS_MAX = 100
const MULTIPARTS_MAX = 6
const MESSAGES_MAX = 3
const BOUNDARIES_MAX = 100

interface Open {
  readonly boundary: string
  readonly delimiter: Buffer
  parts: number
  closed: boolean
  /** Of messages around. */
  readonly messages: number
}

/**
 * Looks whether a message has any trait by which readers of mail are known to differ. It
 * reads as the standards have it, and whatever it cannot read in one way alone is a trait:
 * what has none has one reading. Constant memory, time linear in the message's length.
 */
export class TraitDetector {
  /** Those that were seen so far. */
  readonly found = new Set<Trait>()
  readonly #magic = new MagicWords()
  readonly #body = new BodyTraits(this.found)

  #inHeader = true
  #header = ''
  #headerStart = true // no line of it yet
  #messages = 0
  #startsMessage = false // the header that comes is that of an attached message
  #parts = 0
  #open: Open[] = []
  readonly #boundaries: string[] = []
  #held: Buffer = Buffer.alloc(0) // of a line that has not ended

  /** Takes the message in any split; a chunk is not kept. */
  push(chunk: Buffer): void {
    if (this.#magic.isIn(chunk)) this.found.add('magic')
    let rest = chunk
    if (this.#held.length > 0 || this.#body.frontLost) {
      const lf = chunk.indexOf(LF)
      if (lf < 0) {
        this.#held = Buffer.concat([this.#held, chunk])
        if (this.#held.length > LINE_MAX) this.#longLine()
        return
      }
      this.#take(Buffer.concat([this.#held, chunk.subarray(0, lf + 1)]))
      this.#body.frontLost = false
      rest = chunk.subarray(lf + 1)
    }
    const end = rest.lastIndexOf(LF) + 1
    if (end > 0) this.#take(rest.subarray(0, end))
    this.#held = Buffer.from(rest.subarray(end))
    if (this.#held.length > LINE_MAX) this.#longLine()
  }

  /** All that were seen, in their order; none if every reader must see the same. */
  finish(): ReadonlySet<Trait> {
    if (this.#held.length > 0) this.#take(this.#held)
    const isUnbegun = this.#headerStart && this.#open.length === 0 && !this.#startsMessage
    if (this.#inHeader && !isUnbegun) this.#endHeader(false)
    if (this.#open.some(({ closed }) => !closed)) this.found.add('not-closed')
    this.#body.end()
    return this.found
  }

  #endHeader(ended: boolean): void {
    if (!ended) this.found.add('cut-header')
    if (hasHiddenLineEnd(this.#header)) this.found.add('encoded-line-end')
    const kind = readHeader(this.#header, (trait) => this.found.add(trait))
    // libclamav goes on with the next field, whatever field it is, but not in the mail's own header.
    if ((this.#open.length > 0 || this.#messages > 0) && ENDS_OPEN.test(this.#header))
      this.found.add('semicolon-end')
    this.#header = ''
    this.#headerStart = true
    this.#begin(kind)
  }

  #begin(kind: PartKind): void {
    const { type, boundary, encoding } = kind
    this.#startsMessage = false
    if (type.startsWith('multipart/')) {
      if (!USUAL.has(type)) this.found.add('multipart-kind')
      if (encoding !== 'identity') this.found.add('encoded-multipart')
      if (boundary === undefined || boundary === '') {
        this.#beginBody('text')
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
        const delimiter = Buffer.from(`--${boundary}`, 'latin1')
        this.#open.push({
          boundary: lower,
          delimiter,
          parts: 0,
          closed: false,
          messages: this.#messages,
        })
      }
      this.#beginBody('outside')
      return
    }
    if (type.startsWith('message/')) {
      if (encoding !== 'identity') this.found.add('encoded-message')
      if (!USUAL.has(type)) this.found.add('message-kind')
      if (type === 'message/rfc822') {
        this.#messages++
        if (this.#messages > MESSAGES_MAX) this.found.add('deep')
        this.#startsMessage = true
        return // the header goes on with that of the message
      }
    }
    this.#beginBody(encoding === 'identity' ? 'text' : encoding)
  }

  /** A line of a header, with its end. */
  #headerLine(bytes: Buffer, from: number, to: number): void {
    let end = to
    if (bytes[end - 1] === LF) end--
    if (this.#body.crlf && end > from && bytes[end - 1] === CR) end--
    // In the mail's own header only the end of a line does harm: an empty one follows.
    const isCut = this.#open.length > 0 || this.#messages > 0 || (end - from) % CUT === 0
    if (end - from > UNCUT && isCut) this.found.add('long-line')
    if (this.#headerStart && this.#startsMessage && !isFirstOfMail(bytes, from))
      this.found.add('message-first')
    if (end === from) {
      if (this.#headerStart && this.#startsMessage) this.found.add('message-start')
      this.#endHeader(true)
      return
    }
    if (bytes[from] === DASH && bytes[from + 1] === DASH) {
      const level = this.#delimits(bytes, from)
      if (level >= 0) {
        this.#endHeader(this.#headerStart)
        this.#delimiter(bytes, from, to, level)
        return
      }
    }
    if (to - from > UNCUT && BEGINS.test(bytes.toString('latin1', from, to)))
      this.found.add('long-line')
    if (this.#header.length + to - from > HEADER_MAX) this.found.add('long-header')
    else this.#header += bytes.toString('latin1', from, to)
    this.#headerStart = false
  }

  /** The innermost multipart whose boundary stands behind the dashes, -1 for none. */
  #delimits(bytes: Buffer, from: number): number {
    for (let level = this.#open.length - 1; level >= 0; level--) {
      const { boundary, delimiter } = this.#open[level]!
      const end = from + delimiter.length
      if (end > bytes.length || !isAlike(bytes[from + 2], delimiter[2])) continue
      if (bytes.compare(delimiter, 0, delimiter.length, from, end) === 0) return level
      if (bytes.toString('latin1', from + 2, end).toLowerCase() === boundary) {
        this.found.add('delimiter-form')
        return level
      }
    }
    return -1
  }

  #delimiter(bytes: Buffer, from: number, to: number, level: number): void {
    this.#body.end()
    const at = this.#open[level]!
    let end = to
    if (bytes[end - 1] === LF) end -= this.#body.crlf && bytes[end - 2] === CR ? 2 : 1
    if (this.#body.crlf && end === to - 1) end = to // an LF alone
    const text = bytes.toString('latin1', from + at.delimiter.length, end)
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
      this.#beginBody('outside')
      return
    }
    at.parts++
    if (++this.#parts > PARTS_MAX) this.found.add('many-parts')
    this.#inHeader = true
    this.#header = ''
    this.#headerStart = true
  }

  /** Whole lines, but for the last one of a message. */
  #lines(bytes: Buffer): void {
    let at = 0
    let dash = -1
    while (at < bytes.length) {
      if (this.#inHeader) {
        const end = lineEnd(bytes, at, bytes.length)
        this.#headerLine(bytes, at, end)
        at = end
        continue
      }
      let event = -1
      let level = -1
      for (;;) {
        if (dash < at) dash = indexOrEnd(bytes, DASH, at)
        if (dash === bytes.length) break
        if (
          bytes[dash + 1] === DASH &&
          startsLine(bytes, dash) &&
          !(dash === 0 && this.#body.frontLost)
        ) {
          level = this.#delimits(bytes, dash)
          if (level >= 0) {
            event = dash
            break
          }
          if (this.#body.kind === 'base64') this.found.add('base64-junk')
          if (this.#body.kind === 'outside') this.found.add('dashes')
          dash = indexOrEnd(bytes, DASH, lineEnd(bytes, dash, bytes.length))
          continue
        }
        if (this.#body.kind === 'base64') this.found.add('base64-junk')
        else if (isMimeField(bytes, dash)) this.found.add('field-in-text')
        let behind = dash + 1
        while (bytes[behind] === DASH) behind++
        dash = indexOrEnd(bytes, DASH, behind)
      }
      this.#body.look(bytes, at, event < 0 ? bytes.length : event)
      if (event < 0) return
      at = lineEnd(bytes, event, bytes.length)
      this.#delimiter(bytes, event, at, level)
    }
  }

  #take(bytes: Buffer): void {
    if (this.#body.crlf === undefined) {
      const lf = bytes.indexOf(LF)
      if (lf >= 0) this.#body.crlf = bytes[lf - 1] === CR
    }
    this.#lines(bytes)
  }

  /** A line of a body may be as long as it wants; what it begins with is known by now. */
  #longLine(): void {
    if (this.#inHeader) {
      if (this.#held.length <= HEADER_MAX) return
      this.found.add('long-header')
      this.#held = this.#held.subarray(0, LINE_MAX)
      return
    }
    const keep = 64 // a word that the next chunk completes
    this.#take(this.#held.subarray(0, -keep))
    this.#held = Buffer.from(this.#held.subarray(-keep))
    this.#body.frontLost = true
  }

  #beginBody(kind: BodyKind): void {
    this.#inHeader = false
    this.#body.begin(kind)
  }
}

const USUAL = new Set([
  'multipart/mixed',
  'multipart/alternative',
  'multipart/related',
  'multipart/report',
  'message/rfc822',
  'message/delivery-status',
  'message/disposition-notification',
])

/** A field that ends in a semicolon and is not folded there. */
const ENDS_OPEN = /;[ \t]*(?:\r?\n(?![ \t])|$)/

/**
 * By these libclamav knows an attached message for one, to the letter (filetypes_int.h). Other
 * fields may stand first in a mail, too.
 */
const FIRST_FIELDS = [
  ...['Received', 'Return-Path', 'Return-path', 'Delivered-To', 'Delivery-date', 'Envelope-to'],
  ...['From', 'To', 'Subject', 'Date', 'Message-ID', 'Message-Id', 'Received-SPF'],
  ...['X-Original-To', 'X-Apparently-To', 'X-Envelope-From', 'X-Sieve', 'X-UIDL'],
].map((name) => Buffer.from(`${name}: `, 'latin1'))

function isFirstOfMail(bytes: Buffer, from: number): boolean {
  return FIRST_FIELDS.some((field) => field.equals(bytes.subarray(from, from + field.length)))
}

/** Whether the dash is that of `Content-`, at the front of a line, in a field's name. */
function isMimeField(bytes: Buffer, dash: number): boolean {
  if ((bytes[dash - 1]! | 32) !== 0x74 /* t */ || (bytes[dash - 7]! | 32) !== 0x63 /* c */)
    return false
  const text = bytes.toString('latin1', Math.max(0, dash - 12), dash + 40)
  return /(?:^|[\r\n\0\v\f])[ \t>]*content-[a-z-]+[ \t]*:/i.test(text)
}

/** Whether two bytes may be one letter in either case. */
function isAlike(one: number | undefined, other: number | undefined): boolean {
  return ((one ?? 0) | 32) === ((other ?? 0) | 32)
}

function startsLine(bytes: Buffer, at: number): boolean {
  return at === 0 || bytes[at - 1]! < SPACE
}

function readHeader(header: string, has: (trait: Trait) => void): PartKind {
  if (/[\0-\x08\v\f\x0e-\x1f]|\r(?!\n)/.test(header)) has('control-in-header')
  const fields: Field[] = []
  for (const field of fieldsOf(header)) {
    const { name, value } = field
    if (/\n[ \t]+(?:\r?\n|$)/.test(value)) has('blank-line')
    if (FIELD_NAME.test(name)) {
      if (name.endsWith(' ') || name.endsWith('\t')) has('field-name')
      fields.push({ name: name.trimEnd(), value })
    } else if (ODD_NAME.test(name)) has('field-name')
    else {
      const isBlank = name === '' && value.trim() === ''
      if (isBlank) has('blank-line')
      if (!isBlank || fields.length === 0) has('no-field') // nothing that it could belong to
    }
  }
  return readFields(fields, has)
}

const FIELD_NAME = /^[!-'*-9;-~]+[ \t]*$/
const ODD_NAME = /^[!-9;-~]+[ \t]*$/
