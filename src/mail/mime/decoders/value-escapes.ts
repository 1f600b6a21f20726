import { ByteDecoder } from './decoder.ts'

const BACKSLASH = 0x5c
const PERCENT = 0x25

/** Leaves out backslashes, and the letters of line ends behind them (RFC 6350 3.4). */
export class Unescaped extends ByteDecoder {
  #isEscaped = false

  protected take(byte: number): void {
    const isLineEnd = this.#isEscaped && 'nNrR'.includes(String.fromCharCode(byte))
    this.#isEscaped = byte === BACKSLASH && !this.#isEscaped
    if (byte !== BACKSLASH && !isLineEnd) this.out.put(byte)
  }
}

/** Decodes `%` and two hexadecimal digits (RFC 3986 2.1). Any other `%` stands for itself. */
export class Unpercented extends ByteDecoder {
  #held = ''

  protected take(byte: number): void {
    if (this.#held === '' && byte !== PERCENT) {
      this.out.put(byte)
      return
    }
    if (byte === PERCENT) this.finish()
    this.#held += String.fromCharCode(byte)
    if (/^%[0-9a-f]{2}$/i.test(this.#held)) {
      this.out.put(Number.parseInt(this.#held.slice(1), 16))
      this.#held = ''
    } else if (!/^%[0-9a-f]?$/i.test(this.#held)) this.finish()
  }

  protected override finish(): void {
    for (const character of this.#held) this.out.put(character.charCodeAt(0))
    this.#held = ''
  }
}
