import { CR, EQUALS, LF, NUL } from '../../../lib/bytes/ascii.ts'
import { ByteDecoder, type DecodingPlan, type Give, type MakeDecoder, makerOf } from './decoder.ts'

/** The length of the prefix by which a line is recognized as one of yEnc itself. */
const WORD_MAX = '=ybegin '.length

/**
 * Decodes yEnc (yEnc draft 1.3), in pieces of any size, from after its line `=ybegin` to its line `=yend`. A
 * line `=ypart` is skipped.
 */
class YencDecoder extends ByteDecoder {
  readonly #controls: 'data' | 'skip'
  readonly #onControl: () => void
  /** The first characters of a line that may be one of yEnc itself. */
  #word = ''
  #startsLine = true
  #inWord = false
  #skipsLine = false
  #isOver = false
  #isEscaped = false
  #cr = false

  /**
   * `controls` states whether a CR without a following LF, and a NUL, are data or skipped. `onControl` is
   * called for each.
   */
  constructor(give: Give, buffer: Buffer, controls: 'data' | 'skip', onControl = () => {}) {
    super(give, buffer)
    this.#controls = controls
    this.#onControl = onControl
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
    this.#onControl()
    if (this.#controls === 'data') this.#put(byte)
  }

  #put(byte: number): void {
    this.out.put((byte - 42 - (this.#isEscaped ? 64 : 0)) & 255)
    this.#isEscaped = false
  }
}

/** The ways in which readers decode yEnc. */
export class YencPlan implements DecodingPlan {
  #hasControls = false

  readonly standard: MakeDecoder = (give, buffer) =>
    new YencDecoder(give, buffer, 'data', () => {
      this.#hasControls = true
    });

  *others(): Generator<MakeDecoder> {
    if (this.#hasControls) yield makerOf(YencDecoder, 'skip') // Thunderbird
  }
}
