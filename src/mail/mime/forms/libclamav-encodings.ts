import type { Encoding } from '../headers/encodings.ts'

/** Returns whether all programs decode an encoded text alike, libclamav among them. The text is one in latin1. */
export function isEncodedPlainly(text: string, encoding: Encoding): boolean {
  if (encoding === 'base64') return isOrdinaryBase64(text)
  return encoding !== 'quoted-printable' || !ODD_ESCAPE.test(text)
}

/** A `=` that begins no escape, and ends no line by itself (RFC 2045 6.7). */
const ODD_ESCAPE = /=(?![\dA-Fa-f]{2}|\r?\n)/

const NOT_BASE64 = /[^A-Za-z\d+/\r\n]/g
const LINE_ENDS = /[\r\n]+/g
/** Padding that ends the data, with nothing below it. */
const PADDING = /={0,2}[\r\n]*$/y
/** The last characters of data of which a bit is set that the padding leaves out. libclamav makes a byte of it. */
const OVERFULL = /[^AQgw]==|[^AEIMQUYcgkosw048=]=/

/** Whether lines of base64 have whole groups, with padding at the end alone, and no bits in what that leaves out. */
function isOrdinaryBase64(text: string): boolean {
  NOT_BASE64.lastIndex = 0
  const end = NOT_BASE64.exec(text)?.index ?? text.length
  PADDING.lastIndex = end
  if (!PADDING.test(text)) return false
  const data = text.slice(0, end).replaceAll(LINE_ENDS, '')
  const padding = text.slice(end).trimEnd()
  return (data.length + padding.length) % 4 === 0 && !OVERFULL.test(data.slice(-1) + padding)
}
