import { COLON } from '../../../lib/bytes/ascii.ts'
import { ByteDecoder } from './decoder.ts'

/** Part of the line above BinHex: "(This file must be converted with BinHex 4.0)". */
export const BINHEX_MARK = 'converted with BinHex'

/** The characters of BinHex 4.0 (RFC 1741, Appendix A), by their six-bit values. */
const CHARACTERS = '!"#$%&\'()*+,-012345689@ABCDEFGHIJKLMNPQRSTUVXYZ[`abcdefhijklmpqr'
const NONE = 255
const values = new Uint8Array(256).fill(NONE)
for (const [value, character] of [...CHARACTERS].entries()) values[character.charCodeAt(0)] = value

/** Precedes the number of repetitions of the byte before it, or a 0 for the byte itself. */
const REPEATED = 0x90

/**
 * Decodes BinHex 4.0 from after its first line: the text between two colons, with its runs. Other characters
 * are ignored.
 */
export class BinHexDecoder extends ByteDecoder {
  #state: 'before' | 'data' | 'over' = 'before'
  #bits = 0
  #count = 0 // the number of bits that are left over
  #last = 0
  #isRepeated = false

  protected take(byte: number): void {
    if (byte === COLON) this.#state = this.#state === 'before' ? 'data' : 'over'
    const value = values[byte]!
    if (this.#state !== 'data' || value === NONE) return
    this.#bits = ((this.#bits << 6) | value) & 0x3fff
    this.#count += 6
    if (this.#count < 8) return
    this.#count -= 8
    this.#put((this.#bits >> this.#count) & 255)
  }

  #put(byte: number): void {
    if (!this.#isRepeated) {
      this.#isRepeated = byte === REPEATED
      if (!this.#isRepeated) this.#write(byte)
      return
    }
    this.#isRepeated = false
    if (byte === 0) this.#write(REPEATED)
    for (let times = 1; times < byte; times++) this.#write(this.#last)
  }

  #write(byte: number): void {
    this.#last = byte
    this.out.put(byte)
  }
}
