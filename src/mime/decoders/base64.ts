import { type Decoder, type Give, ROOM } from './decoder.ts'

/** What a byte is in base64 (RFC 2045 6.8): below 64 its value. */
const BLANK = 64
const PADDING = 65
const JUNK = 66

const standard = new Uint8Array(256).fill(JUNK)
for (const [value, character] of [
  ...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/',
].entries()) {
  standard[character.charCodeAt(0)] = value
}
for (const blank of ' \t\r\n\v\f\0') standard[blank.charCodeAt(0)] = BLANK
standard['='.charCodeAt(0)] = PADDING

const LF = 0x0a

/** Bytes from which on, and up to which, lines are decoded by the runtime's own decoder. */
const NATIVE_LEAST = 1024
const NATIVE_MOST = ROOM
/** What that decoder takes for data, or for its end. */
const OTHERS = [0x3d, 0x2d, 0x5f]

/** What readers of base64 are known to differ by. */
export interface Base64Mode {
  /** Bytes of 0x80 and more without their highest bit (libbase64 masks them), else none of base64. */
  readonly high: 'mask' | 'drop'
  /** `-` and `_` as RFC 4648 5 has them, `,` as RFC 3501 5.1.3, else none of base64. */
  readonly url: boolean
  /** At a `=`: nothing, and the bits go on behind it; a new beginning; a character of zero bits; the end. */
  readonly padding: 'skip' | 'restart' | 'zero' | 'end'
  /** At a character that is none of base64: nothing, a new beginning, the end; or its whole line is left out. */
  readonly junk: 'skip' | 'restart' | 'end'
  /** Whether each line begins anew. */
  readonly lines: boolean
}

export const PATIENT: Base64Mode = {
  high: 'drop',
  url: false,
  padding: 'skip',
  junk: 'skip',
  lines: false,
}

/** What there was that readers may differ about. */
export interface Base64Oddities {
  /** Bytes of 0x80 and more. */
  high: boolean
  /** `-`, `_` or `,`. */
  url: boolean
  /** Other characters that are none of base64. */
  junk: boolean
  /** Data behind padding, or padding that does not end a group of four. */
  padding: boolean
  /** A line that ends within a group of four. */
  lines: boolean
  /** Runs of padding with data behind. */
  paddings: number
}

export function noOddities(): Base64Oddities {
  return { high: false, url: false, junk: false, padding: false, lines: false, paddings: 0 }
}

