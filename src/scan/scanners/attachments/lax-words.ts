import iconv from 'iconv-lite'
import libmime from 'libmime'
import { plainCharset } from '../../../mail/mime/decoders/charsets.ts'

/** Characters that are decoded, from the end of the text: the end of a name is what counts. */
const READ_MAX = 4096

/** An encoded word with any character set, an encoding, and a text that may hold `?`. */
const WORD = /=\?([^?]*)\?([BbQq])\?(.{0,200}?)\?=(?!\?)/gs
/** The same word as readers see it who end the text at its first `?`. */
const SHORT_WORD = /=\?([^?]*)\?([BbQq])\?([^?]*)(?:\?=)?/g

/**
 * Reads bytes in a character set, by its name. libmime reads no UTF-7, for RFC 2152 is no character set of
 * web pages any more; some mail programs do. Throws for a set that nobody knows.
 */
export function textIn(charset: string, bytes: Buffer): string {
  if (/^(?:unicode11)?utf7$/.test(plainCharset(charset))) return iconv.decode(bytes, 'utf-7')
  return libmime.decodeWord(charset, 'B', bytes.toString('base64'))
}

/**
 * Decodes encoded words as lax readers do: the character set may be missing or unknown, may hold blanks
 * or a language (RFC 2231 5), and blanks between words may go or stay. Returns several readings, of a
 * long text only those of its end. None of them is to be trusted.
 */
export function decodeLaxly(text: string): string[] {
  const end = text.slice(-READ_MAX)
  const joined = end.replace(/\?=\s+(?==\?)/g, '?=')
  const found = new Set<string>()
  for (const words of [WORD, SHORT_WORD]) {
    for (const bytesAs of ['utf8', 'latin1'] as const) {
      for (const whole of [joined, end]) {
        found.add(
          whole.replace(words, (_, charset, how, said) => decode(charset, how, said, bytesAs)),
        )
      }
    }
  }
  return [...found]
}

function decode(charset: string, how: string, text: string, bytesAs: 'utf8' | 'latin1'): string {
  const bytes =
    how.toUpperCase() === 'B'
      ? Buffer.from(text, 'base64')
      : Buffer.from(withoutEscapes(text), 'latin1')
  const [name = ''] = charset.split('*', 1)
  try {
    // Only these character sets change the letters of a name; for others, bytes are characters.
    if (/^(?:utf-?(?:16|32|7)|ucs|unicode)/i.test(name.trim())) return textIn(name.trim(), bytes)
  } catch {
    // The character set is unknown: its bytes are read as if none were named.
  }
  return bytes.toString(bytesAs)
}

function withoutEscapes(text: string): string {
  return text
    .replaceAll('_', ' ')
    .replace(/=([0-9A-Fa-f]{2})/g, (_, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    )
}
