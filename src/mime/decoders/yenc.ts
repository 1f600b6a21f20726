import { CR, LF } from '../shared/lines.ts'
import { ByteDecoder, type Give } from './decoder.ts'

const EQUALS = 0x3d
const NUL = 0

/** The characters of a line by which it is known to be one of yEnc itself. */
const WORD_MAX = '=ybegin '.length

/** One of the ways in which readers are known to decode yEnc. */
export interface YencMode {
  /** Whether a CR that no LF follows, and a NUL, are data. If not, they are skipped. */
  readonly controls: 'data' | 'skip'
  /** Whether `=YEND` in capitals ends the data, too. If not, it is data. */
  readonly anyCase: boolean
  /** Whether the next `=ybegin` goes on with the same file, of which it is another part. */
  readonly joins: boolean
}

/** What occurred in yEnc that readers decode in different ways. */
export interface YencOddities {
  controls: boolean
  /** A line of yEnc itself was written in capitals. */
  capitals: boolean
  /** Another part followed. */
  parts: boolean
}

/**
 * Decodes yEnc (yEnc draft 1.3), which comes in pieces of any size, from after its line `=ybegin` to
 * its line `=yend`. A line `=ypart` is skipped.
 */
export class YencDecoder extends ByteDecoder {
  readonly #mode: YencMode
  readonly #odd: YencOddities | undefined
  /** The first characters of a line that may be one of yEnc itself. */
  #word = ''
  #startsLine = true
  #inWord = false
  #skipsLine = false
  #isOver = false
  #isEscaped = false
  #cr = false

  constructor(give: Give, room: Buffer, mode: YencMode, odd?: YencOddities) {
    super(give, room)
    this.#mode = mode
    this.#odd = odd
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
    const isOwn = /^=y(?:end|part|begin)/.exec(lower)
    if (isOwn) {
      const isCapital = !word.startsWith(isOwn[0])
      if (isCapital && this.#odd) this.#odd.capitals = true
      if (!isCapital || this.#mode.anyCase) {
        this.#skipsLine = true
        if (lower.startsWith('=yend')) this.#isOver = true
        else if (lower.startsWith('=ybegin')) this.#nextPart()
        return
      }
    }
    for (const character of word) this.#data(character.charCodeAt(0))
  }

  #nextPart(): void {
    if (this.#odd) this.#odd.parts = true
    if (this.#mode.joins) this.#isOver = false
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
    if (this.#odd) this.#odd.controls = true
    if (this.#mode.controls === 'data') this.#put(byte)
  }

  #put(byte: number): void {
    this.out.put((byte - 42 - (this.#isEscaped ? 64 : 0)) & 255)
    this.#isEscaped = false
  }
}