export function isOdd(odd: Base64Oddities): boolean {
  return odd.high || odd.url || odd.junk || odd.padding || odd.lines
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

const patientValues = valuesOf(PATIENT)

/** Decodes base64 as the mode says; without one, as the most patient readers do. */
export class Base64Decoder implements Decoder {
  readonly #give: Give
  readonly #mode: Base64Mode
  readonly #values: Uint8Array
  readonly #odd: Base64Oddities | undefined
  /** Memory of this content alone, or of a message that decodes one content at a time. */
  readonly #room: Buffer
  #length = 0
  #bits = 0
  #count = 0 // of bits
  #padded = 0 // characters of padding since the last data
  #over = false

  constructor(give: Give, room: Buffer, mode: Base64Mode = PATIENT, odd?: Base64Oddities) {
    this.#give = give
    this.#room = room
    this.#mode = mode
    this.#values = mode === PATIENT ? patientValues : valuesOf(mode)
    this.#odd = odd
  }

  push(bytes: Buffer, from: number, to: number): void {
    let tried = from // up to here lines were tried at once, which are not tried again
    for (let at = from; at < to && !this.#over; ) {
      if (this.#room.length - this.#length < 3) this.#flush()
      if (at >= tried && this.#isPatientAt()) {
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
    this.#flush()
  }

  end(): void {
    this.#flush()
  }

  #flush(): void {
    if (this.#length > 0) this.#give(this.#room, this.#length)
    this.#length = 0
  }

  #isPatientAt(): boolean {
    return this.#count === 0 && this.#padded === 0 && this.#values === patientValues
  }

  /** Whole lines of nothing but base64, all at once; returns whether they were that. */
  #decodeLines(bytes: Buffer, from: number, end: number): boolean {
    const block = bytes.subarray(from, end)
    if (OTHERS.some((byte) => block.includes(byte))) return false
    let characters = end - from
    for (let at = 0; at < block.length; at++) if (block[at]! < 0x20) characters--
    // Of other characters none is decoded, and an open group would go on behind.
    if (characters % 4 !== 0) return false
    this.#flush()
    const length = this.#room.write(block.toString('latin1'), 'base64')
    if (length * 4 !== characters * 3) return false
    this.#length = length
    return true
  }

  /** Whole groups of four; returns where there is none. */
  #groups(bytes: Buffer, from: number, to: number): number {
    const room = this.#room
    const values = this.#values
    let filled = this.#length
    const last = Math.min(to, from + Math.floor((room.length - filled) / 3) * 4) - 4
    let at = from
    for (; at <= last; at += 4) {
      const one = values[bytes[at]!]!
      const two = values[bytes[at + 1]!]!
      const three = values[bytes[at + 2]!]!
      const four = values[bytes[at + 3]!]!
      if ((one | two | three | four) >= 64) break
      room[filled] = (one << 2) | (two >> 4)
      room[filled + 1] = (two << 4) | (three >> 2)
      room[filled + 2] = (three << 6) | four
      filled += 3
    }
    this.#length = filled
    return at
  }

  #take(byte: number): void {
    const value = this.#values[byte]!
    if (value < 64) this.#data(value)
    else if (value === PADDING) this.#padding()
    else if (value === JUNK) this.#junk(byte)
    else if (byte === LF && this.#count !== 0 && this.#padded === 0) {
      if (this.#odd) this.#odd.lines = true
      if (this.#mode.lines) this.#restart()
    }
  }

  #data(value: number): void {
    if (this.#padded > 0) {
      this.#padded = 0
      if (this.#odd) {
        this.#odd.padding = true
        this.#odd.paddings++
      }
      if (this.#mode.padding === 'restart') this.#restart()
    }
    this.#bits = ((this.#bits << 6) | value) & 0xffff
    this.#count += 6
    if (this.#count < 8) return
    this.#count -= 8
    if (this.#length === this.#room.length) this.#flush()
    this.#room[this.#length++] = this.#bits >> this.#count
  }

  #padding(): void {
    // 12 bits of a group are left for one byte, and its padding is two: 4 bits are over.
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
  }

  #restart(): void {
    this.#bits = 0
    this.#count = 0
  }
}

/** Where the last of the lines ends that are decoded at once; `from` if they are too few. */
function endOfLines(bytes: Buffer, from: number, to: number): number {
  if (to - from < NATIVE_LEAST) return to
  const lf = bytes.lastIndexOf(LF, Math.min(to, from + NATIVE_MOST) - 1)
  return lf < from + NATIVE_LEAST ? Math.min(to, from + NATIVE_LEAST) : lf + 1
}

/** Lines that have another character than those of base64 are left out, as if it was not their encoding. */
export class WithoutJunkLines implements Decoder {
  readonly #inner: Decoder
  #held = Buffer.alloc(0)

  constructor(inner: Decoder) {
    this.#inner = inner
  }

  push(bytes: Buffer, from: number, to: number): void {
    for (let at = from; at < to; ) {
      const lf = bytes.indexOf(LF, at)
      const end = lf < 0 || lf >= to ? to : lf + 1
      const piece = bytes.subarray(at, end)
      const isWhole = end < to || bytes[end - 1] === LF
      at = end
      if (isWhole && this.#held.length === 0) this.#line(piece)
      else {
        this.#held = Buffer.concat([this.#held, piece])
        if (isWhole || this.#held.length > ROOM) this.#endHeld()
      }
    }
  }

  end(): void {
    this.#endHeld()
    this.#inner.end()
  }

  #endHeld(): void {
    const line = this.#held
    this.#held = Buffer.alloc(0)
    this.#line(line)
  }

  #line(line: Buffer): void {
    if (isBase64Line(line, 0, line.length)) this.#inner.push(line, 0, line.length)
  }
}

/** A room for one decoder. */
export function decoderRoom(): Buffer {
  return Buffer.allocUnsafeSlow(ROOM)
}

/** Whether the line, without its end, is nothing but base64 and blanks around it. */
export function isBase64Line(bytes: Buffer, from: number, to: number): boolean {
  let end = to
  let start = from
  while (end > start && standard[bytes[end - 1]!]! === BLANK) end--
  while (start < end && standard[bytes[start]!]! === BLANK) start++
  if (end === start) return false
  for (let at = start; at < end; at++) {
    const value = standard[bytes[at]!]!
    if (value === BLANK || value === JUNK) return false
  }
  return true
}
