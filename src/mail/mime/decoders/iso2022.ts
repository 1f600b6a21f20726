import { LF } from '../../../base/bytes/ascii.ts'

const ESC = 0x1b
const SO = 0x0e
const SI = 0x0f
const TILDE = 0x7e
/** In EUC-JP, the next byte is a letter of the half-width katakana (JIS X 0201). */
const OF_KANA = 0x8e

/** The set of the bytes that are one character each: ASCII, or one of the two sets of JIS X 0201. */
type SingleSet = 'ascii' | 'roman' | 'kana'

/** A part of a text, in EUC. */
interface EucRun {
  readonly bytes: Buffer
  /** Whether bytes of ASCII are those of JIS X 0201, in which two signs differ. */
  readonly isRoman: boolean
}

/**
 * Removes the escapes from a seven-bit text that switches between ASCII and a two-byte set: as in ISO-2022
 * (RFC 1468, 1557, 1922) or HZ (RFC 1843). Bytes of the other set get their highest bit, as in EUC. Text in
 * ASCII stays unchanged, whatever national form of ASCII an escape names.
 */
export class WithoutEscapes {
  readonly #encoding: 'iso2022' | 'hz'
  #isWide = false
  #single: SingleSet = 'ascii'
  /** The bytes of an escape that has begun. */
  #escape = ''
  /** The first byte of a character of two bytes. They are never separated. */
  #first = -1

  constructor(encoding: 'iso2022' | 'hz') {
    this.#encoding = encoding
  }

  /** Returns what the bytes become, in any split. */
  take(bytes: Buffer): readonly EucRun[] {
    const runs: EucRun[] = []
    const out = Buffer.allocUnsafe(2 * bytes.length + 1) // a byte waits, and kana are two
    let from = 0
    let length = 0
    for (const byte of bytes) {
      const isRoman = this.#single === 'roman'
      const kept = this.#encoding === 'hz' ? this.#inHz(byte) : this.#inIso2022(byte)
      if (isRoman !== (this.#single === 'roman')) {
        if (length > from) runs.push({ bytes: out.subarray(from, length), isRoman })
        from = length
      }
      if (kept < 0) continue
      const isOfTwo = kept >= 0x80 || (kept > 0x20 && this.#isWide)
      const isKana = !isOfTwo && kept > 0x20 && this.#single === 'kana'
      const euc = isOfTwo || isKana ? kept | 0x80 : kept
      if (isOfTwo && this.#first < 0) {
        this.#first = euc
        continue
      }
      if (this.#first >= 0) out[length++] = this.#first
      this.#first = -1
      if (isKana) out[length++] = OF_KANA
      out[length++] = euc
    }
    runs.push({ bytes: out.subarray(from, length), isRoman: this.#single === 'roman' })
    return runs
  }

  /** Returns what is left of a character or an escape that has not ended. */
  end(): Buffer {
    const first = this.#first < 0 ? [] : [this.#first]
    return Buffer.concat([Buffer.from(first), Buffer.from(this.#escape.slice(1), 'latin1')])
  }

  /** Returns the byte, or -1 if it belongs to an escape. */
  #inIso2022(byte: number): number {
    if (byte === ESC) this.#escape = '\x1b'
    else if (byte === SO || byte === SI) {
      this.#isWide = byte === SO
      this.#escape = ''
    } else if (this.#escape === '') return byte
    else this.#escape = this.#inEscape(byte)
    return -1
  }

  /** Returns the escape with this byte, or '' if the escape is complete (ISO/IEC 2022 13). */
  #inEscape(byte: number): string {
    const begun = this.#escape + String.fromCharCode(byte)
    if (byte >= 0x20 && byte < 0x30) return begun.slice(0, 4)
    // The sets G1 to G3 apply only after a shift.
    if (/^\x1b\$(?:\(?[@-~])$/.test(begun)) this.#isWide = true
    else if (/^\x1b\([@-~]$/.test(begun)) {
      this.#isWide = false
      this.#single = begun.endsWith('J') ? 'roman' : begun.endsWith('I') ? 'kana' : 'ascii'
    }
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
