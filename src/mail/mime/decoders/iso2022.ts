import { LF } from '../../../lib/bytes/ascii.ts'

const ESC = 0x1b
const SO = 0x0e
const SI = 0x0f
const TILDE = 0x7e

/**
 * Removes the escapes from a seven-bit text that switches between ASCII and a two-byte set: as in ISO-2022
 * (RFC 1468, 1557, 1922) or HZ (RFC 1843). Bytes of the other set get their highest bit, as in EUC. Text in
 * ASCII stays unchanged, whatever national form of ASCII an escape names.
 */
export class WithoutEscapes {
  readonly #form: 'iso2022' | 'hz'
  #isWide = false
  /** The bytes of an escape that has begun. */
  #escape = ''

  constructor(form: 'iso2022' | 'hz') {
    this.#form = form
  }

  /** Returns what the bytes become, in any split. */
  take(bytes: Buffer): Buffer {
    const out = Buffer.allocUnsafe(bytes.length)
    let length = 0
    for (let at = 0; at < bytes.length; at++) {
      const byte = bytes[at]!
      const kept = this.#form === 'hz' ? this.#inHz(byte) : this.#inIso2022(byte)
      if (kept >= 0) out[length++] = this.#isWide && kept > 0x20 ? kept | 0x80 : kept
    }
    return out.subarray(0, length)
  }

  /** Returns the byte, or -1 if it belongs to an escape. */
  #inIso2022(byte: number): number {
    if (byte === ESC) this.#escape = '\x1b'
    else if (byte === SO || byte === SI) this.#isWide = byte === SO
    else if (this.#escape === '') return byte
    else this.#escape = this.#inEscape(byte)
    return -1
  }

  /** Returns the escape with this byte, or '' if the escape is complete (ISO/IEC 2022 13). */
  #inEscape(byte: number): string {
    const begun = this.#escape + String.fromCharCode(byte)
    if (byte >= 0x20 && byte < 0x30) return begun.slice(0, 4)
    // The sets G1 to G3 apply only after a shift.
    if (/^\x1b\$(?:\(?[@-~])$/.test(begun)) this.#isWide = true
    else if (/^\x1b\([@-~]$/.test(begun)) this.#isWide = false
    return ''
  }

  #inHz(byte: number): number {
    if (byte === LF) this.#isWide = false
    if (this.#escape === '') {
      if (byte !== TILDE) return byte
      this.#escape = '~'
      return -1
    }
    this.#escape = ''
    if (byte === TILDE) return byte
    if (byte === 0x7b || byte === 0x7d) this.#isWide = byte === 0x7b
    else if (byte !== LF) return byte
    return -1
  }
}
