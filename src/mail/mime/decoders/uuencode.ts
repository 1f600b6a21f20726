import { CR, LF } from '../../../lib/bytes/ascii.ts'
import { withoutLineEnd } from '../lines/lines.ts'
import {
  BUFFER_SIZE,
  ByteDecoder,
  type Decoder,
  type DecodingPlan,
  type Give,
  inTwo,
  type MakeDecoder,
  makerOf,
  WholeLines,
} from './decoder.ts'

/** One of the known ways in which readers decode uuencode. */
interface UuencodeMode {
  /**
   * Which lines are data. The first character of a line declares the number of bytes.
   *
   * - `about`: lines that are not much longer than declared.
   * - `whole`: those of them that are complete and have no lower-case letters.
   * - `complete`: the same, but lower-case letters may follow the declared data.
   * - `exact`: those of them that have no characters beyond.
   * - `any`: all lines; the lowest six bits of the first character are the length.
   * - `folded`: all lines, with lower-case letters read as upper case.
   */
  readonly lines: 'about' | 'whole' | 'complete' | 'exact' | 'any' | 'folded'
  /**
   * The number of bytes that a line yields. `said`: the declared number. Missing data counts as zero. `line`:
   * all up to its end. `groups`: the declared number, but no more than its complete groups of four contain.
   */
  readonly length: 'said' | 'line' | 'groups'
  /** Whether a line of zero bytes, or `end`, ends the data. If not, it is skipped. */
  readonly stops: boolean
}

/** The standard way: as most readers decode. */
const STANDARD: UuencodeMode = {
  lines: 'about',
  length: 'said',
  stops: true,
}

/**
 * The other ways, which are tried after an odd feature: PHP, KMime and MIME::Parser continue after an end;
 * MIME::Parser skips lines that are too long or have lower-case letters.
 */
const otherModes: readonly Partial<UuencodeMode>[] = [
  { stops: false },
  { lines: 'whole' },
  { lines: 'whole', stops: false },
  { lines: 'complete' },
  { lines: 'exact' },
  { lines: 'any' },
  { lines: 'any', stops: false },
  { lines: 'any', length: 'line' },
  { lines: 'any', length: 'line', stops: false },
  { lines: 'any', length: 'groups' }, // PHP mailparse
  { lines: 'folded' },
]

/** The features found in uuencode that readers decode in different ways. */
interface UuencodeOddities {
  /** Before the end, a line did not fit its first character, or was not data. */
  lines: boolean
  /** Data followed a possible end, or there was no end. */
  end: boolean
}

const OTHER = -1

/** Returns the six bits of each character. `small` is taken off the code of a lower-case letter. */
function sixBits(small: number): Uint8Array {
  const values = new Uint8Array(256) // Uint8Array.from() would take twenty times as long at each start
  for (let byte = 0; byte < 256; byte++) values[byte] = (byte - (isSmall(byte) ? small : 32)) & 63
  return values
}

const standardValues = sixBits(32)
const foldedValues = sixBits(64)

/** Decodes lines in pieces of any size. A line may end in a bare CR. Lines that are not data are skipped. */
export class UuencodeDecoder implements Decoder {
  readonly #give: Give
  readonly #mode: UuencodeMode
  readonly #buffer: Buffer
  readonly #odd: UuencodeOddities | undefined
  readonly #values: Uint8Array
  #length = 0
  readonly #lines = new WholeLines((bytes, from, to) => this.#line(bytes, from, to), 'any')
  #hasData = false
  #over = false

  constructor(give: Give, buffer: Buffer, mode: Partial<UuencodeMode>, odd?: UuencodeOddities) {
    this.#give = give
    this.#buffer = buffer
    this.#mode = { ...STANDARD, ...mode }
    this.#odd = odd
    this.#values = mode.lines === 'folded' ? foldedValues : standardValues
  }

