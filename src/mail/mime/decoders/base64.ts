import { CR, LF } from '../../../lib/bytes/ascii.ts'
import { indexOrEnd } from '../../../lib/bytes/lines.ts'
import { BASE64 } from '../../message/escapes.ts'
import { Habits, type Words } from '../habits/habits.ts'
import { BUFFER_SIZE, type Codec, type Decoder, makerOf, type Write } from './decoder.ts'
import { joinedLines } from './text-transforms.ts'

/**
 * The class of a byte in base64 (RFC 2045 6.8), in a table of all bytes. A number below 64 is the value of a
 * character of base64.
 */
const BLANK = 64
const PADDING = 65
const JUNK = 66

const standard = new Uint8Array(256).fill(JUNK)
for (let value = 0; value < BASE64.length; value++) standard[BASE64.charCodeAt(value)] = value
for (const blank of ' \t\r\n\v\f\0') standard[blank.charCodeAt(0)] = BLANK
standard['='.charCodeAt(0)] = PADDING

/** The bytes of an open group that are whole, by the bits that are left over in it. */
const BYTES_OF: Readonly<Record<number, number>> = { 0: 0, 6: 0, 2: 2, 4: 1 }

/** Lower and upper limit for the bytes of lines passed to the runtime's own decoder at once. */
const NATIVE_MIN = 1024
const NATIVE_MAX = BUFFER_SIZE
/** The characters that are data in base64 of URLs alone, `-`, `_` and `,`, the first two also to the runtime. */
const OF_URLS = [0x2d, 0x5f, 0x2c]
const OF_RUNTIME = OF_URLS.slice(0, 2)

/** Characters that other programs skip as blanks, and PHP does not: VT, FF and NUL. */
const NO_BLANKS = [0x0b, 0x0c, 0]
const PHP_ENDS = 'ends the data, and is a byte of ones'

/** Returns the class of each byte to a reader. */
function valuesFor(habits: Habits): Uint8Array {
  const isOfUrls = habits.wouldDo('base64 of URLs') === 'is data'
  const isMasked = habits.wouldDo('base64 with eight bits') === 'loses its highest bit'
  const isPhp = habits.wouldDo('base64 with others') === PHP_ENDS
  if (!isOfUrls && !isMasked && !isPhp) return standard
  const values = standard.slice()
  if (isOfUrls) {
    values['-'.charCodeAt(0)] = 62
    values['_'.charCodeAt(0)] = 63
    values[','.charCodeAt(0)] = 63
  }
  if (isPhp) for (const byte of NO_BLANKS) values[byte] = JUNK
  if (isMasked) for (let at = 0; at < 128; at++) values[at + 128] = values[at]!
  return values
}

/** The `=` at which the data ends: any, one behind two characters of a group, or one that completes a group. */
type LastPadding = 'none' | 'any' | 'in place' | 'last'

const LAST_PADDING: { readonly [Does in Words<'base64 padding'>]?: LastPadding } = {
  'ends the data': 'any',
  'ends the data behind two or three characters of a group': 'in place',
  'ends the data if it completes a group': 'last',
}

/** Decodes base64 as a reader does; by default, as the most lenient ones. */
export class Base64Decoder implements Decoder {
  readonly #write: Write
  readonly #habits: Habits
  readonly #values: Uint8Array
  /** Memory that only this decoder uses now. */
  readonly #buffer: Buffer
  #length = 0
  #bits = 0
  #count = 0 // the number of bits that are left over
  #padded = 0 // the number of `=` since the last data, or in this group
  #over = false
  /** Whether a `=` takes a byte from its group of four. */
  readonly #takesBytes: boolean
  readonly #lastPadding: LastPadding
  readonly #dropsEnd: boolean
  /** The bytes that may have to be taken back at the end of their group. */
  readonly #kept: number
  /** What this reader does with features that occurred: they may be half of the data. */
  #blank: Words<'base64 blank'> | undefined
  #eightBits: Words<'base64 with eight bits'> | undefined
  #ofUrls: Words<'base64 of URLs'> | undefined
  #others: Words<'base64 with others'> | undefined
  #padding: Words<'base64 padding'> | undefined

