import { Base64Decoder } from '../../mime/decoders/base64.ts'
import { QuotedPrintableDecoder } from '../../mime/decoders/quoted-printable.ts'
import { CR, DASH, LF, SPACE, TAB } from '../../mime/shared/lines.ts'
import type { Trait } from './trait-names.ts'

const EQUALS = 0x3d

/** The bytes of the longest line that no reader cuts. */
export const UNCUT = 900
/** The characters of encoded content that are decoded to see whether it is a mail. */
const ENCODED_FRONT = 2048

const JUNK = [SPACE, TAB, DASH, 0, 0x3a, 0x5f]

const MIME_LINE = /^(?:content-|mime-version)/im
/** Such a field counts even behind a text, where some reader begins a new header. */
const MIME_FIELD = /^content-(?:type|transfer-encoding|disposition)[ \t]*:/im
export const BEGINS = /begin[ \t-]/i

/** The kind of bytes outside of headers: of a part, by its encoding, or around and between parts. */
export type BodyKind = 'text' | 'base64' | 'quoted-printable' | 'outside'

/** Notes the traits of bytes outside of headers. */
export class BodyTraits {
  /** Whether the first line ended in CR LF; undefined until it has ended. */
  crlf: boolean | undefined
  /** Whether the block begins inside of a line, whose front was inspected before. */
  frontLost = false
  readonly #found: Set<Trait>
  #kind: BodyKind = 'outside'
  #padded = false
  #encoded: string | undefined // the front of encoded content, as it stands

  /** Adds the traits to `found`. */
  constructor(found: Set<Trait>) {
    this.#found = found
  }

  get kind(): BodyKind {
    return this.#kind
  }

  begin(kind: BodyKind): void {
    this.#kind = kind
    this.#padded = false
    this.#encoded = kind === 'base64' || kind === 'quoted-printable' ? '' : undefined
  }

  /** Inspects bytes without a delimiter, from the start of a line on unless `frontLost` is set. */
  inspect(block: Buffer, from: number, to: number): void {
    if (from >= to) return
    // A search must end where the piece does, or many small pieces would take quadratic time.
    const bytes = block.subarray(0, to)
    if (this.#encoded !== undefined) {
      this.#encoded += bytes.toString('latin1', from, Math.min(to, from + ENCODED_FRONT))
      if (this.#encoded.length >= ENCODED_FRONT) this.end()
    }
    if (this.#kind === 'base64') {
      this.#base64(bytes, from, to)
      return
    }
    if (includes(bytes, 0, from, to)) this.#found.add('nul')
    if (this.#kind === 'quoted-printable') {
      if (hasLongLine(bytes, from, to)) this.#found.add('long-line')
      this.#escapes(bytes, from, to)
    }
    this.#lineEnds(bytes, from, to)
    this.#words(bytes, from, to)
  }

  /** Ends encoded content, and notes whether it may be a mail by itself. */
  end(): void {
    if (this.#encoded === undefined) return
    const decoded = decodedBy(
      this.#kind === 'base64' ? Base64Decoder : QuotedPrintableDecoder,
      this.#encoded,
    )
    const startsAsMail = /^(?:[!-9;-~]+:|--)/.test(decoded.trimStart())
    if ((startsAsMail ? MIME_LINE : MIME_FIELD).test(decoded)) this.#found.add('mail-file')
    this.#encoded = undefined
  }

  #base64(bytes: Buffer, from: number, to: number): void {
    const equals = bytes.indexOf(EQUALS, from)
    const data = equals >= 0 && equals < to ? equals : to
    if (this.#padded && hasData(bytes, from, data)) this.#found.add('base64-padding')
    if (data < to) {
      this.#padded = true
      for (let at = data; at < to; at++) {
        const byte = bytes[at]!
        if (byte !== EQUALS && byte !== LF && byte !== CR && byte !== SPACE) {
          this.#found.add('base64-padding')
          break
        }
      }
    }
    for (const junk of JUNK) if (includes(bytes, junk, from, to)) this.#found.add('base64-junk')
    if (!this.crlf && includes(bytes, CR, from, to)) this.#found.add('line-ends')
  }

  #escapes(bytes: Buffer, from: number, to: number): void {
    for (
      let at = bytes.indexOf(EQUALS, from);
      at >= 0 && at < to;
      at = bytes.indexOf(EQUALS, at + 1)
    ) {
      if (at + 2 >= to) continue // the rest begins the next piece, or there is no rest
      const next = bytes[at + 1]!
      if (next === LF || (next === CR && bytes[at + 2] === LF)) continue
      if (isHex(next) && isHex(bytes[at + 2]!)) continue
      let end = at + 1
      while (end < to && (bytes[end] === SPACE || bytes[end] === TAB)) end++
      const blanks = end > at + 1
      const broken = end >= to || bytes[end] === LF || bytes[end] === CR
      this.#found.add(blanks && broken ? 'soft-break' : 'strange-escape')
    }
  }

  #lineEnds(bytes: Buffer, from: number, to: number): void {
    if (this.crlf && !this.#found.has('line-ends')) {
      for (let at = bytes.indexOf(LF, from); at >= 0 && at < to; at = bytes.indexOf(LF, at + 1)) {
        if (bytes[at - 1] === CR) continue
        this.#found.add('line-ends')
        break
      }
    }
    const last = this.crlf ? to - 1 : to // the LF of a last CR is in the next piece
    for (let at = bytes.indexOf(CR, from); at >= 0 && at < last; at = bytes.indexOf(CR, at + 1)) {
      if (bytes[at + 1] !== LF) this.#found.add('carriage-return')
      else if (!this.crlf) this.#found.add('line-ends')
      if (this.#found.has('carriage-return') && (this.crlf || this.#found.has('line-ends'))) return
    }
  }

  /** Notes lines that begin encoded data by their looks. */
  #words(bytes: Buffer, from: number, to: number): void {
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
        if (/^begin[ \t-]+[0-7]|^begin[ \t]*(?:[\r\n]|$)/i.test(start))
          this.#found.add('begin-line')
        if (/^=ybegin/i.test(start)) this.#found.add('coded-text')
        // Once is enough, since it takes time to find the start of a line.
        if (!this.#found.has('long-line') && BEGINS.test(text) && this.#isFarInLine(bytes, at)) {
          this.#found.add('long-line')
        }
      }
    }
    const binhex = bytes.indexOf('(This file must be converted', from)
    if (binhex >= 0 && binhex < to) this.#found.add('coded-text')
  }

  #isFarInLine(bytes: Buffer, at: number): boolean {
    const lf = bytes.lastIndexOf(LF, at)
    return lf < 0 ? this.frontLost || at > UNCUT : at - lf > UNCUT
  }
}

function decodedBy(
  Decoding: typeof Base64Decoder | typeof QuotedPrintableDecoder,
  encoded: string,
): string {
  let decoded = ''
  const decoder = new Decoding((bytes, length) => {
    decoded += bytes.toString('latin1', 0, length)
  }, Buffer.allocUnsafe(ENCODED_FRONT))
  const bytes = Buffer.from(encoded, 'latin1')
  decoder.push(bytes, 0, bytes.length)
  decoder.end()
  return decoded
}

/** Returns whether more than UNCUT bytes in a row have no line end. */
function hasLongLine(bytes: Buffer, from: number, to: number): boolean {
  for (let at = from; to - at > UNCUT; ) {
    const lf = bytes.lastIndexOf(LF, at + UNCUT)
    if (lf < at) return true
    at = lf + 1
  }
  return false
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
