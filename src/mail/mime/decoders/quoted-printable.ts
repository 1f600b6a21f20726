import { isAscii } from 'node:buffer'
import { CR, DASH, EQUALS, hexDigits, LF, SPACE, TAB } from '../../../base/bytes/ascii.ts'
import { hasBareCr, indexOrEnd } from '../../../base/bytes/lines.ts'
import { type ChoiceOf, Way } from '../quirks/way.ts'
import type { Store } from '../storage/store.ts'
import { lowBytes } from './charsets.ts'
import { chained, type Decoder, inPieces } from './decoder.ts'
import { lineEnds, withoutNuls } from './text-transforms.ts'

const PLUS = 0x2b

/** This many bytes are compared one by one before the runtime searches the rest. */
const NEAR_BYTES = 32

/** Decodes the two bytes after a `=` as libEtPan and VMime do: a byte that is not a digit is 0. */
function byZeros(high: number, low: number): number {
  return (Math.max(hexDigits[high]!, 0) << 4) | Math.max(hexDigits[low]!, 0)
}

/** Decodes them as GNU mailutils by strtoul(3): one digit is enough, and a blank or a sign may precede it. */
function byNumber(high: number, low: number): number {
  if (hexDigits[high]! >= 0)
    return hexDigits[low]! >= 0 ? (hexDigits[high]! << 4) | hexDigits[low]! : hexDigits[high]!
  if (hexDigits[low]! < 0) return 0
  if (high === DASH) return (256 - hexDigits[low]!) & 255
  return high === PLUS || high === SPACE || (high >= TAB && high <= CR) ? hexDigits[low]! : 0
}

/**
 * Decodes quoted-printable (RFC 2045 6.7) as a program does. Hexadecimal digits may be in either case. A soft line break
 * may have blanks after its `=`, and any line end.
 */
class QuotedPrintable {
  readonly #way: Way
  readonly #bytes: Buffer
  readonly #out: Store
  /** Whether escapes are decoded, or only soft line breaks removed. */
  readonly #unescapes: boolean
  readonly #escape: ChoiceOf<'quoted-printable escape'>
  readonly #blanksDo: ChoiceOf<'quoted-printable blanks'>
  readonly #ofCr: ChoiceOf<'quoted-printable CR break'>
  #at = 0
  /** Where the next `=` is: it is not searched for again in each piece above it. */
  #nextEquals = -1
  /** Whether the content has such a quirk. It is not looked for again then. */
  #hasLastBlanks = false
  #hasBareCr = false
  #hasNul = false
  #hasWide = false

  constructor(bytes: Buffer, out: Store, way: Way, unescapes = true) {
    this.#way = way
    this.#bytes = bytes
    this.#out = out
    this.#unescapes = unescapes
    this.#escape = way.peek('quoted-printable escape')
    this.#blanksDo = way.peek('quoted-printable blanks')
    this.#ofCr = way.peek('quoted-printable CR break')
  }

