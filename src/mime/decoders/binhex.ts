import { CR, LF } from '../shared/lines.ts'
import { ByteDecoder, type Give, type Writer } from './decoder.ts'

/** The characters of BinHex 4.0 in the order of their values (RFC 1741, appendix A). */
const ALPHABET = '!"#$%&\'()*+,-012345689@ABCDEFGHIJKLMNPQRSTUVXYZ[`abcdefhijklmpqr'
const NONE = 64
const values = new Uint8Array(256).fill(NONE)
for (const [value, character] of [...ALPHABET].entries()) values[character.charCodeAt(0)] = value

const COLON = 0x3a
const REPEAT = 0x90

/** Readers that decode line by line take a line of fewer characters for data only if a colon ends it. */
const LINE_LEAST = 40
/** The most bytes of a line that are looked at together. */
const LINE_MAX = 1024

/** The fewest characters of the line that begins data: fewer may be anything that people write. */
const START_LEAST = 16

/** Returns whether the line may begin data: after a colon it has nothing but characters of BinHex. */
export function isBinhexStart(line: string): boolean {
  if (!line.startsWith(':')) return false
  const [text = ''] = line.slice(1).split(/[\0\v\f]/, 1) // where readers end a line
  const data = text.trimEnd().replace(/:$/, '').trimEnd()
  return data.length >= START_LEAST && isData(Buffer.from(data, 'latin1'), 0, data.length)
}

function isData(bytes: Buffer, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (values[bytes[at]!] === NONE) return false
  return true
}

/**
 * Decodes BinHex 4.0, from its first colon to its last, and gives one fork of the file. `skips` names
 * what is not data among it: single characters, or each line that has such a character or is short.
 */
export class BinhexDecoder extends ByteDecoder {
  readonly #forks: Forks
  readonly #skips: 'characters' | 'lines'
  #line: Buffer = Buffer.allocUnsafe(LINE_MAX)
  #length = 0
  #bits = 0
  #count = 0
  #hasBegun = false
  #over = false
  /** The byte that a repetition repeats, and whether its number comes next. */
  #last = 0
  #repeats = false

  constructor(give: Give, room: Buffer, skips: 'characters' | 'lines', fork: Fork) {
    super(give, room)
    this.#forks = new Forks(this.out, fork)
    this.#skips = skips
  }

  protected take(byte: number): void {
    if (this.#over) return
    if (this.#skips === 'characters') this.#character(byte)
    else if (byte === LF || byte === CR) this.#endLine()
    else {
      this.#line[this.#length++] = byte
      if (this.#length === LINE_MAX) this.#endLine()
    }
  }

  protected override finish(): void {
    this.#endLine()
  }

  #endLine(): void {
    const line = this.#line.subarray(0, this.#length).toString('latin1').trimEnd()
    this.#length = 0
    const bytes = Buffer.from(line, 'latin1')
    const ends = line.length > 1 && line.endsWith(':')
    const from = !this.#hasBegun && line.startsWith(':') ? 1 : 0
    const to = ends ? line.length - 1 : line.length
    if ((!ends && line.length < LINE_LEAST) || !isData(bytes, from, to)) return
    for (let at = 0; at < bytes.length && !this.#over; at++) this.#character(bytes[at]!)
  }

  #character(byte: number): void {
    if (byte === COLON) {
      this.#over = this.#hasBegun
      this.#hasBegun = true
      return
    }
    const value = values[byte]!
    if (value === NONE || !this.#hasBegun) return
    this.#bits = ((this.#bits << 6) | value) & 0xffff
    this.#count += 6
    if (this.#count < 8) return
    this.#count -= 8
    this.#unpack((this.#bits >> this.#count) & 255)
  }

  #unpack(byte: number): void {
    if (this.#repeats) {
      this.#repeats = false
      if (byte === 0) this.#put(REPEAT)
      for (let times = 1; times < byte; times++) this.#forks.put(this.#last)
    } else if (byte === REPEAT) this.#repeats = true
    else this.#put(byte)
  }

  #put(byte: number): void {
    this.#last = byte
    this.#forks.put(byte)
  }
}

/** The parts of a file of the Macintosh. Readers elsewhere save the data. */
export type Fork = 'data' | 'resource'

/** The bytes between the name and the lengths: version, type, creator and flags. */
const BETWEEN = 1 + 4 + 4 + 2
/** The lengths of both forks, and the checksum of the header. */
const LENGTHS = 4 + 4 + 2
const CHECKSUM = 2

/** Finds a fork in the bytes of a BinHex file: a header, the data and the resource, with checksums. */
class Forks {
  readonly #out: Writer
  readonly #fork: Fork
  readonly #header: number[] = []
  /** Where the fork begins and ends; not known before the header is there. */
  #from = Number.POSITIVE_INFINITY
  #to = Number.POSITIVE_INFINITY
  #at = 0

  constructor(out: Writer, fork: Fork) {
    this.#out = out
    this.#fork = fork
  }

  put(byte: number): void {
    const at = this.#at++
    if (at >= this.#from) {
      if (at < this.#to) this.#out.put(byte)
      return
    }
    if (this.#to !== Number.POSITIVE_INFINITY) return
    this.#header.push(byte)
    const lengths = 1 + this.#header[0]! + BETWEEN
    if (this.#header.length < lengths + LENGTHS) return
    const header = Buffer.from(this.#header)
    const data = header.readUInt32BE(lengths)
    this.#from = lengths + LENGTHS
    this.#to = this.#from + data
    if (this.#fork === 'data') return
    this.#from = this.#to + CHECKSUM
    this.#to = this.#from + header.readUInt32BE(lengths + 4)
  }
}
