import { isAscii } from 'node:buffer'
import { CR, DASH, EQUALS, hexDigits, LF, SPACE, TAB } from '../../../lib/bytes/ascii.ts'
import { Unreadable } from '../budget/limits.ts'
import { Habits, type Words } from '../habits/habits.ts'
import { lowBytes } from './charsets.ts'
import {
  type Codec,
  chained,
  type Decoder,
  type MakeDecoder,
  makerOf,
  type Write,
  Writer,
} from './decoder.ts'
import { QuotedPrintableInLines } from './quoted-printable-in-lines.ts'
import { lineEnds, withoutNuls } from './text-transforms.ts'

const PLUS = 0x2b

/** The last bytes that may be a soft line break. */
const LAST_BREAK = Buffer.from('=\n')

/** Upper limit for the blanks in a row, which wait until their meaning is known. A line of mail has 998 bytes. */
const BLANKS_MAX = 64 * 1024

/** The least new bytes that waiting bytes are joined with at a time. */
const JOIN_MIN = 4096

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
 * Decodes quoted-printable (RFC 2045 6.7) in pieces of any size, as a reader does. Hexadecimal digits may be in
 * either case. A soft line break may have blanks after its `=`, and any line end.
 */
export class QuotedPrintableDecoder implements Decoder {
  readonly #out: Writer
  readonly #habits: Habits
  readonly #escape: Words<'quoted-printable escape'>
  readonly #blanksDo: Words<'quoted-printable blanks'>
  readonly #hidesLines: boolean
  readonly #unescapes: boolean
  #held = Buffer.alloc(0)
  #endsInCr = false
  #endsInBreak = false
  /** Whether the bytes up to the next LF are left out. */
  #isHidden = false
  /** Whether the content has such a feature. It is not looked for again then. */
  #hasLastBlanks = false
  #hasBareCr = false
  #hasNul = false
  #hasWide = false

  /** If `unescapes` is false, it removes soft line breaks only. */
  constructor(write: Write, buffer: Buffer, habits = new Habits(), unescapes = true) {
    this.#out = new Writer(write, buffer)
    this.#habits = habits
    this.#escape = habits.wouldDo('quoted-printable escape')
    this.#blanksDo = habits.wouldDo('quoted-printable blanks')
    this.#hidesLines = habits.wouldDo('quoted-printable CR break') === 'hide the rest of the line'
    this.#unescapes = unescapes
  }

