import { CR, LF, SPACE, TAB } from '../shared/lines.ts'
import { type Decoder, type Give, Writer } from './decoder.ts'

const EQUALS = 0x3d

/** The most bytes behind a `=`, or blanks, that are held until it is clear what they are. */
const HELD_MAX = 4096

/** So many bytes are tried one by one before the next byte of interest is searched for. */
const NEAR = 32

const hex = new Int8Array(256).fill(-1)
for (let value = 0; value < 16; value++) {
  const digit = value.toString(16)
  hex[digit.charCodeAt(0)] = value
  hex[digit.toUpperCase().charCodeAt(0)] = value
}

/** How readers of quoted-printable are known to differ. */
export interface QuotedPrintableMode {
  /**
   * What happens to a `=` that begins no escape. `keep`: it stays. `drop`: it goes, with blanks
   * behind it. `drop digit`: the same, and one digit behind it goes. `drop line`: the rest of its
   * line goes, with the line end. `drop pair`: it goes, and with it a `=` that follows. `any
   * digits`: it is an escape with whatever two bytes follow, unless they are a line end; a byte
   * that is no digit has the value 127.
   */
  readonly strange: 'keep' | 'drop' | 'drop digit' | 'drop line' | 'drop pair' | 'any digits'
  /** Whether blanks at the end of a line are removed (RFC 2045 6.7 rule 3). */
  readonly trims: boolean
  /** Whether escapes are decoded, or only soft line breaks removed. */
  readonly escapes: boolean
}

export const PATIENT_ESCAPES: QuotedPrintableMode = { strange: 'keep', trims: false, escapes: true }

/** What occurred that readers may read in different ways, or that decoding changes. */
export interface QuotedPrintableOddities {
  /** A `=` that begins neither an escape nor a soft line break. */
  strange: boolean
  /** Blanks at the end of a line, also behind a soft line break. */
  blanks: boolean
  /** Any escape or soft line break. */
  encoded: boolean
}

/**
 * Decodes quoted-printable (RFC 2045 6.7) in pieces of any size. Hexadecimal digits may be in
 * either case. A soft line break may have blanks behind its `=`, and any line end. The mode says
 * the rest.
 */
export class QuotedPrintableDecoder implements Decoder {
  readonly #out: Writer
  readonly #mode: QuotedPrintableMode
  readonly #odd: QuotedPrintableOddities | undefined
  #held = Buffer.alloc(0)
  #inDroppedLine = false

  constructor(
    give: Give,
    room: Buffer,
    mode: QuotedPrintableMode = PATIENT_ESCAPES,
    odd?: QuotedPrintableOddities,
  ) {
    this.#out = new Writer(give, room)
    this.#mode = mode
    this.#odd = odd
  }

  push(bytes: Buffer, from: number, to: number): void {
    // Held bytes are completed with only a little of what comes; otherwise many small pieces would
    // be copied again and again.
    for (let at = from; at < to; ) {
      if (this.#held.length === 0) {
        this.#decode(bytes.subarray(at, to), false)
        return
      }
      const end = Math.min(to, at + HELD_MAX)
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
  }

  #decode(bytes: Buffer, last: boolean): void {
    let at = 0
    while (at < bytes.length) {
      if (this.#inDroppedLine) {
        const lf = bytes.indexOf(LF, at)
        at = lf < 0 ? bytes.length : lf + 1
        this.#inDroppedLine = lf < 0
        continue
      }
      const next = this.#nextOfInterest(bytes, at)
      this.#out.putAll(bytes, at, next)
      if (next === bytes.length) break
      const end =
        bytes[next] === EQUALS ? this.#escape(bytes, next, last) : this.#blanks(bytes, next, last)
      if (end < 0) {
        this.#held = Buffer.from(bytes.subarray(next))
        break
      }
      at = end
    }
    this.#out.flush()
  }

