import { CR, LF } from '../../../lib/bytes/ascii.ts'
import { BASE64 } from '../../message/escapes.ts'
import {
  BUFFER_SIZE,
  type Decoder,
  type DecodingPlan,
  type Give,
  type MakeDecoder,
  makerOf,
} from './decoder.ts'

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
const NATIVE_LEAST = 1024
const NATIVE_MOST = BUFFER_SIZE
/** The characters that the runtime's decoder accepts as data, and others may not: `-`, `_`. */
const OTHERS = [0x2d, 0x5f]

/** One of the known ways in which readers decode base64. */
interface Base64Mode {
  /**
   * How bytes of 0x80 and more are treated. `mask` clears their highest bit, like libbase64. `drop` treats
   * them as junk.
   */
  readonly high: 'mask' | 'drop'
  /**
   * Whether `-` and `_` (RFC 4648 5) and `,` (RFC 3501 5.1.3) are data. If not, they are junk.
   */
  readonly url: boolean
  /**
   * How a `=` is treated.
   *
   * - `skip`: ignored; the bits continue after it.
   * - `restart`: a new group begins.
   * - `zero`: it counts as a character of zero bits.
   * - `end`: the data ends.
   * - `group`: it counts as a character of zero bits, and its group of four yields one byte less for each
   *   `=`, but at least one byte.
   */
  readonly padding: 'skip' | 'restart' | 'zero' | 'end' | 'group'
  /**
   * How a character outside base64 is treated.
   *
   * - `skip`: ignored.
   * - `restart`: a new group begins.
   * - `end`: the data ends.
   * - `ones`: it counts as a character whose bits are all set.
   */
  readonly junk: 'skip' | 'restart' | 'end' | 'ones'
  /** Whether a new group begins with each line. */
  readonly lines: boolean
  /**
   * How a last group of fewer than four characters is treated, padding included. `bytes`: it yields its
   * complete bytes. `drop`: it yields nothing. `more`: it yields its complete bytes, but at least one byte.
   */
  readonly tail: 'bytes' | 'drop' | 'more'
}

/** The standard way: as the most lenient readers decode. */
const LENIENT: Base64Mode = {
  high: 'drop',
  url: false,
  padding: 'skip',
  junk: 'skip',
  lines: false,
  tail: 'bytes',
}

/** The features found in base64 that readers decode in different ways. */
class Base64Oddities {
  /** Bytes of 0x80 and more occurred. */
  high = false
  /** `-`, `_` or `,` occurred. */
  url = false
  /** Other characters outside of base64 occurred. */
  junk = false
  /** Data followed padding, or padding did not complete a group of four. */
  padding = false
  /** A line ended inside of a group of four. */
  lines = false
  /** The last group had fewer than four characters, padding included. */
  tail = false

  isOdd(): boolean {
    return this.high || this.url || this.junk || this.padding || this.lines || this.tail
  }
}

function valuesOf({ high, url, padding }: Base64Mode): Uint8Array {
  const values = standard.slice()
  if (url) {
    values['-'.charCodeAt(0)] = 62
    values['_'.charCodeAt(0)] = 63
    values[','.charCodeAt(0)] = 63
  }
  if (padding === 'zero') values['='.charCodeAt(0)] = 0
  if (high === 'mask') for (let at = 0; at < 128; at++) values[at + 128] = values[at]!
  return values
}

const lenientValues = valuesOf(LENIENT)

/** Decodes base64 in one of the ways. */
export class Base64Decoder implements Decoder {
  readonly #give: Give
  readonly #mode: Base64Mode
  readonly #values: Uint8Array
  readonly #odd: Base64Oddities | undefined
  /** Memory that only this decoder uses now. */
  readonly #buffer: Buffer
  #length = 0
  #bits = 0
  #count = 0 // the number of bits that are left over
  #padded = 0 // the number of `=` since the last data, or in this group
  #over = false
  /** The bytes that may have to be taken back at the end of their group. */
  readonly #back: number

  /** `mode` contains the differences from the standard way. */
  constructor(
    give: Give,
    buffer: Buffer,
    mode: Partial<Base64Mode> = LENIENT,
    odd?: Base64Oddities,
  ) {
    this.#give = give
    this.#buffer = buffer
    this.#mode = { ...LENIENT, ...mode }
    this.#values = mode === LENIENT ? lenientValues : valuesOf(this.#mode)
    this.#odd = odd
    this.#back = mode.tail === 'drop' || mode.padding === 'group' ? 2 : 0
  }

