import { Base64Decoder } from './base64.ts'
import { type Decoder, type DecodingPlan, type Give, makerOf, WholeLines } from './decoder.ts'

/** How the line begins that ends armour. With anything before it, GnuPG takes the line for data. */
export const ARMOUR_END = '-----END'

/**
 * Decodes the armour of OpenPGP (RFC 9580 6.2) or PEM (RFC 7468), from after its first line, as GnuPG
 * does: what is no base64 is left out, wherever it stands. A `=` at the start of a line begins the
 * checksum. `hasFields` says that lines that look like fields stand before the data; gpgsm knows none.
 */
class ArmourDecoder implements Decoder {
  readonly #inner: Base64Decoder
  readonly #lines = new WholeLines((bytes, from, to) => this.#line(bytes, from, to))
  #state: 'fields' | 'data' | 'over'

  constructor(give: Give, buffer: Buffer, hasFields: boolean) {
    this.#inner = new Base64Decoder(give, buffer)
    this.#state = hasFields ? 'fields' : 'data'
  }

  push(bytes: Buffer, from: number, to: number): void {
    this.#lines.push(bytes, from, to)
  }

  end(): void {
    this.#lines.end()
    this.#inner.end()
  }

  #line(bytes: Buffer, from: number, to: number): void {
    const start = bytes.toString('latin1', from, Math.min(to, from + FIELD_MAX))
    if (this.#state === 'fields' && FIELD.test(start)) return
    if (this.#state === 'fields') this.#state = 'data'
    if (start.startsWith(ARMOUR_END) || start.startsWith('=')) this.#state = 'over'
    if (this.#state === 'data') this.#inner.push(bytes, from, to)
  }
}

/** The most bytes of a line that are looked at for the name of a field. */
const FIELD_MAX = 1024
const FIELD = /^[^:]*:(?:[ \r\n]|$)/

/** Decodes base64 up to a line that begins with a `=`, as uuencode(1) writes it. */
export const untilEqualsPlan: DecodingPlan = {
  standard: makerOf(ArmourDecoder, false),
  others: () => [],
}

/** The ways in which readers decode armour: all are tried, whatever occurs in it. */
export const armourPlan: DecodingPlan = {
  standard: makerOf(ArmourDecoder, true),
  others: () => [makerOf(ArmourDecoder, false)],
}
