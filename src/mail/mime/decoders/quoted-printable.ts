import { isAscii } from 'node:buffer'
import { CR, DASH, EQUALS, LF, SPACE, TAB } from '../../../lib/bytes/ascii.ts'
import {
  type Decoder,
  type DecodingPlan,
  type Give,
  inTwo,
  type MakeDecoder,
  makerOf,
  WholeLines,
  Writer,
} from './decoder.ts'
import { type LineEndMode, LineEnds, WithoutByte } from './text-forms.ts'

const PLUS = 0x2b

/** Upper limit for the bytes after a `=`, and for the blanks, that wait until their meaning is known. */
const HELD_MAX = 4096

/** This many bytes are compared one by one before the runtime searches the rest. */
const NEAR = 32

const hex = new Int8Array(256).fill(-1)
for (let value = 0; value < 16; value++) {
  const digit = value.toString(16)
  hex[digit.charCodeAt(0)] = value
  hex[digit.toUpperCase().charCodeAt(0)] = value
}

/** How readers decode the two bytes after a `=`, whatever they are. */
const anyDigits = {
  /** As libEtPan and VMime: a byte that is not a digit is 0. */
  'as zeros': (high: number, low: number) =>
    (Math.max(hex[high]!, 0) << 4) | Math.max(hex[low]!, 0),

  /** As GNU mailutils by strtoul(3): one digit is enough, and a blank or a sign may precede it. */
  'as number': (high: number, low: number) => {
    if (hex[high]! >= 0) return hex[low]! >= 0 ? (hex[high]! << 4) | hex[low]! : hex[high]!
    if (hex[low]! < 0) return 0
    if (high === DASH) return (256 - hex[low]!) & 255
    return high === PLUS || high === SPACE || (high >= TAB && high <= CR) ? hex[low]! : 0
  },
} as const
type AnyDigits = keyof typeof anyDigits

/** One of the known ways in which readers decode quoted-printable. */
interface QuotedPrintableMode {
  /**
   * How a `=` that begins no escape is treated.
   *
   * - `keep`: the `=` stays.
   * - `drop`: the `=` is removed, with blanks after it.
   * - `halve pair`: the `=` stays, and another `=` that follows is removed, as in Python's binascii.
   * - `keep two`, `keep three`: the `=` stays with the byte, or the two bytes, after it, even if these are
   *   blanks before a line end, or a `=`. `keep two` drops a byte after a digit.
   * - `as zeros`, `as number`: any two bytes are an escape, unless they are a line end.
   */
  readonly strange: 'keep' | 'keep two' | 'keep three' | 'drop' | 'halve pair' | AnyDigits
  /** Whether blanks at the end of a line are removed (RFC 2045 6.7 rule 3). */
  readonly trims: boolean
  /** Whether escapes are decoded. If not, only soft line breaks are removed. */
  readonly escapes: boolean
}

/** The standard way: as the most lenient readers decode. */
const LENIENT_ESCAPES: QuotedPrintableMode = { strange: 'keep', trims: false, escapes: true }

/** The features found that readers decode in different ways, or that decoding changes. */
class QuotedPrintableOddities {
  /** A `=` began neither an escape nor a soft line break. */
  strange = false
  /** Blanks at the end of a line, or after the `=` of a soft line break. */
  blanks = false
  /** Blanks after the `=` of a soft line break. */
  brokenBreak = false
  /** An escape or a soft line break occurred. */
  encoded = false
  /** A CR occurred that no LF follows. */
  bareCr = false
  /** A NUL occurred. */
  nul = false
  /** A byte of 0xc4 or more occurred: as UTF-8, a character above U+00FF. */
  high = false
}

/**
 * Decodes quoted-printable (RFC 2045 6.7) in pieces of any size, according to the mode. Hexadecimal digits
 * may be in either case. A soft line break may have blanks after its `=`, and any line end.
 */
export class QuotedPrintableDecoder implements Decoder {
  readonly #out: Writer
  readonly #mode: QuotedPrintableMode
  readonly #odd: QuotedPrintableOddities | undefined
  #held = Buffer.alloc(0)
  #endsInCr = false

  constructor(
    give: Give,
    buffer: Buffer,
    mode: Partial<QuotedPrintableMode> = {},
    odd?: QuotedPrintableOddities,
  ) {
    this.#out = new Writer(give, buffer)
    this.#mode = { ...LENIENT_ESCAPES, ...mode }
    this.#odd = odd
  }

