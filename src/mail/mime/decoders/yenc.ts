import { CR, EQUALS, LF, NUL } from '../../../lib/bytes/ascii.ts'
import type { Habits } from '../habits/habits.ts'
import { ByteDecoder, type Codec, makerOf, type Write } from './decoder.ts'

/** The length of the prefix by which a line is recognized as one of yEnc itself. */
const WORD_MAX = '=ybegin '.length

/**
 * Decodes yEnc (yEnc draft 1.3), in pieces of any size, from after its line `=ybegin` to its line `=yend`. A
 * line `=ypart` is skipped.
 */
class YencDecoder extends ByteDecoder {
  readonly #habits: Habits
  /** The first characters of a line that may be one of yEnc itself. */
  #word = ''
  #startsLine = true
  #inWord = false
  #skipsLine = false
  #isOver = false
  #isEscaped = false
  #cr = false

  constructor(write: Write, buffer: Buffer, habits: Habits) {
    super(write, buffer)
    this.#habits = habits
  }

  protected override finish(): void {
    this.#endWord()
    if (this.#cr) this.#control(CR)
  }

  protected take(byte: number): void {
    if (byte === LF) {
      this.#endWord()
      if (this.#isEscaped) this.#endEscape()
      this.#cr = false
      this.#skipsLine = false
      this.#startsLine = true
    } else if (this.#startsLine && byte === EQUALS) {
      this.#startsLine = false
      this.#inWord = true
      this.#word = '='
    } else if (this.#inWord) {
      this.#word += String.fromCharCode(byte)
      if (this.#word.length === WORD_MAX) this.#endWord()
    } else {
      this.#startsLine = false
      this.#data(byte)
    }
  }

  /** A `=` at the end of a line escapes nothing. */
  #endEscape(): void {
    this.#isEscaped = false
    this.#put(EQUALS)
  }

  /** Ends the front of a line that began with a `=`. */
  #endWord(): void {
    if (!this.#inWord) return
    this.#inWord = false
    const word = this.#word
    const lower = word.toLowerCase()
    if (/^=y(?:end|part|begin)/.test(lower)) {
      this.#skipsLine = true
      if (lower.startsWith('=yend')) this.#isOver = true
      return
    }
    for (const character of word) this.#data(character.charCodeAt(0))
  }

  #data(byte: number): void {
    if (this.#isOver || this.#skipsLine) return
    if (this.#cr) {
      this.#cr = false
      this.#control(CR)
    }
    if (byte === CR) this.#cr = true
    else if (byte === NUL) this.#control(NUL)
    else if (byte === EQUALS && !this.#isEscaped) this.#isEscaped = true
    else this.#put(byte)
  }

  #control(byte: number): void {
    if (this.#habits.does('yEnc control character') === 'is data') this.#put(byte)
  }

  #put(byte: number): void {
    this.out.put((byte - 42 - (this.#isEscaped ? 64 : 0)) & 255)
    this.#isEscaped = false
  }
}

/** yEnc, in each way in which some program decodes it. */
export const yenc: Codec = (habits) => makerOf(YencDecoder, habits)
