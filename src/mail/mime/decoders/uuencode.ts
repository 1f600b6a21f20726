import { CR, LF } from '../../../lib/bytes/ascii.ts'
import { withoutLineEnd } from '../../../lib/bytes/lines.ts'
import { Habits, type Words } from '../habits/habits.ts'
import {
  ByteDecoder,
  type Codec,
  chained,
  type Decoder,
  makerOf,
  WholeLines,
  type Write,
} from './decoder.ts'

const OTHER = -1

/** The six bits of each character. */
const values = new Uint8Array(256) // Uint8Array.from() would take twenty times as long at each start
for (let byte = 0; byte < 256; byte++) values[byte] = (byte - 32) & 63

/** Decodes lines in pieces of any size. A line may end in a bare CR. Lines that are not data are skipped. */
export class UuencodeDecoder implements Decoder {
  readonly #write: Write
  readonly #habits: Habits
  readonly #reads: Words<'uuencode line'>
  readonly #buffer: Buffer
  #length = 0
  readonly #lines = new WholeLines(
    (bytes, from, to, startsLine) => this.#line(bytes, from, to, startsLine),
    'any',
  )
  #hasData = false
  #over = false
  #isBehindCr = false
  /** Whether KMime reads no more, since there was an `end` in small letters. */
  #isOverForKMime = false
  #hasOddLine = false
  /** What this reader does with data after the end, once it occurred. */
  #end: Words<'uuencode end'> | undefined

  constructor(write: Write, buffer: Buffer, habits = new Habits()) {
    this.#write = write
    this.#buffer = buffer
    this.#habits = habits
    this.#reads = habits.wouldDo('uuencode line')
  }

  push(bytes: Buffer, from: number, to: number): void {
    if (this.#end !== 'is none') this.#lines.push(bytes, from, to)
    this.#flush()
  }

  end(): void {
    this.#lines.end()
    this.#flush()
  }

  #flush(): void {
    if (this.#length > 0) this.#write(this.#buffer, this.#length)
    this.#length = 0
  }

  #line(bytes: Buffer, from: number, to: number, startsLine: boolean): void {
    const end = withoutLineEnd(bytes, from, to)
    if (!startsLine) return // no reader takes more of a line than its first character declares
    // (An LF alone is the rest of a CR LF that came in two pieces.)
    if (this.#isBehindCr && !(end === from && bytes[from] === LF)) this.#noteOddLine()
    this.#isBehindCr = bytes[to - 1] === CR
    const isLast = isEndLine(bytes, from, end)
    const isZero = isZeroLine(bytes, from, end)
    if (isLast) this.#noteLastLine(bytes, from)
    if (this.#over) {
      if (end > from && !isLast) {
        this.#end ??= this.#habits.does('uuencode end')
        if (!isZero && !this.#isOverForKMime) this.#noteOddLine()
      }
      if (this.#end !== 'is data') return
    }
    const isOver = this.#hasData && (isLast || isZero)
    this.#over ||= isOver
    if (end === from || isLast) return
    const isOdd = !isRegular(bytes, from, end)
    if (isOdd && !isOver) this.#noteOddLine()
    const length = this.#lengthOf(bytes, from, end)
    if (length === OTHER) return
    this.#decode(bytes, from + 1, end, length)
  }

  /** Notes what readers make differently of a line, KMime mostly, which knows neither a bare CR nor `END`. */
  #noteOddLine(): void {
    if (this.#hasOddLine) return
    this.#hasOddLine = true
    this.#habits.note('uuencode line')
  }

  #noteLastLine(bytes: Buffer, from: number): void {
    const isSmallEnd = bytes.toString('latin1', from, from + 3) === 'end'
    if (!isSmallEnd || !this.#hasData) this.#noteOddLine()
    this.#isOverForKMime ||= isSmallEnd
  }

  /** Decodes this many bytes. Characters that are missing at the end of the line count as zero. */
  #decode(bytes: Buffer, from: number, end: number, length: number): void {
    if (this.#buffer.length - this.#length < length + 3) this.#flush()
    const buffer = this.#buffer
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
    const length = values[first]!
    const characters = end - from - 1
    const needed = Math.ceil(length / 3) * 4
    switch (this.#reads) {
      case 'is data as far as it has whole groups of four':
        return Math.min(length, Math.floor(characters / 4) * 3)
      case 'is data if it is not much longer':
        return isAbout(first, characters, needed) ? length : OTHER
      case 'is data if it is as long, and in capitals': {
        const isData = isAbout(first, characters, needed) && characters === needed
        return isData && !hasSmall(bytes, from, end) ? length : OTHER
      }
      case 'is data if it is not shorter, and in capitals': {
        const isData = isAbout(first, characters, needed) && characters >= needed
        return isData && !hasSmall(bytes, from, end) ? length : OTHER
      }
      default:
        return length
    }
  }
}

/** Returns whether a line declares its length, and is not much longer than this many characters. */
function isAbout(first: number, characters: number, needed: number): boolean {
  return first >= 32 && first <= 96 && characters <= needed + 4
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

/** Returns whether every reader decodes the line to the same bytes. KMime skips blanks. */
function isRegular(bytes: Buffer, from: number, end: number): boolean {
  for (let at = from; at < end; at++) if (bytes[at]! <= 0x20 || bytes[at]! > 0x60) return false
  const length = bytes[from]! - 32
  return length < 64 && end - from - 1 === Math.ceil(length / 3) * 4
}

/** Returns whether the line is the word `end`, in any case of letters. */
function isEndLine(bytes: Buffer, from: number, end: number): boolean {
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

  constructor(write: Write, buffer: Buffer, by: 'records' | 'pieces') {
    super(write, buffer)
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

/** uuencode, in each way in which some program decodes it. */
export const uuencode: Codec = (habits) => {
  const standard = makerOf(UuencodeDecoder, habits)
  switch (habits.wouldDo('uuencode line')) {
    case 'goes on in the next line':
      return makerOf(UuencodeAcrossLines)
    case 'ends where it declares to':
      return chained([makerOf(CutLines, 'records'), standard])
    case 'ends after 127 characters':
      return chained([makerOf(CutLines, 'pieces'), standard])
    default:
      return standard
  }
}
