import libmime from 'libmime'

/** Characters: the end of a name is what tells. */
const LOOKED_AT = 4096

/** Whatever stands where a character set is to stand, an encoding, a text that may hold `?`. */
const WORD = /=\?([^?]*)\?([BbQq])\?(.{0,200}?)\?=(?!\?)/gs
/** The same to who ends a text at its first `?`. */
const SHORT_WORD = /=\?([^?]*)\?([BbQq])\?([^?]*)(?:\?=)?/g

/**
 * A text with encoded words as lax readers decode them: the name of a character set may be
 * missing, unknown, hold blanks or a language (RFC 2231 5), and blanks between words may go
 * or stay. Several readings, none of them to be trusted; of a long text, its end.
 */
export function decodeLaxly(text: string): string[] {
  const end = text.slice(-LOOKED_AT)
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
    // Others than these need a table; an unknown one is not asked for again.
    if (/^(?:utf-?(?:16|32|7)|ucs)/i.test(name.trim())) {
      return String(libmime.decodeWord(name.trim(), 'B', bytes.toString('base64')))
    }
  } catch {
    // as if it had none
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
