import { CR, LF, SPACE, TAB } from '../shared/lines.ts'
import { Base64Decoder } from './base64.ts'
import type { Decoder, Give } from './decoder.ts'

const COLON = 0x3a
const QUOTE = 0x22
/** The most bytes of the parameters of the property. */
const PARAMETERS_MAX = 4096

const IN_BASE64 = /encoding\s*=\s*"?base64/i

/**
 * Returns whether a line may begin a file that a calendar holds: the property is there, and the line
 * says base64, or ends before the value, inside of quotes, too. Most calendars only name files, by a URL.
 */
export function isAttachStart(line: string): boolean {
  if (!/^attach(?:;|\s*$)/i.test(line)) return false
  const [parameters = '', ...value] = line
    .replace(/"[^"]*(?:"|$)/g, (quoted) => quoted.replaceAll(':', ''))
    .split(':')
  return value.length === 0 || IN_BASE64.test(parameters)
}

/**
 * Decodes a file that a calendar holds (RFC 5545 3.8.1.1): the value in base64 of a property, after
 * its parameters and a colon. A line that begins with a blank goes on with the line before.
 */
export class AttachDecoder implements Decoder {
  readonly #inner: Base64Decoder
  #state: 'parameters' | 'value' | 'over' = 'parameters'
  #parameters = ''
  #isQuoted = false
  #startsLine = false

  constructor(give: Give, room: Buffer) {
    this.#inner = new Base64Decoder(give, room)
  }

  push(bytes: Buffer, from: number, to: number): void {
    let valueFrom = this.#state === 'value' ? from : to
    let at = from
    for (; at < to && this.#state !== 'over'; at++) {
      const byte = bytes[at]!
      if (this.#startsLine && byte !== SPACE && byte !== TAB) break
      this.#startsLine = byte === LF
      if (this.#state === 'parameters' && byte !== CR && byte !== LF && this.#parameter(byte)) {
        valueFrom = at + 1
      }
    }
    this.#inner.push(bytes, valueFrom, at)
    if (at < to) this.#state = 'over'
  }

  end(): void {
    this.#inner.end()
  }

  /** Takes a byte before the value. Returns whether the value begins after it. */
  #parameter(byte: number): boolean {
    if (byte === QUOTE) this.#isQuoted = !this.#isQuoted
    if (byte === COLON && !this.#isQuoted) {
      const isBase64 = IN_BASE64.test(this.#parameters.replace(/[ \t]/g, ''))
      this.#state = isBase64 ? 'value' : 'over'
      return isBase64
    }
    this.#parameters += String.fromCharCode(byte)
    if (this.#parameters.length > PARAMETERS_MAX) this.#state = 'over'
    return false
  }
}
