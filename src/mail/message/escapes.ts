import { CR, EQUALS, hexDigits, LF, NUL } from '../../base/bytes/ascii.ts'

/*
 * The encodings of words in fields: short texts in latin1, in which programs differ about padding alone. Bodies in the same
 * encodings are read in mime/decoders/: bytes of any size, with each quirk of a program, and within a budget. A header is
 * read before there is one, so that neither reader can serve for both.
 */

const QUESTION = 0x3f

const ESCAPE = { '=': /=[\da-f]{2}/i, '%': /%[\da-f]{2}/i } as const

/**
 * Decodes each `=XX` or `%XX` of a text in latin1 (RFC 2047 4.2, RFC 2231 4). Any other sign stays unchanged.
 * (A regular expression that calls a function for each takes ten times as long.)
 */
export function decodeEscapes(text: string, sign: '=' | '%'): string {
  if (text.length < '=XX'.length || !ESCAPE[sign].test(text)) return text // base64 is full of the sign
  const bytes = Buffer.from(text, 'latin1')
  const code = sign.charCodeAt(0)
  let length = 0
  for (let at = 0; at < bytes.length; at++) {
    let byte = bytes[at]!
    if (byte === code && at + 2 < bytes.length) {
      const high = hexDigits[bytes[at + 1]!]!
      const low = hexDigits[bytes[at + 2]!]!
      if (high >= 0 && low >= 0) {
        byte = (high << 4) | low
        at += 2
      }
    }
    bytes[length++] = byte
  }
  return bytes.toString('latin1', 0, length)
}

/** Decodes the text of a word in the encoding Q (RFC 2047 4.2), each byte a character. */
export const decodeQ = (text: string): string => decodeEscapes(text.replaceAll('_', ' '), '=')

/** The characters of base64 (RFC 4648 4), in the order of their values. */
export const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'

/** The six bits of each character of base64, by its code, or -1 for padding. */
const bitsOf = new Int8Array(256).fill(-1)
for (let bits = 0; bits < BASE64.length; bits++) bitsOf[BASE64.charCodeAt(bits)] = bits

/**
 * Decodes base64 into latin1 in the two ways of programs: first restarting after padding, then continuing
 * after it. Both skip all other characters. There is only one result if nothing follows padding.
 */
export function readingsOfBase64(text: string): readonly [string, ...string[]] {
  const letters = text.replace(/[^A-Za-z0-9+/=]+/g, '')
  const goingOn = Buffer.from(letters.replaceAll('=', ''), 'base64').toString('latin1')
  return /=[^=]/.test(letters) ? [beginningAnew(letters), goingOn] : [goingOn]
}

function beginningAnew(letters: string): string {
  const bytes = Buffer.alloc(letters.length)
  let length = 0
  let bits = 0
  let count = 0
  for (let at = 0; at < letters.length; at++) {
    const six = bitsOf[letters.charCodeAt(at)]!
    if (six < 0) {
      count = 0
      continue
    }
    bits = (bits << 6) | six
    count += 6
    if (count < 8) continue
    count -= 8
    bytes[length++] = bits >> count
  }
  return bytes.toString('latin1', 0, length)
}

/**
 * Returns whether this base64 may contain a line end, a NUL or an encoded word, or has data after padding.
 * Otherwise it need not be decoded: some programs write kilobytes of it into a field.
 */
export function mayHoldWords(text: string, from: number, to: number): boolean {
  let bits = 0
  let count = 0
  let before = 0
  let isPadded = false
  for (let at = from; at < to; at++) {
    const code = text.charCodeAt(at)
    const six = bitsOf[code]!
    if (six < 0) {
      isPadded ||= code === EQUALS
      continue
    }
    if (isPadded) return true
    bits = (bits << 6) | six
    count += 6
    if (count < 8) continue
    count -= 8
    const byte = (bits >> count) & 255
    if (byte === LF || byte === CR || byte === NUL) return true
    if (byte === QUESTION && before === EQUALS) return true
    before = byte
  }
  return false
}