  decode(): Iterable<number> {
    let from = 0
    return inPieces(this.#bytes, (end) => {
      this.#noteBytes(from, end)
      from = end
      return this.#decodeTo(end)
    })
  }

  /** Notes the quirks of bytes that programs change before they decode the rest. */
  #noteBytes(from: number, end: number): void {
    const piece = this.#bytes.subarray(from, end)
    if (!this.#hasNul && piece.includes(0)) {
      this.#hasNul = true
      this.#way.note('quoted-printable NUL')
    }
    if (!this.#hasWide && hasHighByte(piece)) {
      this.#hasWide = true
      this.#way.note('quoted-printable in UTF-8')
    }
    if (!this.#hasBareCr && hasBareCr(this.#bytes, from, end)) {
      this.#hasBareCr = true
      this.#way.note('quoted-printable CR')
    }
  }

  /** Returns what it costs more than its bytes: each `=` and blank does that is looked at. */
  #decodeTo(end: number): number {
    let looked = 0
    const bytes = this.#bytes
    const areFound = this.#blanksDo === 'stay' && this.#hasLastBlanks
    const looksForBlanks = !areFound && hasLastBlank(bytes, this.#at, end)
    while (this.#at < end) {
      const next = this.#nextOfInterest(end, looksForBlanks)
      this.#out.putAll(bytes, this.#at, next)
      if (next === end) this.#at = end
      else {
        this.#at = bytes[next] === EQUALS ? this.#equals(next) : this.#blanks(next)
        looked++
      }
    }
    return looked * LOOKED_COST
  }

  /** Returns the offset of the next `=`, or of the next blank if blanks at the end of a line matter. */
  #nextOfInterest(end: number, looksForBlanks: boolean): number {
    const bytes = this.#bytes
    const near = looksForBlanks ? end : Math.min(end, this.#at + NEAR_BYTES)
    let at = this.#at
    for (; at < near; at++) {
      const byte = bytes[at]
      if (byte === EQUALS) return at
      if (looksForBlanks && (byte === SPACE || byte === TAB)) return at
    }
    if (at === end) return end
    if (this.#nextEquals < at) this.#nextEquals = indexOrEnd(bytes, EQUALS, at)
    return Math.min(end, this.#nextEquals)
  }

  /** Reads from a `=` on. Returns the offset to continue at. */
  #equals(at: number): number {
    const bytes = this.#bytes
    const [first = 0, second = 0] = [bytes[at + 1], bytes[at + 2]]
    const high = hexDigits[first]!
    const low = hexDigits[second]!
    if (this.#unescapes && high >= 0 && low >= 0) {
      this.#out.put(high * 16 + low)
      return at + 3
    }
    let end = at + 1
    while (end < bytes.length && isBlank(bytes[end]!)) end++
    if (end === bytes.length && bytes[end - 1] !== CR && this.#endsData(at, end)) return end
    switch (this.#escape) {
      case 'is an escape, and other bytes are zeros':
        return this.#lineBreak(at) ?? this.#putEscape(at, byZeros(first, second))
      case 'is an escape, of one digit if need be':
        return this.#lineBreak(at) ?? this.#putEscape(at, byNumber(first, second))
      case 'stays with the next byte':
        return this.#lineBreak(at) ?? this.#literal(at, 2)
      case 'stays with the next two bytes':
        return this.#lineBreak(at) ?? this.#literal(at, 3)
    }
    if (first === CR && this.#ofCr === 'hide the rest of the line')
      return indexOrEnd(bytes, LF, at + 2) + 1
    const hasLf = bytes[end] === LF
    if (first === CR && !hasLf) this.#way.note('quoted-printable CR break')
    const isBreak = hasLf || bytes[end - 1] === CR
    if (isBreak && this.#isSoftBreak(at, end, hasLf)) return hasLf ? end + 1 : end
    return this.#strange(at, end)
  }

  /** Returns whether a `=` is a soft line break that only blanks follow, up to the end of the data. */
  #endsData(at: number, end: number): boolean {
    if (this.#way.does('quoted-printable end') === 'stays') return false
    return end === at + 1 || this.#way.does('quoted-printable soft break') === 'is one'
  }

  /** Returns whether a `=` that only blanks and a line end follow is a soft line break. */
  #isSoftBreak(at: number, end: number, hasLf: boolean): boolean {
    const isPlain = end === at + 1 || (end === at + 2 && this.#bytes[at + 1] === CR)
    if (isPlain && hasLf) return true
    // Only some programs end a line at a bare CR.
    this.#way.note('quoted-printable escape')
    if (!hasLf && this.#way.does('quoted-printable CR break') === 'are text like others')
      return false
    return isPlain || this.#way.does('quoted-printable soft break') === 'is one'
  }

  /** Returns where the next line begins, if a `=` is the last character of its line. */
  #lineBreak(at: number): number | undefined {
    if (this.#bytes[at + 1] === LF) return at + 2
    return this.#bytes[at + 1] === CR && this.#bytes[at + 2] === LF ? at + 3 : undefined
  }

  #putEscape(at: number, byte: number): number {
    this.#out.put(byte)
    return at + 3
  }

  /** Reads a `=` that stays with the bytes after it: `most` bytes in all, at most. */
  #literal(at: number, most: 2 | 3): number {
    const next = this.#bytes[at + 1] ?? 0
    if (next === CR && this.#way.does('quoted-printable CR break') !== 'are text like others')
      return at + 2
    this.#out.putAll(this.#bytes, at, Math.min(at + most, this.#bytes.length))
    return at + (hexDigits[next]! >= 0 ? 3 : most)
  }

  #strange(at: number, end: number): number {
    const does = this.#way.does('quoted-printable escape')
    if (does === 'is removed, with blanks after it') return end
    this.#out.put(EQUALS)
    const isPair = this.#bytes[at + 1] === EQUALS
    return isPair && does === 'stays, without a `=` after it' ? at + 2 : at + 1
  }

  /** Reads blanks, which may be at the end of a line, or in front of a CR. */
  #blanks(at: number): number {
    const bytes = this.#bytes
    let end = at + 1
    while (bytes[end] === SPACE || bytes[end] === TAB) end++
    const isBeforeCr = bytes[end] === CR
    const endsLine = end === bytes.length || bytes[isBeforeCr ? end + 1 : end] === LF
    const isLast = endsLine || isBeforeCr
    if (isLast && !this.#hasLastBlanks) {
      this.#hasLastBlanks = true
      this.#way.note('quoted-printable blanks')
    }
    const isRemoved =
      this.#blanksDo === 'are removed' ? endsLine : this.#blanksDo !== 'stay' && isLast
    if (!isRemoved) this.#out.putAll(bytes, at, end)
    return end
  }
}

/** What a `=` or a blank costs more than its byte. */
const LOOKED_COST = 2

/** Returns whether a blank in a piece is, or may be, at the end of a line. */
function hasLastBlank(bytes: Buffer, from: number, end: number): boolean {
  const piece = bytes.subarray(from, end)
  const last = piece.at(-1)
  return last === SPACE || last === TAB || LAST_BLANKS.some((blank) => piece.includes(blank))
}

const LAST_BLANKS: readonly Buffer[] = [' \n', ' \r', '\t\n', '\t\r'].map((ends) =>
  Buffer.from(ends),
)

/** Returns whether a byte is 0xc4 or more: the first of a UTF-8 character above U+00FF is. */
function hasHighByte(bytes: Buffer): boolean {
  return !isAscii(bytes) && bytes.some((byte) => byte > 0xc3) // nearly all that is encoded is ASCII
}

/** Returns whether some program treats the byte as a blank. */
function isBlank(byte: number): boolean {
  return (
    byte === SPACE || byte === TAB || byte === CR || byte === 0 || byte === 0x0b || byte === 0x0c
  )
}

/** Quoted-printable, in each way in which some program decodes it. */
export const quotedPrintable: Decoder = (bytes, out, way) => {
  const equals = way.peek('quoted-printable escape')
  const isInLines = equals === 'stays as far as there is space in its line'
  const decoders: readonly Decoder[] = [
    ...(way.peek('quoted-printable in UTF-8') === 'is its bytes' ? [] : [lowBytes]),
    ...(way.peek('quoted-printable NUL') === 'stays' ? [] : [withoutNuls]),
    ...crChanges[way.peek('quoted-printable CR')],
    ...(equals === 'may be in front of a soft line break and digits' ? [softBreaks] : []),
    isInLines ? decodeInLines : (...into) => new QuotedPrintable(...into).decode(),
  ]
  return chained(decoders)(bytes, out, way)
}

const crChanges: Readonly<Record<ChoiceOf<'quoted-printable CR'>, readonly Decoder[]>> = {
  stays: [],
  'ends a line': [lineEnds({ to: 'lf', bareCr: 'line end' })],
  'ends a line, with the byte after it': [lineEnds({ to: 'lf', bareCr: 'line end with the next' })],
}

/** Removes soft line breaks, so that an escape is found even if it contains one. */
const softBreaks: Decoder = (bytes, out, way) => {
  const name = 'quoted-printable CR break'
  const alone = Way.of({ [name]: way.peek(name) })
  return new QuotedPrintable(bytes, out, alone, false).decode()
}

/**
 * Decodes quoted-printable as Thunderbird 153 does: line by line, three bytes at a time, writing the
 * result over the line. Up to two bytes of a line wait for the next line. A `=` that begins no escape
 * stays with the two bytes after it, but only as far as there is space. Bytes that waited take space,
 * and an escape frees two bytes.
 */
const decodeInLines: Decoder = (bytes, out) => {
  let lineEnd = 0
  /** The bytes of this line that were read, and not written over yet. */
  let free = 0
  /** Where the next `=` is: it is not searched for again in each line above it. */
  let equals = -1
  let at = 0
  return inPieces(bytes, (end) => {
    while (at < end) {
      if (lineEnd - at < 3) {
        if (lineEnd === bytes.length) {
          out.putAll(bytes, at)
          at = lineEnd
          return
        }
        free = at - lineEnd
        lineEnd = Math.min(bytes.length, indexOrEnd(bytes, LF, lineEnd) + 1)
        continue
      }
      if (bytes[at] !== EQUALS) {
        if (equals < at) equals = indexOrEnd(bytes, EQUALS, at)
        const textEnd = Math.min(equals, lineEnd - 2)
        out.putAll(bytes, at, textEnd)
        at = textEnd
        continue
      }
      const [second, third] = [bytes[at + 1]!, bytes[at + 2]!]
      if (second === CR || second === LF) {
        const length = second === CR && third === LF ? 3 : 2
        at += length
        free += length
        continue
      }
      const [high, low] = [hexDigits[second]!, hexDigits[third]!]
      if (high >= 0 && low >= 0) {
        out.put(high * 16 + low)
        free += 2
      } else {
        const kept = Math.min(3, Math.max(0, free + 3))
        out.putAll(bytes, at, at + kept)
        free += 3 - kept
      }
      at += 3
    }
  })
}
