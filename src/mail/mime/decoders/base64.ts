import { CR, LF } from '../../../base/bytes/ascii.ts'
import { indexOrEnd } from '../../../base/bytes/lines.ts'
import { BASE64 } from '../../message/escapes.ts'
import type { ChoiceOf, Way } from '../quirks/way.ts'
import type { Store } from '../storage/store.ts'
import { type Decoder, inPieces } from './decoder.ts'
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
const NATIVE_MAX = 16 * 1024
/** The characters that are data in base64 of URLs alone, `-`, `_` and `,`, the first two also to the runtime. */
const OF_URLS = [0x2d, 0x5f, 0x2c]
const OF_RUNTIME = OF_URLS.slice(0, 2)

/** Characters that other programs skip as blanks, and PHP does not: VT, FF and NUL. */
const NO_BLANKS = [0x0b, 0x0c, 0]
const PHP_ENDS = 'ends the data, and is a byte of ones'

/** Returns the class of each byte to a program. */
function valuesFor(way: Way): Uint8Array {
  const isOfUrls = way.peek('base64 of URLs') === 'is data'
  const isMasked = way.peek('base64 with eight bits') === 'loses its highest bit'
  const isPhp = way.peek('base64 with others') === PHP_ENDS
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

/** Decodes base64 as a program does; by default, as the most lenient ones. */
class Base64 {
  readonly #way: Way
  readonly #bytes: Buffer
  readonly #out: Store
  readonly #values: Uint8Array
  #at = 0
  #bits = 0
  #count = 0 // the number of bits that are left over
  #padded = 0 // the number of `=` since the last data, or in this group
  /** Lines up to here were tried as a whole, and are not tried again. */
  #tried = 0
  /** Whether a `=` takes a byte from its group of four. */
  readonly #takesBytes: boolean
  /** The `=` at which the data ends. */
  readonly #lastPadding: 'none' | 'any' | 'complete'
  readonly #isVmime: boolean
  /** What this program does with quirks that occurred: they may be half of the data. */
  #blank: ChoiceOf<'base64 blank'> | undefined
  #eightBits: ChoiceOf<'base64 with eight bits'> | undefined
  #ofUrls: ChoiceOf<'base64 of URLs'> | undefined
  #others: ChoiceOf<'base64 with others'> | undefined
  #padding: ChoiceOf<'base64 padding'> | undefined

  constructor(bytes: Buffer, out: Store, way: Way) {
    this.#way = way
    this.#bytes = bytes
    this.#out = out
    this.#values = valuesFor(way)
    const padding = way.peek('base64 padding')
    this.#isVmime = way.peek('base64 with others') === 'is six bits that are set'
    this.#takesBytes = padding === 'takes a byte from its group of four'
    const endsAtAny = this.#isVmime || padding === 'ends the data'
    const endsComplete = padding === 'ends the data if it completes a group'
    this.#lastPadding = endsAtAny ? 'any' : endsComplete ? 'complete' : 'none'
  }

  *decode(): Generator<number> {
    yield* inPieces(this.#bytes, (end) => this.#decodeTo(end))
    this.#endGroup()
  }

  /** Returns what it costs more than its bytes: those that are decoded one by one cost three times as much. */
  #decodeTo(end: number): number {
    let more = 0
    while (this.#at < end) {
      if (this.#at >= this.#tried && this.#values === standard && this.#isBetweenGroups()) {
        this.#tried = endOfLines(this.#bytes, this.#at)
        if (decodeLines(this.#bytes.subarray(this.#at, this.#tried), this.#out)) {
          this.#at = this.#tried
          continue
        }
      }
      if (this.#isBetweenGroups() && this.#values[this.#bytes[this.#at]!]! < 64)
        this.#decodeGroups(end)
      if (this.#at === end) break
      this.#take(this.#bytes[this.#at++]!)
      more += 2
    }
    return more
  }

  #isBetweenGroups(): boolean {
    return this.#count === 0 && this.#padded === 0
  }

  /** Decodes complete groups of four. */
  #decodeGroups(end: number): void {
    const [bytes, values, out] = [this.#bytes, this.#values, this.#out]
    let at = this.#at
    for (; at + 4 <= end; at += 4) {
      const first = values[bytes[at]!]!
      const second = values[bytes[at + 1]!]!
      const third = values[bytes[at + 2]!]!
      const fourth = values[bytes[at + 3]!]!
      if ((first | second | third | fourth) >= 64) break
      out.put((first << 2) | (second >> 4))
      out.put((second << 4) | (third >> 2))
      out.put((third << 6) | fourth)
    }
    this.#at = at
  }

  /** Ends the last group, if it is not whole. */
  #endGroup(): void {
    const bytes = BYTES_OF[this.#count]!
    if (this.#takesBytes) {
      if (this.#count === 6) this.#out.put(this.#bits << 2)
      this.#out.takeBack(Math.min(Math.max(bytes - 1, 0), this.#padded))
      return
    }
    const padding = this.#lastPadding === 'any' ? 1 : 3 - bytes
    const isWhole = this.#count === 0 || (bytes > 0 && this.#padded >= padding)
    if (isWhole) return
    if (this.#count === 6) this.#way.note('base64 last character')
    const end = this.#way.does('base64 end')
    if (this.#isVmime || end === 'is dropped') this.#out.takeBack(bytes)
    if (end === 'is a byte at least' && bytes === 0) this.#out.put(this.#bits << 2)
  }

  #take(byte: number): void {
    const value = this.#values[byte]!
    if (value < 64) this.#takeData(value)
    else if (value === PADDING) this.#takePadding()
    else if (value === JUNK) this.#takeJunk(byte)
    else if (byte === LF) this.#endLine()
    else if (byte !== CR) this.#takeBlank(byte)
  }

  #takeBlank(blank: number): void {
    if (NO_BLANKS.includes(blank)) this.#way.note('base64 with others')
    this.#blank ??= this.#way.does('base64 blank')
    if (this.#blank === 'ends the data') this.#end()
  }

  #endLine(): void {
    if (this.#count === 0 || this.#padded > 0) return
    if (this.#way.does('base64 line') === 'ends the group') this.#restart()
  }

  #takeData(value: number): void {
    if (this.#padded > 0 && !this.#takesBytes) {
      this.#padded = 0
      this.#padding ??= this.#way.does('base64 padding')
      if (this.#padding === 'begins a new group of four') this.#restart()
    }
    this.#bits = ((this.#bits << 6) | value) & 0xffff
    this.#count += 6
    if (this.#count < 8) return
    this.#count -= 8
    this.#out.put(this.#bits >> this.#count)
    if (this.#count > 0 || !this.#takesBytes) return
    this.#out.takeBack(Math.min(2, this.#padded))
    this.#padded = 0
  }

  #takePadding(): void {
    this.#padded++
    if (this.#takesBytes) {
      this.#takeData(0)
      return
    }
    // Padding is regular after two or three characters of a group, which leave 4 or 2 bits.
    const isInPlace = this.#count === 4 || this.#count === 2
    if (!isInPlace) this.#padding ??= this.#way.does('base64 padding')
    const isComplete = isInPlace && this.#padded >= this.#count / 2
    if (this.#lastPadding === 'any' || (this.#lastPadding === 'complete' && isComplete)) this.#end()
  }

  #takeJunk(byte: number): void {
    if (byte >= 0x80) this.#eightBits ??= this.#way.does('base64 with eight bits')
    else if (OF_URLS.includes(byte)) this.#ofUrls ??= this.#way.does('base64 of URLs')
    this.#others ??= this.#way.does('base64 with others')
    switch (this.#others) {
      case 'is skipped':
        return
      case 'begins a new group of four':
        this.#restart()
        return
      case 'ends the data':
        this.#end()
        return
      case 'is six bits that are set':
        // VMime sets all eight bits of the last character of a group.
        if (this.#count === 2) this.#bits |= 3
        this.#takeData(63)
        return
      case PHP_ENDS:
        // PHP writes the whole bytes of an open group last.
        this.#out.insert(0xff, BYTES_OF[this.#count]!)
        this.#end()
    }
  }

  #restart(): void {
    this.#bits = 0
    this.#count = 0
  }

  #end(): void {
    this.#at = this.#bytes.length
  }
}

/** Memory for the runtime's own decoder, which is used within one call. */
const decodedLines = Buffer.allocUnsafeSlow(NATIVE_MAX)

/**
 * Decodes lines of nothing but base64 in one go, if each line has whole groups of four. Returns false if the bytes are
 * anything else.
 */
function decodeLines(lines: Buffer, out: Store): boolean {
  if (OF_RUNTIME.some((byte) => lines.includes(byte))) return false
  const characters = charactersIn(lines)
  // If the numbers do not match, there are other characters, which the runtime's decoder ignores, or a
  // group is open at the end and continues after these lines.
  if (characters === undefined || characters % 4 !== 0) return false
  const length = decodedLines.write(lines.toString('latin1'), 'base64')
  if (length * 4 !== characters * 3) return false
  out.putAll(decodedLines, 0, length)
  return true
}

/** Returns up to where the next bytes are tried in one go: the end of a line, if a line ends soon. */
function endOfLines(bytes: Buffer, from: number): number {
  if (bytes.length - from < NATIVE_MIN) return bytes.length
  const length = bytes.subarray(from, from + NATIVE_MAX).lastIndexOf(LF) + 1
  return from + Math.max(length, NATIVE_MIN)
}

/**
 * Counts the bytes of lines without their line ends. Returns undefined if a line inside is not made of complete groups
 * of four: programs that begin a new group with each line differ there, which has to be noted. In a line that is as
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
export const base64: Decoder = (bytes, out, way) =>
  way.peek('base64 last character') === 'is dropped'
    ? new Base64(bytes, out, way).decode()
    : joinedLines(bytes, out, way)
