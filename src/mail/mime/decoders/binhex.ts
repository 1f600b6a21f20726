import { COLON, SPACE, TAB } from '../../../lib/bytes/ascii.ts'
import { isLineEnd } from '../../../lib/bytes/lines.ts'
import { ByteDecoder } from './decoder.ts'

/** The word of the line above BinHex, "(This file must be converted with BinHex 4.0)". */
export const BINHEX_WORD = 'converted'
/** The word with what follows it, and what precedes it to MIME::Parser, which reads no further. */
const MARK = 'converted with BinHex'
const FRONT = '(This file must be '

/** Returns whether the word at this offset is that of a line above BinHex. */
export function isBinHexWord(bytes: Buffer, at: number): boolean {
  const text = bytes.toString('latin1', at, at + MARK.length)
  if (!text.startsWith(BINHEX_WORD)) return false
  return text === MARK || bytes.toString('latin1', at - FRONT.length, at) === FRONT
}

/** The characters of BinHex 4.0 (RFC 1741, Appendix A), by their six-bit values. */
const CHARACTERS = '!"#$%&\'()*+,-012345689@ABCDEFGHIJKLMNPQRSTUVXYZ[`abcdefhijklmpqr'
const NONE = 255
const values = new Uint8Array(256).fill(NONE)
for (const [value, character] of [...CHARACTERS].entries()) values[character.charCodeAt(0)] = value

/** Precedes the number of repetitions of the byte before it, or a 0 for the byte itself. */
const REPEATED = 0x90

/**
 * Decodes BinHex 4.0 from its first line on: the text between a colon that begins a later line and the next one, with
 * its runs. Other characters are ignored.
 */
export class BinHexDecoder extends ByteDecoder {
  #state: 'before' | 'data' | 'over' = 'before'
  #bits = 0
  #count = 0 // the number of bits that are left over
  #last = 0
  #isRepeated = false
  /** Whether only blanks are in front of a byte in its line, which is below the first one. */
  #beginsLine = false

  protected take(byte: number): void {
    if (this.#state === 'before') {
      if (byte === COLON && this.#beginsLine) this.#state = 'data'
      else if (isLineEnd(byte)) this.#beginsLine = true
      else if (byte !== SPACE && byte !== TAB) this.#beginsLine = false
      return
    }
    if (byte === COLON) this.#state = 'over'
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