  push(bytes: Buffer, from: number, to: number): void {
    this.#lookForBareCr(bytes, from, to)
    if (this.#odd && !this.#odd.nul) this.#odd.nul = bytes.subarray(from, to).includes(0)
    if (this.#odd && !this.#odd.high) this.#odd.high = hasHighByte(bytes, from, to)
    // Held bytes are joined with only a few of the new bytes. Otherwise small pieces would be copied again
    // and again.
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
    if (this.#endsInCr && this.#odd) this.#odd.bareCr = true
  }

  #decode(bytes: Buffer, last: boolean): void {
    const looksForBlanks = (this.#mode.trims || this.#odd?.blanks === false) && hasLastBlank(bytes)
    let at = 0
    while (at < bytes.length) {
      const next = this.#nextOfInterest(bytes, at, looksForBlanks)
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

  #lookForBareCr(bytes: Buffer, from: number, to: number): void {
    if (!this.#odd || this.#odd.bareCr || from === to) return
    if (this.#endsInCr && bytes[from] !== LF) this.#odd.bareCr = true
    for (let cr = bytes.indexOf(CR, from); cr >= 0 && cr < to - 1; cr = bytes.indexOf(CR, cr + 1)) {
      if (bytes[cr + 1] === LF) continue
      this.#odd.bareCr = true
      return
    }
    this.#endsInCr = bytes[to - 1] === CR
  }

  /** Returns the offset of the next `=`, or of the next blank if blanks at the end of a line matter. */
  #nextOfInterest(bytes: Buffer, from: number, looksForBlanks: boolean): number {
    const near = looksForBlanks ? bytes.length : Math.min(bytes.length, from + NEAR)
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
  #escape(bytes: Buffer, at: number, last: boolean): number {
    const high = hex[bytes[at + 1] ?? 0]!
    const low = hex[bytes[at + 2] ?? 0]!
    if (this.#mode.escapes && high >= 0 && low >= 0) {
      if (this.#odd) this.#odd.encoded = true
      this.#out.put(high * 16 + low)
      return at + 3
    }
    const { strange } = this.#mode
    if (strange === 'as zeros' || strange === 'as number') {
      return this.#anyDigits(bytes, at, last, anyDigits[strange])
    }
    if (strange === 'keep two' || strange === 'keep three') {
      return this.#literal(bytes, at, last, strange)
    }
    let end = at + 1
    while (end < bytes.length && isBlank(bytes[end]!)) end++
    const isIncomplete = end === bytes.length || (high >= 0 && at + 2 === bytes.length)
    if (isIncomplete && !last && bytes.length - at <= HELD_MAX) return -1
    const lf = bytes[end] === LF
    const isBreak = lf || bytes[end - 1] === CR
    if (isBreak) {
      const plain = end === at + 1 || (end === at + 2 && bytes[at + 1] === CR)
      if (this.#odd) {
        this.#odd.encoded = true
        if (!plain) {
          this.#odd.blanks = true
          this.#odd.brokenBreak = true
        }
        if (!lf) this.#odd.strange = true // only some readers end a line at a bare CR
      }
      return lf ? end + 1 : end
    }
    if (this.#odd) this.#odd.strange = true
    return this.#strange(bytes, at, end)
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

  #literal(bytes: Buffer, at: number, last: boolean, kept: 'keep two' | 'keep three'): number {
    if (at + 2 >= bytes.length && !last) return -1
    const next = bytes[at + 1]
    if (next === LF) return at + 2
    if (next === CR) return bytes[at + 2] === LF ? at + 3 : at + 2
    const isThree = kept === 'keep three'
    this.#out.putAll(bytes, at, Math.min(at + (isThree ? 3 : 2), bytes.length))
    const isDigit = hex[next ?? 0]! >= 0
    return Math.min(at + (isThree || isDigit ? 3 : 2), bytes.length)
  }

  #strange(bytes: Buffer, at: number, end: number): number {
    const { strange } = this.#mode
    if (strange === 'drop') return end
    this.#out.put(EQUALS)
    return strange === 'halve pair' && bytes[at + 1] === EQUALS ? at + 2 : at + 1
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

/** Returns whether a blank is, or may be, at the end of a line. */
function hasLastBlank(bytes: Buffer): boolean {
  const last = bytes.at(-1) === CR ? bytes.at(-2) : bytes.at(-1)
  return last === SPACE || last === TAB || LAST_BLANKS.some((blank) => bytes.includes(blank))
}

const LAST_BLANKS: readonly Buffer[] = [' \n', ' \r\n', '\t\n', '\t\r\n'].map((ends) =>
  Buffer.from(ends),
)

/** Returns whether a byte is 0xc4 or more: the first of a UTF-8 character above U+00FF is. */
export function hasHighByte(bytes: Buffer, from = 0, to = bytes.length): boolean {
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

/**
 * Decodes quoted-printable as Thunderbird 153 does: line by line, three bytes at a time, writing the
 * result over the line. Up to two bytes of a line wait for the next line. A `=` that begins no escape
 * stays with the two bytes after it, but only as far as there is space. Bytes that waited take space,
 * and an escape frees two bytes.
 */
class QuotedPrintableInLines implements Decoder {
  readonly #out: Writer
  readonly #lines = new WholeLines((bytes, from, to) => this.#line(bytes, from, to))
  #waiting: Buffer = Buffer.alloc(0)

  constructor(give: Give, buffer: Buffer) {
    this.#out = new Writer(give, buffer)
  }

  push(bytes: Buffer, from: number, to: number): void {
    this.#lines.push(bytes, from, to)
    this.#out.flush()
  }

  end(): void {
    this.#lines.end()
    this.#out.putAll(this.#waiting, 0, this.#waiting.length)
    this.#out.flush()
  }

  #line(bytes: Buffer, from: number, to: number): void {
    const line = Buffer.concat([this.#waiting, bytes.subarray(from, to)])
    const waited = this.#waiting.length
    let read = 0
    let written = 0
    while (line.length - read >= 3) {
      if (line[read] !== EQUALS) {
        const equals = line.indexOf(EQUALS, read)
        const end = Math.min(equals < 0 ? line.length : equals, line.length - 2)
        this.#out.putAll(line, read, end)
        written += end - read
        read = end
        continue
      }
      const [second, third] = [line[read + 1]!, line[read + 2]!]
      if (second === CR || second === LF) {
        read += second === CR && third === LF ? 3 : 2
        continue
      }
      const [high, low] = [hex[second]!, hex[third]!]
      if (high >= 0 && low >= 0) {
        this.#out.put(high * 16 + low)
        written++
      } else {
        // The bytes of this line that were read, and not written over yet.
        const free = Math.max(0, read + 3 - waited - written)
        const end = read + Math.min(3, free)
        this.#out.putAll(line, read, end)
        written += end - read
      }
      read += 3
    }
    this.#waiting = line.subarray(read)
  }
}

/**
 * The ways in which readers decode quoted-printable. If nothing was odd or encoded, the text appears
 * unchanged.
 */
export class QuotedPrintablePlan implements DecodingPlan {
  readonly odd = new QuotedPrintableOddities()

  readonly standard: MakeDecoder = (give, buffer) =>
    new QuotedPrintableDecoder(give, buffer, {}, this.odd)

  /**
   * Returns whether readers decode it in different ways. Blanks at the end of a line make no difference in
   * text.
   */
  isOdd(isText: boolean): boolean {
    const { blanks, brokenBreak, strange, bareCr, nul, high } = this.odd
    return strange || brokenBreak || bareCr || nul || high || (blanks && !isText)
  }

  *others(): Generator<MakeDecoder> {
    const { blanks, strange, bareCr, nul } = this.odd
    if (blanks) yield escapesBy({ trims: true })
    if (blanks || strange) {
      for (const strange of ALSO_OF_BLANKS) yield escapesWith(strange)
      yield makerOf(QuotedPrintableInLines) // Thunderbird
    }
    if (strange) {
      for (const strange of OF_OTHERS) yield escapesWith(strange)
      yield escapesBehind(softBreaks) // mailparser
    }
    if (bareCr) for (const mode of BARE_CRS) yield escapesBehind(makerOf(LineEnds, mode))
    if (nul) yield escapesBehind(makerOf(WithoutByte, 0)) // Thunderbird
  }
}

/** These readers treat a soft line break with blanks like a strange escape. */
const ALSO_OF_BLANKS = [
  'as zeros', // libEtPan, VMime
  'keep three', // GMime, Camel, Ruby, PHP
] as const
const OF_OTHERS = [
  'as number', // GNU mailutils
  'keep two', // c-client
  'drop', // mailparser, nmh, Go, mime4j
  'halve pair', // Python, mime4j
] as const
const BARE_CRS: readonly LineEndMode[] = [
  { to: 'same', bareCr: 'nothing' },
  { to: 'lf', bareCr: 'line end' }, // Ruby, libEtPan, Thunderbird
  { to: 'lf', bareCr: 'line end with the next' }, // GNU mailutils
]

function escapesWith(strange: QuotedPrintableMode['strange']): MakeDecoder {
  return escapesBy({ strange })
}

function escapesBy(mode: Partial<QuotedPrintableMode> = {}): MakeDecoder {
  return makerOf(QuotedPrintableDecoder, mode)
}

/**
 * Removes soft line breaks before escapes are decoded, so that an escape is found even if it contains a soft
 * line break.
 */
const softBreaks = escapesBy({ escapes: false })

/** Returns a decoder of escapes in the output of another decoder. */
function escapesBehind(makeFirst: MakeDecoder): MakeDecoder {
  return inTwo(makeFirst, escapesBy())
}
