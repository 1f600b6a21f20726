import { type PartKind, readFields } from './fields.ts'
import type { Trait } from './trait-names.ts'

const LF = 0x0a
const CR = 0x0d
const DASH = 0x2d
const EQUALS = 0x3d
const SPACE = 0x20
const TAB = 0x09

/** Bytes of a header that are looked at; more is a trait by itself. */
const HEADER_MAX = 128 * 1024
/** Bytes of a line that has not ended which are kept. */
const LINE_MAX = 4 * 1024
/** libclamav goes on with another line behind so many bytes; with an empty one where it ends there. */
const CUT = 999
/** Bytes of a line that no reader cuts. */
const UNCUT = 900
/** Characters of encoded content that may show a mail. */
const LEAF_FRONT = 2048
const PARTS_MAX = 100
const MULTIPARTS_MAX = 6
const MESSAGES_MAX = 3
const BOUNDARIES_MAX = 100

/** Where clamd looks for what tapes and disk images begin with; it sees some line more in front. */
const MAGIC: readonly { readonly word: string; readonly from: number; readonly to: number }[] = [
  { word: 'ustar', from: 0, to: 512 },
  { word: 'EFI PART', from: 0, to: 1024 },
  { word: 'CD001', from: 32 * 1024 - 512, to: 33 * 1024 },
]
const MAGIC_END = 33 * 1024

export interface TraitDetector {
  /** Takes the message in any split; a chunk is not kept. */
  push(chunk: Buffer): void
  /** Those that were seen so far. */
  readonly found: ReadonlySet<Trait>
  /** All that were seen, in their order; none if every reader must see the same. */
  finish(): ReadonlySet<Trait>
}

interface Open {
  readonly boundary: string
  readonly delimiter: Buffer
  parts: number
  closed: boolean
  /** Of messages around. */
  readonly messages: number
}

type Mode = 'header' | 'text' | 'base64' | 'quoted-printable' | 'outside'

/**
 * Looks whether a message has any trait by which readers of mail are known to differ. It
 * reads as the standards have it, and whatever it cannot read in one way alone is a trait:
 * what has none has one reading. Constant memory, time linear in the message's length.
 */