  push(bytes: Buffer, from: number, to: number): void {
    this.#lookForBareCr(bytes, from, to)
    if (!this.#hasNul && bytes.subarray(from, to).includes(0)) {
      this.#hasNul = true
      this.#habits.note('quoted-printable NUL')
    }
    if (!this.#hasWide && hasHighByte(bytes, from, to)) {
      this.#hasWide = true
      this.#habits.note('quoted-printable in UTF-8')
    }
    // Held bytes are joined with few of the new bytes, or small pieces would be copied again and again; and with as
    // many as are held, or these would be.
    for (let at = from; at < to; ) {
      if (this.#held.length === 0) {
        this.#decode(bytes.subarray(at, to), false)
        return
      }
      const end = Math.min(to, at + Math.max(JOIN_MIN, this.#held.length))
      const joined = Buffer.concat([this.#held, bytes.subarray(at, end)])
      this.#held = Buffer.alloc(0)
      this.#decode(joined, false)
      at = end
    }
  }

  end(): void {
    const rest = this.#held
    this.#held = Buffer.alloc(0)
    this.#decode(rest, true)
    if (this.#endsInBreak && this.#habits.does('quoted-printable last break') === 'stay') {
      this.#out.putAll(LAST_BREAK, 0, LAST_BREAK.length)
      this.#out.flush()
    }
    if (this.#endsInCr) this.#bareCr()
  }

  #decode(bytes: Buffer, last: boolean): void {
    if (bytes.length > 0) this.#endsInBreak = false
    const looksForBlanks =
      (this.#blanksDo !== 'stay' || !this.#hasLastBlanks) && hasLastBlank(bytes)
    let at = 0
    while (at < bytes.length) {
      if (this.#isHidden) {
        const lf = bytes.indexOf(LF, at)
        this.#isHidden = lf < 0
        at = lf < 0 ? bytes.length : lf + 1
        continue
      }
      const next = this.#nextOfInterest(bytes, at, looksForBlanks)
      this.#out.putAll(bytes, at, next)
      if (next === bytes.length) break
      const end =
        bytes[next] === EQUALS ? this.#equals(bytes, next, last) : this.#blanks(bytes, next, last)
      if (end < 0) {
        this.#held = Buffer.from(bytes.subarray(next))
        break
      }
      at = end
    }
    this.#out.flush()
  }

  #lookForBareCr(bytes: Buffer, from: number, to: number): void {
    if (this.#hasBareCr || from === to) return
    if (this.#endsInCr && bytes[from] !== LF) this.#bareCr()
    for (let cr = bytes.indexOf(CR, from); cr >= 0 && cr < to - 1; cr = bytes.indexOf(CR, cr + 1)) {
      if (bytes[cr + 1] === LF) continue
      this.#bareCr()
      return
    }
    this.#endsInCr = bytes[to - 1] === CR
  }

  #bareCr(): void {
    this.#hasBareCr = true
    this.#habits.note('quoted-printable CR')
  }

  /** Returns the offset of the next `=`, or of the next blank if blanks at the end of a line matter. */
  #nextOfInterest(bytes: Buffer, from: number, looksForBlanks: boolean): number {
    const near = looksForBlanks ? bytes.length : Math.min(bytes.length, from + NEAR_BYTES)
    let at = from
    for (; at < near; at++) {
      const byte = bytes[at]
      if (byte === EQUALS) return at
      if (looksForBlanks && (byte === SPACE || byte === TAB)) return at
    }
    if (at === bytes.length) return at
    const equals = bytes.indexOf(EQUALS, at)
    return equals < 0 ? bytes.length : equals
  }

  /**
   * Reads from a `=` on. Returns the offset to continue at, or -1 if that depends on bytes that have not
   * arrived.
   */
  #equals(bytes: Buffer, at: number, last: boolean): number {
    const high = hexDigits[bytes[at + 1] ?? 0]!
    const low = hexDigits[bytes[at + 2] ?? 0]!
    if (this.#unescapes && high >= 0 && low >= 0) {
      this.#out.put(high * 16 + low)
      return at + 3
    }
    switch (this.#escape) {
      case 'is an escape, and other bytes are zeros':
        return this.#anyDigits(bytes, at, last, byZeros)
      case 'is an escape, of one digit if need be':
        return this.#anyDigits(bytes, at, last, byNumber)
      case 'stays with the next byte':
        return this.#literal(bytes, at, last, 2)
      case 'stays with the next two bytes':
        return this.#literal(bytes, at, last, 3)
    }
    if (bytes[at + 1] === CR && this.#hidesLines) {
      this.#isHidden = true
      return at + 2
    }
    let end = at + 1
    while (end < bytes.length && isBlank(bytes[end]!)) end++
    checkBlanks(end - at)
    const isIncomplete = end === bytes.length || (high >= 0 && at + 2 === bytes.length)
    if (isIncomplete && !last) return -1
    const lf = bytes[end] === LF
    if (bytes[at + 1] === CR && !lf) this.#habits.note('quoted-printable CR break')
    const isBreak = lf || bytes[end - 1] === CR
    if (isBreak && this.#isSoftBreak(bytes, at, end, lf)) return lf ? end + 1 : end
    return this.#strange(bytes, at, end)
  }

  /** Returns whether a `=` that only blanks and a line end follow is a soft line break. */
  #isSoftBreak(bytes: Buffer, at: number, end: number, lf: boolean): boolean {
    const isPlain = end === at + 1 || (end === at + 2 && bytes[at + 1] === CR)
    this.#endsInBreak = lf && end === at + 1 && end + 1 === bytes.length
    if (isPlain && lf) return true
    // Only some readers end a line at a bare CR.
    this.#habits.note('quoted-printable escape')
    if (!lf && this.#habits.does('quoted-printable CR break') === 'are text like others')
      return false
    return isPlain || this.#habits.does('quoted-printable soft break') === 'is one'
  }

  #anyDigits(
    bytes: Buffer,
    at: number,
    last: boolean,
    read: (high: number, low: number) => number,
  ): number {
    if (at + 2 >= bytes.length && !last) return -1
    if (bytes[at + 1] === LF) return at + 2
    if (bytes[at + 1] === CR && bytes[at + 2] === LF) return at + 3
    this.#out.put(read(bytes[at + 1] ?? 0, bytes[at + 2] ?? 0))
    return Math.min(at + 3, bytes.length)
  }

  /** Reads a `=` that stays with the bytes after it: `most` bytes in all, at most. */
  #literal(bytes: Buffer, at: number, last: boolean, most: 2 | 3): number {
    if (at + 2 >= bytes.length && !last) return -1
    const next = bytes[at + 1]
    if (next === LF) return at + 2
    if (next === CR && bytes[at + 2] === LF) return at + 3
    if (next === CR && this.#habits.does('quoted-printable CR break') !== 'are text like others')
      return at + 2
    this.#out.putAll(bytes, at, Math.min(at + most, bytes.length))
    const isDigit = hexDigits[next ?? 0]! >= 0
    return Math.min(at + (isDigit ? 3 : most), bytes.length)
  }

  #strange(bytes: Buffer, at: number, end: number): number {
    const does = this.#habits.does('quoted-printable escape')
    if (does === 'is removed, with blanks after it') return end
    this.#out.put(EQUALS)
    const isPair = bytes[at + 1] === EQUALS
    return isPair && does === 'stays, without a `=` after it' ? at + 2 : at + 1
  }

  #blanks(bytes: Buffer, at: number, last: boolean): number {
    let end = at + 1
    while (end < bytes.length && (bytes[end] === SPACE || bytes[end] === TAB)) end++
    const behind = bytes[end] === CR ? end + 1 : end
    checkBlanks(end - at)
    if (behind >= bytes.length && !last) return -1
    const endsLine = end >= bytes.length || bytes[end] === LF || bytes[behind] === LF
    const isLast = endsLine || bytes[end] === CR
    if (isLast && !this.#hasLastBlanks) {
      this.#hasLastBlanks = true
      this.#habits.note('quoted-printable blanks')
    }
    const isRemoved =
      this.#blanksDo === 'are removed' ? endsLine : this.#blanksDo !== 'stay' && isLast
    if (!isRemoved) this.#out.putAll(bytes, at, end)
    return end
  }
}

function checkBlanks(length: number): void {
  if (length > BLANKS_MAX) throw new Unreadable('quoted-printable with 64 KiB of blanks in a line')
}

/** Returns whether a blank is, or may be, at the end of a line. */
function hasLastBlank(bytes: Buffer): boolean {
  const last = bytes.at(-1)
  return last === SPACE || last === TAB || LAST_BLANKS.some((blank) => bytes.includes(blank))
}

const LAST_BLANKS: readonly Buffer[] = [' \n', ' \r', '\t\n', '\t\r'].map((ends) =>
  Buffer.from(ends),
)

/** Returns whether a byte is 0xc4 or more: the first of a UTF-8 character above U+00FF is. */
function hasHighByte(bytes: Buffer, from = 0, to = bytes.length): boolean {
  if (isAscii(bytes.subarray(from, to))) return false // nearly all that is encoded is
  for (let at = from; at < to; at++) if (bytes[at]! > 0xc3) return true
  return false
}

/** Returns whether some reader treats the byte as a blank. */
function isBlank(byte: number): boolean {
  return (
    byte === SPACE || byte === TAB || byte === CR || byte === 0 || byte === 0x0b || byte === 0x0c
  )
}

/** Quoted-printable, in each way in which some program decodes it. */
export const quotedPrintable: Codec = (habits) => {
  const equals = habits.wouldDo('quoted-printable escape')
  const isInLines = equals === 'stays as far as there is space in its line'
  return chained([
    ...(habits.wouldDo('quoted-printable in UTF-8') === 'is its bytes' ? [] : [lowBytes]),
    ...(habits.wouldDo('quoted-printable NUL') === 'stays' ? [] : [withoutNuls]),
    ...crChanges[habits.wouldDo('quoted-printable CR')],
    ...(equals === 'may be in front of a soft line break and digits' ? [softBreaks(habits)] : []),
    isInLines ? makerOf(QuotedPrintableInLines) : makerOf(QuotedPrintableDecoder, habits),
  ])
}

const crChanges: Readonly<Record<Words<'quoted-printable CR'>, readonly MakeDecoder[]>> = {
  stays: [],
  'is removed': [lineEnds({ to: 'same', bareCr: 'nothing' })],
  'ends a line': [lineEnds({ to: 'lf', bareCr: 'line end' })],
  'ends a line, with the byte after it': [lineEnds({ to: 'lf', bareCr: 'line end with the next' })],
}

/** Removes soft line breaks, so that an escape is found even if it contains one. */
function softBreaks(habits: Habits): MakeDecoder {
  const name = 'quoted-printable CR break'
  return makerOf(QuotedPrintableDecoder, Habits.of({ [name]: habits.wouldDo(name) }), false)
}