  push(bytes: Buffer, from: number, to: number): void {
    if (!this.#isDone) this.#lines.push(bytes, from, to)
    this.#flush()
  }

  end(): void {
    this.#lines.end()
    this.#flush()
    if (this.#odd && !this.#over) this.#odd.end = true
  }

  /** Whether the bytes that follow make no difference. */
  get #isDone(): boolean {
    return this.#over && this.#mode.stops && (this.#odd === undefined || this.#odd.end)
  }

  #flush(): void {
    if (this.#length > 0) this.#give(this.#buffer, this.#length)
    this.#length = 0
  }

  #line(bytes: Buffer, from: number, to: number): void {
    const end = withoutLineEnd(bytes, from, to)
    const isLast = isEndLine(bytes, from, end)
    const odd = this.#odd
    if (this.#over && this.#mode.stops) {
      if (odd && end > from && !isLast) odd.end = true
      return
    }
    if (this.#hasData && (isLast || isZeroLine(bytes, from, end))) this.#over = true
    if (odd && !odd.lines && !this.#over && !isExact(bytes, from, end)) odd.lines = true
    if (end === from || isLast) return
    const length = this.#lengthOf(bytes, from, end)
    if (length !== OTHER) this.#decode(bytes, from + 1, end, length)
  }

  /** Decodes this many bytes. Characters that are missing at the end of the line count as zero. */
  #decode(bytes: Buffer, from: number, end: number, length: number): void {
    if (this.#buffer.length - this.#length < length + 3) this.#flush()
    const buffer = this.#buffer
    const values = this.#values
    let filled = this.#length
    this.#length += length
    for (let at = from; filled < this.#length; at += 4) {
      const first = at < end ? values[bytes[at]!]! : 0
      const second = at + 1 < end ? values[bytes[at + 1]!]! : 0
      const third = at + 2 < end ? values[bytes[at + 2]!]! : 0
      const fourth = at + 3 < end ? values[bytes[at + 3]!]! : 0
      buffer[filled] = (first << 2) | (second >> 4)
      buffer[filled + 1] = (second << 4) | (third >> 2)
      buffer[filled + 2] = (third << 6) | fourth
      filled += 3
    }
    this.#hasData ||= length > 0
  }

  /** Returns the number of bytes in a line, which must not be empty, or OTHER if the line is not data. */
  #lengthOf(bytes: Buffer, from: number, end: number): number {
    const first = bytes[from]!
    const { lines, length: by } = this.#mode
    const length = this.#values[first]!
    const characters = end - from - 1
    if (by === 'line') return Math.min(Math.floor((characters / 4) * 3), BUFFER_SIZE - 8)
    if (by === 'groups') return Math.min(length, Math.floor(characters / 4) * 3)
    if (lines === 'any' || lines === 'folded') return length
    if (first < 32 || first > 96) return OTHER
    const needed = Math.ceil(length / 3) * 4
    if (characters > needed + 4) return OTHER
    if (lines === 'about') return length
    if (lines === 'exact' && characters > needed) return OTHER
    if (characters < needed) return OTHER
    const saidEnd = from + 1 + needed
    return hasSmall(bytes, from, lines === 'complete' ? saidEnd : end) ? OTHER : length
  }
}

function isSmall(byte: number): boolean {
  return byte >= 0x61 && byte <= 0x7a
}

function hasSmall(bytes: Buffer, from: number, end: number): boolean {
  for (let at = from; at < end; at++) if (isSmall(bytes[at]!)) return true
  return false
}

/** Returns whether the line declares zero bytes: it is a back-tick or a blank alone. */
function isZeroLine(bytes: Buffer, from: number, end: number): boolean {
  return end === from + 1 && (bytes[from] === 0x60 || bytes[from] === 0x20)
}

/**
 * Returns whether every reader decodes the line to the same bytes. Some readers decode the last
 * group of four as a whole.
 */
function isExact(bytes: Buffer, from: number, end: number): boolean {
  if (end === from || (bytes[from]! - 32) % 3 !== 0) return false
  for (let at = from; at < end; at++) if (bytes[at]! < 0x20 || bytes[at]! > 0x60) return false
  return end - from - 1 === Math.ceil((bytes[from]! - 32) / 3) * 4
}

/** Returns whether the line is the word `end`, in any case of letters. */
export function isEndLine(bytes: Buffer, from: number, end: number): boolean {
  return (
    end - from === 3 &&
    (bytes[from]! | 32) === 0x65 &&
    (bytes[from + 1]! | 32) === 0x6e &&
    (bytes[from + 2]! | 32) === 0x64
  )
}

/** The bytes of a line that readers in C read at once into 128 bytes: mutt, Thunderbird. */
const LINE_IN_C = 127

/**
 * Ends lines of uuencode where some readers begin the next line. `records`: after the number of characters
 * that the first character declares, as GMime does. `pieces`: after LINE_IN_C characters.
 */
class CutLines extends ByteDecoder {
  readonly #by: 'records' | 'pieces'
  #left = 0