  push(bytes: Buffer, from: number, to: number): void {
    let tried = from // lines up to here were tried as a whole, and are not tried again
    for (let at = from; at < to && !this.#over; ) {
      if (this.#buffer.length - this.#length < 3) this.#flush(this.#back)
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
    this.#flush(this.#back)
  }

  end(): void {
    this.#tail()
    this.#flush(0)
  }

  /** Gives all bytes but the last `kept` bytes. */
  #flush(kept: number): void {
    const given = this.#length - kept
    if (given <= 0) return
    this.#give(this.#buffer, given)
    this.#buffer.copyWithin(0, given, this.#length)
    this.#length = kept
  }

  /** Ends the last group, if it is not whole. */
  #tail(): void {
    const bytes = BYTES_OF[this.#count]!
    if (this.#mode.padding === 'group') {
      if (this.#count === 6) this.#buffer[this.#length++] = this.#bits << 2
      this.#length -= Math.min(Math.max(bytes - 1, 0), this.#padded)
      return
    }
    const padding = this.#mode.padding === 'end' ? 1 : 3 - bytes
    const isWhole = this.#count === 0 || (bytes > 0 && this.#padded >= padding)
    if (isWhole) return
    if (this.#odd) this.#odd.tail = true
    if (this.#mode.tail === 'drop') this.#length -= bytes
    if (this.#mode.tail === 'more' && bytes === 0) this.#buffer[this.#length++] = this.#bits << 2
  }

  #isLenientAt(): boolean {
    return this.#count === 0 && this.#padded === 0 && this.#values === lenientValues
  }

  /**
   * Decodes lines of nothing but base64 in one go, if each line has whole groups of four. Returns
   * false if the bytes are anything else.
   */
  #decodeLines(bytes: Buffer, from: number, end: number): boolean {
    const block = bytes.subarray(from, end)
    if (OTHERS.some((byte) => block.includes(byte))) return false
    const characters = charactersByStride(block) ?? charactersInLines(block)
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
    else if (value === PADDING && this.#mode.padding === 'group') this.#inGroup()
    else if (value === PADDING) this.#padding()
    else if (value === JUNK) this.#junk(byte)
    else if (byte === LF) this.#lineEnd()
  }

  #lineEnd(): void {
    if (this.#count === 0 || this.#padded > 0) return
    if (this.#odd) this.#odd.lines = true
    if (this.#mode.lines) this.#restart()
  }

  #data(value: number): void {
    if (this.#padded > 0 && this.#mode.padding !== 'group') {
      this.#padded = 0
      if (this.#odd) this.#odd.padding = true
      if (this.#mode.padding === 'restart') this.#restart()
    }
    this.#bits = ((this.#bits << 6) | value) & 0xffff
    this.#count += 6
    if (this.#count < 8) return
    this.#count -= 8
    this.#buffer[this.#length++] = this.#bits >> this.#count
    if (this.#count > 0 || this.#mode.padding !== 'group') return
    this.#length -= Math.min(2, this.#padded)
    this.#padded = 0
  }

  #inGroup(): void {
    this.#padded++
    this.#data(0)
  }

  #padding(): void {
    // Padding is regular after two or three characters of a group, which leave 4 or 2 bits.
    const isInPlace = this.#count === 4 || this.#count === 2
    if (!isInPlace && this.#odd) this.#odd.padding = true
    this.#padded++
    if (this.#mode.padding === 'end') this.#over = true
  }

  #junk(byte: number): void {
    if (this.#odd) {
      if (byte >= 0x80) this.#odd.high = true
      else if (byte === 0x2d || byte === 0x5f || byte === 0x2c) this.#odd.url = true
      else this.#odd.junk = true
    }
    if (this.#mode.junk === 'restart') this.#restart()
    if (this.#mode.junk === 'end') this.#over = true
    if (this.#mode.junk !== 'ones') return
    // VMime sets all eight bits of the last character of a group.
    if (this.#count === 2) this.#bits |= 3
    this.#data(63)
  }

  #restart(): void {
    this.#bits = 0
    this.#count = 0
  }
}

/** Returns up to where the next bytes are tried in one go: the end of a line, if a line ends soon. */
function endOfLines(bytes: Buffer, from: number, to: number): number {
  if (to - from < NATIVE_LEAST) return to
  const lf = bytes.lastIndexOf(LF, Math.min(to, from + NATIVE_MOST) - 1)
  return lf < from + NATIVE_LEAST ? Math.min(to, from + NATIVE_LEAST) : lf + 1
}

/**
 * Counts the bytes of lines that all have the same length, except the first and the last, without their line
 * ends, or undefined if they differ. Only the expected ends of lines are checked: a line end elsewhere is
 * counted as a character, and the decoded output of these lines is then too short.
 */
function charactersByStride(block: Buffer): number | undefined {
  const first = block.indexOf(LF)
  const second = first < 0 ? -1 : block.indexOf(LF, first + 1)
  if (second < 0) return undefined
  const stride = second - first
  const endLength = block[second - 1] === CR ? 2 : 1
  if ((stride - endLength) % 4 !== 0) return undefined
  let at = second
  for (; at < block.length; at += stride) {
    if (block[at] !== LF || (endLength === 2 && block[at - 1] !== CR)) return undefined
  }
  const last = at - stride + 1 // where the last line begins
  const ofFirst = charactersInLines(block.subarray(0, first + 1))
  const ofLast = charactersInLines(block.subarray(last))
  if (ofFirst === undefined || ofLast === undefined) return undefined
  const lines = (last - 1 - first) / stride
  return ofFirst + lines * (stride - endLength) + ofLast
}

/**
 * Counts the characters of lines. Returns undefined if a line inside is not made of complete groups of four.
 * Readers that begin a new group with each line differ there, which has to be noted.
 */
function charactersInLines(block: Buffer): number | undefined {
  let characters = 0
  for (let at = 0; at < block.length; at++) {
    const byte = block[at]
    if (byte !== LF && byte !== CR) characters++
    else if (byte === LF && characters % 4 !== 0) return undefined
  }
  return characters
}

/** The ways in which readers decode base64. */
export class Base64Plan implements DecodingPlan {
  readonly odd = new Base64Oddities()

  readonly standard: MakeDecoder = (give, buffer) =>
    new Base64Decoder(give, buffer, LENIENT, this.odd)

  isOdd(): boolean {
    return this.odd.isOdd()
  }

  *others(): Generator<MakeDecoder> {
    if (!this.isOdd()) return
    for (const mode of base64Modes(this.odd)) yield makerOf(Base64Decoder, mode)
  }
}

/** Returns all modes that have one of these choices for each of their keys. */
function combinations<Mode>(choices: { readonly [Key in keyof Mode]: readonly Mode[Key][] }) {
  let found: Partial<Mode>[] = [{}]
  for (const key of Object.keys(choices) as (keyof Mode)[]) {
    found = found.flatMap((mode) => choices[key].map((choice) => ({ ...mode, [key]: choice })))
  }
  return found as Mode[]
}

/** Yields all combinations of the treatments of odd features that make a difference. */
function* base64Modes(odd: Base64Oddities): Generator<Partial<Base64Mode>> {
  const modes = combinations<Base64Mode>({
    high: odd.high ? ['drop', 'mask'] : ['drop'], // mailparser masks
    url: odd.url ? [false, true] : [false], // mutt, mailparser
    padding: odd.padding ? PADDINGS : ['skip'],
    junk: JUNKS,
    lines: odd.lines ? [false, true] : [false],
    tail: odd.tail ? TAILS : ['bytes'],
  })
  for (const mode of modes) if (isTried(mode, odd)) yield mode
  if (odd.tail) yield { tail: 'more' } // libEtPan, Thunderbird
  if (odd.padding) yield { padding: 'group' } // Thunderbird
  if (odd.junk || odd.url || odd.high) yield VMIME
}

/**
 * Returns whether a mode is tried. All combinations would exceed the limits. Two treatments are each combined
 * with at most one other difference: that of the end, which changes a byte or two, and the mask for bytes of
 * eight bits, which few readers use.
 */
function isTried(mode: Base64Mode, odd: Base64Oddities): boolean {
  const { high, url, junk, lines, tail } = mode
  const hasJunk = odd.junk || (odd.high && high === 'drop') || (odd.url && !url)
  if (junk !== 'skip' && !hasJunk) return false
  if (lines && tail !== 'bytes') return false
  const differences = differencesOf(mode)
  const isFree = tail === 'bytes' && high === 'drop'
  return differences > 0 && (isFree || differences <= 2)
}

/** VMime treats any other character as one whose bits are all set. */
const VMIME: Partial<Base64Mode> = { padding: 'end', junk: 'ones', tail: 'drop' }
/** A last group that is not whole is dropped by GMime, mutt, Camel, Go, mime4j and VMime. */
const TAILS = ['bytes', 'drop'] as const
/** After padding, Gnus, JavaMail, Camel and Thunderbird restart, and Python, mailparser and Ruby end. */
const PADDINGS = ['skip', 'restart', 'zero', 'end'] as const
const JUNKS = ['skip', 'restart', 'end'] as const

/** Returns the number of things in which a mode differs from the standard one. */
function differencesOf(mode: Base64Mode): number {
  const keys = Object.keys(LENIENT) as (keyof Base64Mode)[]
  return keys.filter((key) => mode[key] !== LENIENT[key]).length
}