  constructor(write: Write, buffer: Buffer, habits = new Habits()) {
    this.#write = write
    this.#buffer = buffer
    this.#habits = habits
    this.#values = valuesFor(habits)
    const isVmime = habits.wouldDo('base64 with others') === 'is six bits that are set'
    const padding = habits.wouldDo('base64 padding')
    this.#takesBytes = padding === 'takes a byte from its group of four'
    this.#lastPadding = isVmime ? 'any' : (LAST_PADDING[padding] ?? 'none')
    this.#dropsEnd = isVmime || habits.wouldDo('base64 end') === 'is dropped'
    const isPhp = habits.wouldDo('base64 with others') === PHP_ENDS
    this.#kept = this.#dropsEnd || this.#takesBytes || isPhp ? 2 : 0
  }

  push(bytes: Buffer, from: number, to: number): void {
    let tried = from // lines up to here were tried as a whole, and are not tried again
    for (let at = from; at < to && !this.#over; ) {
      if (this.#buffer.length - this.#length < 3) this.#flush(this.#kept)
      if (at >= tried && this.#isLenientAt()) {
        tried = endOfLines(bytes, at, to)
        if (tried > at && this.#decodeLines(bytes, at, tried)) {
          at = tried
          continue
        }
      }
      const isBetweenGroups = this.#count === 0 && this.#padded === 0
      const end = isBetweenGroups ? this.#groups(bytes, at, to) : at
      if (end === at) this.#take(bytes[at++]!)
      else at = end
    }
    this.#flush(this.#kept)
  }

  end(): void {
    this.#tail()
    this.#flush(0)
  }

  /** Writes all bytes but the last `kept` bytes. */
  #flush(kept: number): void {
    const written = this.#length - kept
    if (written <= 0) return
    this.#write(this.#buffer, written)
    this.#buffer.copyWithin(0, written, this.#length)
    this.#length = kept
  }

  /** Ends the last group, if it is not whole. */
  #tail(): void {
    const bytes = BYTES_OF[this.#count]!
    if (this.#takesBytes) {
      if (this.#count === 6) this.#buffer[this.#length++] = this.#bits << 2
      this.#length -= Math.min(Math.max(bytes - 1, 0), this.#padded)
      return
    }
    const padding = this.#lastPadding === 'any' ? 1 : 3 - bytes
    const isWhole = this.#count === 0 || (bytes > 0 && this.#padded >= padding)
    if (isWhole) return
    if (this.#count === 6) this.#habits.note('base64 last character')
    const end = this.#habits.does('base64 end')
    if (this.#dropsEnd) this.#length -= bytes
    if (end === 'is a byte at least' && bytes === 0) this.#buffer[this.#length++] = this.#bits << 2
  }

  #isLenientAt(): boolean {
    return this.#count === 0 && this.#padded === 0 && this.#values === standard
  }

  /**
   * Decodes lines of nothing but base64 in one go, if each line has whole groups of four. Returns
   * false if the bytes are anything else.
   */
  #decodeLines(bytes: Buffer, from: number, end: number): boolean {
    const block = bytes.subarray(from, end)
    if (OF_RUNTIME.some((byte) => block.includes(byte))) return false
    const characters = charactersIn(block)
    // If the numbers do not match, there are other characters, which the runtime's decoder ignores, or a
    // group is open at the end and continues after these lines.
    if (characters === undefined || characters % 4 !== 0) return false
    this.#flush(0)
    const length = this.#buffer.write(block.toString('latin1'), 'base64')
    if (length * 4 !== characters * 3) return false
    this.#length = length
    return true
  }

  /** Decodes complete groups of four. Returns the offset after the last of them. */
  #groups(bytes: Buffer, from: number, to: number): number {
    const buffer = this.#buffer
    const values = this.#values
    let filled = this.#length
    const last = Math.min(to, from + Math.floor((buffer.length - filled) / 3) * 4) - 4
    let at = from
    for (; at <= last; at += 4) {
      const first = values[bytes[at]!]!
      const second = values[bytes[at + 1]!]!
      const third = values[bytes[at + 2]!]!
      const fourth = values[bytes[at + 3]!]!
      if ((first | second | third | fourth) >= 64) break
      buffer[filled] = (first << 2) | (second >> 4)
      buffer[filled + 1] = (second << 4) | (third >> 2)
      buffer[filled + 2] = (third << 6) | fourth
      filled += 3
    }
    this.#length = filled
    return at
  }