  constructor(give: Give, buffer: Buffer, by: 'records' | 'pieces') {
    super(give, buffer)
    this.#by = by
  }

  protected take(byte: number): void {
    const startsLine = this.#left === 0
    if (byte === LF || byte === CR) {
      if (!startsLine) this.out.put(LF)
      this.#left = 0
      return
    }
    this.out.put(byte)
    if (!startsLine) this.#left--
    else this.#left = this.#by === 'pieces' ? LINE_IN_C - 1 : charactersOf(byte)
    if (this.#left === 0) this.out.put(LF)
  }
}

/** Returns the number of characters that a line has after its first one. */
function charactersOf(first: number): number {
  return Math.ceil(((first - 32) & 63) / 3) * 4
}

/**
 * Decodes uuencode like KMime. Blanks, and characters that uuencode does not use, are skipped. A group of
 * four may continue in the next line. Each line yields at most the declared number of bytes.
 */
class UuencodeAcrossLines extends ByteDecoder {
  #startsLine = true
  /** The number of letters of `end` at the start of this line. */
  #ofEnd = 0
  #over = false
  #left = 0
  #bits = 0
  #count = 0 // the number of bits that are left over

  protected take(byte: number): void {
    if (this.#over) return
    if (byte === LF) {
      this.#startsLine = true
      this.#ofEnd = 0
      return
    }
    if (this.#startsLine || this.#ofEnd > 0) {
      const isEnd = byte === 'end'.charCodeAt(this.#ofEnd)
      this.#ofEnd = isEnd ? this.#ofEnd + 1 : 0
      this.#over = this.#ofEnd === 3
      if (this.#startsLine && byte > 0x20 && byte <= 0x60) this.#left = (byte - 32) & 63
      if (this.#startsLine || isEnd) {
        this.#startsLine = false
        return
      }
    }
    if (byte > 0x20 && byte <= 0x60) this.#data((byte - 32) & 63)
  }

  #data(value: number): void {
    this.#bits = ((this.#bits << 6) | value) & 0xffff
    this.#count += 6
    if (this.#count < 8) return
    this.#count -= 8
    if (this.#left > 0) this.out.put((this.#bits >> this.#count) & 255)
    this.#left--
  }
}

/** The ways in which readers decode uuencode. */
export class UuencodePlan implements DecodingPlan {
  readonly #odd: UuencodeOddities = { lines: false, end: false }

  readonly standard: MakeDecoder = (give, buffer) =>
    new UuencodeDecoder(give, buffer, {}, this.#odd);

  *others(): Generator<MakeDecoder> {
    if (!this.#odd.lines && !this.#odd.end) return
    for (const mode of otherModes) {
      if (this.#odd.lines || mode.lines === undefined) yield makerOf(UuencodeDecoder, mode)
    }
    if (!this.#odd.lines) return
    yield makerOf(UuencodeAcrossLines) // KMime
    yield inCutLines('records') // GMime, Camel
    yield inCutLines('pieces') // mutt, Gnus, PHP, Thunderbird
  }
}

function inCutLines(by: 'records' | 'pieces'): MakeDecoder {
  return inTwo(makerOf(CutLines, by), makerOf(UuencodeDecoder, { lines: 'any' }))
}