export function createTraitDetector(): TraitDetector {
  const found = new Set<Trait>()
  const has = (trait: Trait) => void found.add(trait)

  let mode: Mode = 'header'
  let header = ''
  let headerStart = true // no line of it yet
  let messages = 0
  let startsMessage = false // the header that comes is that of an attached message
  let parts = 0
  let open: Open[] = []
  const boundaries: string[] = []

  let crlf: boolean | undefined
  let held: Buffer = Buffer.alloc(0)
  let heldLost = false // the front of the line that has not ended was looked at already
  let offset = 0 // of the message, for magic
  /** As far as the message reaches into each of MAGIC. */
  const windows: (Buffer | undefined)[] = []
  let padded = false
  let leafFront: string | undefined // of encoded content, as it stands

  function endHeader(ended: boolean): void {
    if (!ended) has('cut-header')
    const kind = readHeader(header, has)
    // libclamav goes on with the next field, whatever field it is, but not in the mail's own header.
    if ((open.length > 0 || messages > 0) && ENDS_OPEN.test(header)) has('semicolon-end')
    header = ''
    headerStart = true
    begin(kind)
  }

  function begin(kind: PartKind): void {
    const { type, boundary, encoding } = kind
    startsMessage = false
    padded = false
    if (type.startsWith('multipart/')) {
      if (!USUAL.has(type)) has('multipart-kind')
      if (encoding !== 'identity') has('encoded-multipart')
      if (boundary === undefined || boundary === '') {
        mode = 'text'
        return
      }
      const lower = boundary.toLowerCase()
      const alike = boundaries.some((other) => other.startsWith(lower) || lower.startsWith(other))
      if (alike) has('boundaries-alike')
      if (boundaries.length === BOUNDARIES_MAX) has('many-parts')
      else boundaries.push(lower)
      if (open.length >= MULTIPARTS_MAX) has('deep')
      if (open.length < 50) {
        const delimiter = Buffer.from(`--${boundary}`, 'latin1')
        open.push({ boundary: lower, delimiter, parts: 0, closed: false, messages })
      }
      mode = 'outside'
      return
    }
    if (type.startsWith('message/')) {
      if (encoding !== 'identity') has('encoded-message')
      if (!USUAL.has(type)) has('message-kind')
      if (type === 'message/rfc822') {
        messages++
        if (messages > MESSAGES_MAX) has('deep')
        startsMessage = true
        mode = 'header'
        return
      }
    }
    mode = encoding === 'identity' ? 'text' : encoding
    leafFront = encoding === 'identity' ? undefined : ''
  }

  /** What is encoded may be a mail by itself. */
  function endLeaf(): void {
    if (leafFront === undefined) return
    const decoded =
      mode === 'base64'
        ? Buffer.from(leafFront, 'base64').toString('latin1')
        : leafFront
            .replace(/=\r?\n/g, '')
            .replace(/=([0-9a-f]{2})/gi, (_, hex: string) =>
              String.fromCharCode(Number.parseInt(hex, 16)),
            )
    const startsAsMail = /^(?:[!-9;-~]+:|--)/.test(decoded.trimStart())
    if ((startsAsMail ? MIME_LINE : MIME_FIELD).test(decoded)) has('mail-file')
    leafFront = undefined
  }

  /** A line of a header, with its end. */
  function headerLine(bytes: Buffer, from: number, to: number): void {
    let end = to
    if (bytes[end - 1] === LF) end--
    if (crlf && end > from && bytes[end - 1] === CR) end--
    // In the mail's own header only the end of a line does harm: an empty one follows.
    const isCut = open.length > 0 || messages > 0 || (end - from) % CUT === 0
    if (end - from > UNCUT && isCut) has('long-line')
    if (headerStart && startsMessage && !isFirstOfMail(bytes, from)) has('message-first')
    if (end === from) {
      if (headerStart && startsMessage) has('message-start')
      endHeader(true)
      return
    }
    if (bytes[from] === DASH && bytes[from + 1] === DASH) {
      const level = delimits(bytes, from)
      if (level >= 0) {
        endHeader(headerStart)
        delimiter(bytes, from, to, level)
        return
      }
    }
    if (to - from > UNCUT && BEGINS.test(bytes.toString('latin1', from, to))) has('long-line')
    if (header.length + to - from > HEADER_MAX) has('long-header')
    else header += bytes.toString('latin1', from, to)
    headerStart = false
  }

  /** The innermost multipart whose boundary stands behind the dashes, -1 for none. */
  function delimits(bytes: Buffer, from: number): number {
    for (let level = open.length - 1; level >= 0; level--) {
      const { boundary, delimiter } = open[level]!
      const end = from + delimiter.length
      if (end > bytes.length || !isAlike(bytes[from + 2], delimiter[2])) continue
      if (bytes.compare(delimiter, 0, delimiter.length, from, end) === 0) return level
      if (bytes.toString('latin1', from + 2, end).toLowerCase() === boundary) {
        has('delimiter-form')
        return level
      }
    }
    return -1
  }

  function delimiter(bytes: Buffer, from: number, to: number, level: number): void {
    endLeaf()
    const at = open[level]!
    let end = to
    if (bytes[end - 1] === LF) end -= crlf && bytes[end - 2] === CR ? 2 : 1
    if (crlf && end === to - 1) end = to // an LF alone
    const text = bytes.toString('latin1', from + at.delimiter.length, end)
    const closes = text.startsWith('--')
    if (text !== '' && text !== '--') has('delimiter-form')
    if (from > 0 && bytes[from - 1] !== LF) has('delimiter-form')
    if (open.some(({ closed }, inner) => inner > level && !closed)) has('not-closed')
    open = open.slice(0, level + 1)
    messages = at.messages
    startsMessage = false
    if (at.closed) has('behind-the-end')
    if (closes) {
      if (at.parts === 0) has('no-parts')
      at.closed = true
      mode = 'outside'
      return
    }
    at.parts++
    if (++parts > PARTS_MAX) has('many-parts')
    mode = 'header'
    header = ''
    headerStart = true
  }

  /** Bytes of a body in which no delimiter is, from a line's start on unless one goes on. */
  function body(block: Buffer, from: number, to: number): void {
    if (from >= to) return
    // A search must end where the piece does, or many small ones take their time squared.
    const bytes = block.subarray(0, to)
    if (leafFront !== undefined) {
      leafFront += bytes.toString('latin1', from, Math.min(to, from + LEAF_FRONT))
      if (leafFront.length >= LEAF_FRONT) endLeaf()
    }
    if (mode === 'base64') {
      base64(bytes, from, to)
      return
    }
    if (includes(bytes, 0, from, to)) has('nul')
    if (mode === 'quoted-printable') {
      if (hasLongLine(bytes, from, to)) has('long-line')
      escapes(bytes, from, to)
    }
    lineEnds(bytes, from, to)
    words(bytes, from, to)
  }

  function base64(bytes: Buffer, from: number, to: number): void {
    const equals = bytes.indexOf(EQUALS, from)
    const data = equals >= 0 && equals < to ? equals : to
    if (padded && hasData(bytes, from, data)) has('base64-padding')
    if (data < to) {
      padded = true
      for (let at = data; at < to; at++) {
        const byte = bytes[at]!
        if (byte !== EQUALS && byte !== LF && byte !== CR && byte !== SPACE) {
          has('base64-padding')
          break
        }
      }
    }
    for (const junk of JUNK) if (includes(bytes, junk, from, to)) has('base64-junk')
    if (!crlf && includes(bytes, CR, from, to)) has('line-ends')
  }

  function escapes(bytes: Buffer, from: number, to: number): void {
    for (
      let at = bytes.indexOf(EQUALS, from);
      at >= 0 && at < to;
      at = bytes.indexOf(EQUALS, at + 1)
    ) {
      if (at + 2 >= to) continue // the next piece begins with the rest, or nothing does
      const next = bytes[at + 1]!
      if (next === LF || (next === CR && bytes[at + 2] === LF)) continue
      if (isHex(next) && isHex(bytes[at + 2]!)) continue
      let end = at + 1
      while (end < to && (bytes[end] === SPACE || bytes[end] === TAB)) end++
      const blanks = end > at + 1
      const broken = end >= to || bytes[end] === LF || bytes[end] === CR
      has(blanks && broken ? 'soft-break' : 'strange-escape')
    }
  }

  function lineEnds(bytes: Buffer, from: number, to: number): void {
    if (crlf && !found.has('line-ends')) {
      for (let at = bytes.indexOf(LF, from); at >= 0 && at < to; at = bytes.indexOf(LF, at + 1)) {
        if (bytes[at - 1] === CR) continue
        has('line-ends')
        break
      }
    }
    const last = crlf ? to - 1 : to // that of CR LF is in the next piece
    for (let at = bytes.indexOf(CR, from); at >= 0 && at < last; at = bytes.indexOf(CR, at + 1)) {
      if (bytes[at + 1] !== LF) has('carriage-return')
      else if (!crlf) has('line-ends')
      if (found.has('carriage-return') && (crlf || found.has('line-ends'))) return
    }
  }

  /** Lines that begin something by their own looks. */
  function words(bytes: Buffer, from: number, to: number): void {
    for (const word of ['egin', 'EGIN']) {
      for (
        let at = bytes.indexOf(word, from);
        at >= 0 && at < to;
        at = bytes.indexOf(word, at + 1)
      ) {
        const text = bytes.toString('latin1', Math.max(0, at - 40), Math.min(to, at + 20))
        const line = text.slice(Math.min(40, at))
        const before = /(?:^|[\r\n\v\f\0])[ \t>]*([^\r\n\v\f\0]*)$/.exec(
          text.slice(0, Math.min(40, at)),
        )?.[1]
        const start = `${before ?? 'x'}${line}`
        if (/^begin[ \t-]+[0-7]|^begin[ \t]*(?:[\r\n]|$)/i.test(start)) has('begin-line')
        if (/^=ybegin/i.test(start)) has('coded-text')
        // Once is enough: where a line begins takes time to find.
        if (!found.has('long-line') && BEGINS.test(text) && isFarInLine(bytes, at)) {
          has('long-line')
        }
      }
    }
    const binhex = bytes.indexOf('(This file must be converted', from)
    if (binhex >= 0 && binhex < to) has('coded-text')
  }

  function isFarInLine(bytes: Buffer, at: number): boolean {
    const lf = bytes.lastIndexOf(LF, at)
    return lf < 0 ? heldLost || at > UNCUT : at - lf > UNCUT
  }

  /** Whole lines, but for the last one of a message. */
  function lines(bytes: Buffer): void {
    let at = 0
    let dash = -1
    while (at < bytes.length) {
      if (mode === 'header') {
        const end = lineEnd(bytes, at)
        headerLine(bytes, at, end)
        at = end
        continue
      }
      let event = -1
      let level = -1
      for (;;) {
        if (dash < at) dash = dashFrom(bytes, at)
        if (dash === bytes.length) break
        if (bytes[dash + 1] === DASH && startsLine(bytes, dash) && !(dash === 0 && heldLost)) {
          level = delimits(bytes, dash)
          if (level >= 0) {
            event = dash
            break
          }
          if (mode === 'base64') has('base64-junk')
          if (mode === 'outside') has('dashes')
          dash = dashFrom(bytes, lineEnd(bytes, dash))
          continue
        }
        if (mode === 'base64') has('base64-junk')
        else if (isMimeField(bytes, dash)) has('field-in-text')
        let behind = dash + 1
        while (bytes[behind] === DASH) behind++
        dash = dashFrom(bytes, behind)
      }
      body(bytes, at, event < 0 ? bytes.length : event)
      if (event < 0) return
      at = lineEnd(bytes, event)
      delimiter(bytes, event, at, level)
    }
  }

  function magic(bytes: Buffer): void {
    for (const [index, { word, from, to }] of MAGIC.entries()) {
      if (offset >= to || offset + bytes.length <= from) continue
      windows[index] ??= Buffer.alloc(to - from)
      const seen = windows[index]
      const start = Math.max(0, from - offset)
      bytes.copy(seen, Math.max(0, offset - from), start, to - offset)
      if (seen.includes(word, 0, 'latin1')) has('magic')
    }
    offset += bytes.length
  }

  function take(bytes: Buffer): void {
    if (crlf === undefined) {
      const lf = bytes.indexOf(LF)
      if (lf >= 0) crlf = bytes[lf - 1] === CR
    }
    lines(bytes)
  }

  return {
    found,
    push(chunk) {
      if (offset < MAGIC_END) magic(chunk)
      let rest = chunk
      if (held.length > 0 || heldLost) {
        const lf = chunk.indexOf(LF)
        if (lf < 0) {
          held = Buffer.concat([held, chunk])
          if (held.length > LINE_MAX) longLine()
          return
        }
        take(Buffer.concat([held, chunk.subarray(0, lf + 1)]))
        heldLost = false
        rest = chunk.subarray(lf + 1)
      }
      const end = rest.lastIndexOf(LF) + 1
      if (end > 0) take(rest.subarray(0, end))
      held = Buffer.from(rest.subarray(end))
      if (held.length > LINE_MAX) longLine()
    },
    finish() {
      if (held.length > 0) take(held)
      if (mode === 'header' && !(headerStart && open.length === 0 && !startsMessage))
        endHeader(false)
      if (open.some(({ closed }) => !closed)) has('not-closed')
      endLeaf()
      return found
    },
  }

  /** A line of a body may be as long as it wants; what it begins with is known by now. */
  function longLine(): void {
    if (mode === 'header') {
      if (held.length <= HEADER_MAX) return
      has('long-header')
      held = held.subarray(0, LINE_MAX)
      return
    }
    const keep = 64 // a word that the next chunk completes
    take(held.subarray(0, -keep))
    held = Buffer.from(held.subarray(-keep))
    heldLost = true
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

const JUNK = [SPACE, TAB, 0, 0x3a, 0x5f]

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

const MIME_LINE = /^(?:content-|mime-version)/im
/** Behind a text, too: some reader begins anew there. */
const MIME_FIELD = /^content-(?:type|transfer-encoding|disposition)[ \t]*:/im
const BEGINS = /begin[ \t-]/i

/** Whether more than UNCUT bytes have no line end among them. */
function hasLongLine(bytes: Buffer, from: number, to: number): boolean {
  for (let at = from; to - at > UNCUT; ) {
    const lf = bytes.lastIndexOf(LF, at + UNCUT)
    if (lf < at) return true
    at = lf + 1
  }
  return false
}

/** Whether the dash is that of `Content-`, at the front of a line, in a field's name. */
function isMimeField(bytes: Buffer, dash: number): boolean {
  if ((bytes[dash - 1]! | 32) !== 0x74 /* t */ || (bytes[dash - 7]! | 32) !== 0x63 /* c */)
    return false
  const text = bytes.toString('latin1', Math.max(0, dash - 12), dash + 40)
  return /(?:^|[\r\n\0\v\f])[ \t>]*content-[a-z-]+[ \t]*:/i.test(text)
}

function includes(bytes: Buffer, what: number, from: number, to: number): boolean {
  const at = bytes.indexOf(what, from)
  return at >= 0 && at < to
}

function hasData(bytes: Buffer, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (bytes[at]! > SPACE) return true
  return false
}

function isHex(byte: number): boolean {
  return (byte >= 0x30 && byte <= 0x39) || ((byte | 32) >= 0x61 && (byte | 32) <= 0x66)
}

/** Whether two bytes may be one letter in either case. */
function isAlike(one: number | undefined, other: number | undefined): boolean {
  return ((one ?? 0) | 32) === ((other ?? 0) | 32)
}

/** The next dash; the length where there is none. */
function dashFrom(bytes: Buffer, from: number): number {
  const dash = bytes.indexOf(DASH, from)
  return dash < 0 ? bytes.length : dash
}

/** Behind the line's LF. */
function lineEnd(bytes: Buffer, from: number): number {
  const lf = bytes.indexOf(LF, from)
  return lf < 0 ? bytes.length : lf + 1
}

function startsLine(bytes: Buffer, at: number): boolean {
  return at === 0 || bytes[at - 1]! < SPACE
}

/** Splits a header into its fields. */
function readHeader(header: string, has: (trait: Trait) => void): PartKind {
  const text = header
  if (/[\0-\x08\v\f\x0e-\x1f]|\r(?!\n)/.test(text)) has('control-in-header')
  const fields: { name: string; value: string }[] = []
  const lines = text.split(/\r?\n/)
  if (lines.at(-1) === '') lines.pop()
  for (const [at, line] of lines.entries()) {
    if (/^[ \t]/.test(line)) {
      if (line.trim() === '') has('blank-line')
      const last = fields.at(-1)
      if (last) last.value += `\n${line}`
      else if (at === 0) has('no-field')
      continue
    }
    const [, name, blanks, value] = /^([!-'*-9;-~]+)([ \t]*):([\s\S]*)$/.exec(line) ?? []
    if (name === undefined) {
      has(
        /^[!-9;-~]+[ \t]*:/.test(line)
          ? 'field-name'
          : /^\s*$/.test(line)
            ? 'blank-line'
            : 'no-field',
      )
      continue
    }
    if (blanks !== '') has('field-name')
    fields.push({ name: name.toLowerCase(), value: value! })
  }
  return readFields(fields, has)
}
