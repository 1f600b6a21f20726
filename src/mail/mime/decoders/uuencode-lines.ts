import { CR, LF } from '../shared/lines.ts'
import { ByteDecoder, type Give } from './decoder.ts'

/** The bytes of a line that readers in C take at a time if they read into 128 bytes: mutt, Thunderbird. */
const LINE_IN_C = 127

/**
 * Ends lines of uuencode where some readers begin the next line. `records`: after as many characters
 * as the first character says, as GMime does. `pieces`: after LINE_IN_C characters.
 */
export class CutLines extends ByteDecoder {
  readonly #by: 'records' | 'pieces'
  #left = 0

  constructor(give: Give, room: Buffer, by: 'records' | 'pieces') {
    super(give, room)
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
 * Decodes uuencode as KMime does. Blanks, and characters that uuencode does not use, are skipped. A
 * group of four may go on in the next line. Each line gives at most as many bytes as it says.
 */
export class UuencodeAcrossLines extends ByteDecoder {
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