  /** The next `=`, or the next blank if blanks at the end of a line matter. */
  #nextOfInterest(bytes: Buffer, from: number): number {
    const { trims } = this.#mode
    const looksForBlanks = trims || this.#odd?.blanks === false
    const near = looksForBlanks ? bytes.length : Math.min(bytes.length, from + NEAR)
    let at = from
    for (; at < near; at++) {
      const byte = bytes[at]!
      if (byte === EQUALS) return at
      if (looksForBlanks && (byte === SPACE || byte === TAB)) return at
    }
    if (at === bytes.length) return at
    const equals = bytes.indexOf(EQUALS, at)
    return equals < 0 ? bytes.length : equals
  }

  /** Where to go on; -1 if that depends on bytes that have not come yet. */
  #escape(bytes: Buffer, at: number, last: boolean): number {
    const high = hex[bytes[at + 1] ?? 0]!
    const low = hex[bytes[at + 2] ?? 0]!
    if (this.#mode.escapes && high >= 0 && low >= 0) {
      if (this.#odd) this.#odd.encoded = true
      this.#out.put(high * 16 + low)
      return at + 3
    }
    if (this.#mode.strange === 'any digits') return this.#anyDigits(bytes, at, last)
    let end = at + 1
    while (end < bytes.length && isBlank(bytes[end]!)) end++
    const isIncomplete = end === bytes.length || (high >= 0 && at + 2 === bytes.length)
    if (isIncomplete && !last && bytes.length - at <= HELD_MAX) return -1
    const lf = bytes[end] === LF
    const isBreak = lf || (bytes[end - 1] === CR && end > at + 1)
    if (isBreak) {
      const plain = end === at + 1 || (end === at + 2 && bytes[at + 1] === CR)
      if (this.#odd) {
        this.#odd.encoded = true
        if (!plain) this.#odd.blanks = true
        if (!lf) this.#odd.strange = true // some readers end a line at a bare CR
      }
      return lf ? end + 1 : end
    }
    if (!this.#mode.escapes) {
      this.#out.put(EQUALS)
      return at + 1
    }
    if (this.#odd) this.#odd.strange = true
    return this.#strange(bytes, at, end)
  }

  #anyDigits(bytes: Buffer, at: number, last: boolean): number {
    if (at + 2 >= bytes.length && !last) return -1
    if (bytes[at + 1] === LF) return at + 2
    if (bytes[at + 1] === CR && bytes[at + 2] === LF) return at + 3
    this.#out.put((digitOf(bytes[at + 1]) << 4) | digitOf(bytes[at + 2]))
    return Math.min(at + 3, bytes.length)
  }

  #strange(bytes: Buffer, at: number, end: number): number {
    switch (this.#mode.strange) {
      case 'keep':
        this.#out.put(EQUALS)
        return at + 1
      case 'drop':
        return end
      case 'drop digit':
        return hex[bytes[at + 1] ?? 0]! >= 0 ? at + 2 : end
      case 'drop pair':
        return bytes[at + 1] === EQUALS ? at + 2 : at + 1
      case 'drop line':
        this.#inDroppedLine = true
        return at + 1
      case 'any digits':
        throw new Error('nothing is strange to who takes any digits')
    }
  }

  #blanks(bytes: Buffer, at: number, last: boolean): number {
    let end = at + 1
    while (end < bytes.length && (bytes[end] === SPACE || bytes[end] === TAB)) end++
    const behind = bytes[end] === CR ? end + 1 : end
    if (behind >= bytes.length && !last && bytes.length - at <= HELD_MAX) return -1
    const endsLine = end >= bytes.length || bytes[end] === LF || bytes[behind] === LF
    if (endsLine && this.#odd) this.#odd.blanks = true
    if (!(endsLine && this.#mode.trims)) this.#out.putAll(bytes, at, end)
    return end
  }
}

/** The value of a digit; 127 for any other byte, as in munpack. */
function digitOf(byte: number | undefined): number {
  const value = byte === undefined ? -1 : hex[byte]!
  return value < 0 ? 127 : value
}

/** Blanks, and bytes that some readers take for a blank. */
function isBlank(byte: number): boolean {
  return (
    byte === SPACE || byte === TAB || byte === CR || byte === 0 || byte === 0x0b || byte === 0x0c
  )
}