  #take(byte: number): void {
    const value = this.#values[byte]!
    if (value < 64) this.#data(value)
    else if (value === PADDING && this.#takesBytes) this.#inGroup()
    else if (value === PADDING) this.#equals()
    else if (value === JUNK) this.#junk(byte)
    else if (byte === LF) this.#lineEnd()
    else if (byte !== CR) this.#inLine(byte)
  }

  #inLine(blank: number): void {
    if (NO_BLANKS.includes(blank)) this.#habits.note('base64 with others')
    this.#blank ??= this.#habits.does('base64 blank')
    if (this.#blank === 'ends the data') this.#over = true
  }

  #lineEnd(): void {
    if (this.#count === 0 || this.#padded > 0) return
    if (this.#habits.does('base64 line') === 'ends the group') this.#restart()
  }

  #data(value: number): void {
    if (this.#padded > 0 && !this.#takesBytes) {
      this.#padded = 0
      this.#padding ??= this.#habits.does('base64 padding')
      if (this.#padding === 'begins a new group of four') this.#restart()
    }
    this.#bits = ((this.#bits << 6) | value) & 0xffff
    this.#count += 6
    if (this.#count < 8) return
    this.#count -= 8
    this.#buffer[this.#length++] = this.#bits >> this.#count
    if (this.#count > 0 || !this.#takesBytes) return
    this.#length -= Math.min(2, this.#padded)
    this.#padded = 0
  }

  #inGroup(): void {
    this.#padded++
    this.#data(0)
  }

  #equals(): void {
    // Padding is regular after two or three characters of a group, which leave 4 or 2 bits.
    const isInPlace = this.#count === 4 || this.#count === 2
    if (!isInPlace) this.#padding ??= this.#habits.does('base64 padding')
    this.#padded++
    if (this.#lastPadding === 'any') this.#over = true
    else if (this.#lastPadding === 'in place') this.#over = isInPlace
    else if (this.#lastPadding === 'last') this.#over = isInPlace && this.#padded >= this.#count / 2
  }

  #junk(byte: number): void {
    if (byte >= 0x80) this.#eightBits ??= this.#habits.does('base64 with eight bits')
    else if (OF_URLS.includes(byte)) this.#ofUrls ??= this.#habits.does('base64 of URLs')
    this.#others ??= this.#habits.does('base64 with others')
    if (this.#others === 'begins a new group of four') this.#restart()
    if (this.#others === 'ends the data') this.#over = true
    if (this.#others === PHP_ENDS) this.#endWithOnes()
    if (this.#others !== 'is six bits that are set') return
    // VMime sets all eight bits of the last character of a group.
    if (this.#count === 2) this.#bits |= 3
    this.#data(63)
  }

  /** Puts the byte in front of the whole bytes of an open group, as PHP does: it writes them last. */
  #endWithOnes(): void {
    const open = this.#length - BYTES_OF[this.#count]!
    this.#buffer.copyWithin(open + 1, open, this.#length++)
    this.#buffer[open] = 0xff
    this.#over = true
  }

  #restart(): void {
    this.#bits = 0
    this.#count = 0
  }
}

/** Returns up to where the next bytes are tried in one go: the end of a line, if a line ends soon. */
function endOfLines(bytes: Buffer, from: number, to: number): number {
  if (to - from < NATIVE_MIN) return to
  const length = bytes.subarray(from, Math.min(to, from + NATIVE_MAX)).lastIndexOf(LF) + 1
  return from + Math.max(length, NATIVE_MIN)
}

/**
 * Counts the bytes of lines without their line ends. Returns undefined if a line inside is not made of complete groups
 * of four: readers that begin a new group with each line differ there, which has to be noted. In a line that is as
 * long as the one before, no line end is searched for: one inside is counted as a character.
 */
function charactersIn(block: Buffer): number | undefined {
  let characters = 0
  let length = 0
  for (let at = 0; at < block.length; at += length + 1) {
    if (block[at + length] !== LF) length = indexOrEnd(block, LF, at) - at
    characters += length - (block[at + length - 1] === CR ? 1 : 0)
    if (characters % 4 !== 0 && at + length < block.length) return undefined
  }
  return characters
}

/** Base64, in each way in which some program decodes it. */
export const base64: Codec = (habits) =>
  habits.wouldDo('base64 last character') === 'is dropped'
    ? makerOf(Base64Decoder, habits)
    : joinedLines
