/** How many times encoded words in encoded words are decoded. Deeper ones could hide anything. */
const DEPTH_MAX = 4

/**
 * The most encoded words of a header that are decoded. A word has four question marks, and these are
 * what is counted. The bound does not grow with the size: a word takes eight bytes, so a small header
 * cannot have many, and no mail that people write has more in a large one.
 */
export const ENCODED_WORDS_MAX = 2500

/** Counts the encoded words of a header that comes in pieces. */
export class EncodedWordCount {
  #marks = 0

  get isOver(): boolean {
    return this.#marks > 4 * ENCODED_WORDS_MAX
  }

  add(text: string): void {
    let mark = text.indexOf('?')
    for (; mark >= 0 && !this.isOver; mark = text.indexOf('?', mark + 1)) this.#marks++
  }
}

/** Whether a header has more encoded words than are decoded. */
export function hasTooManyWords(header: string): boolean {
  const from = header.indexOf('=?')
  if (from < 0) return false
  const count = new EncodedWordCount()
  count.add(header.slice(from))
  return count.isOver
}

/** Whether a field of a header may hide a line end, or a NUL, in an encoded word; too many may. */
export function hasHiddenLineEnd(header: string): boolean {
  if (!header.includes('=?')) return false
  return hasTooManyWords(header) || header.split(/\n(?![ \t])/).some((field) => hidesLineEnd(field))
}

/**
 * Whether a field may hide a line end, or a NUL, in an encoded word (RFC 2047): ripmime decodes a
 * header before it looks for its fields, and so finds one that no other reader sees. This is as lax
 * as ripmime: anything after the beginning of an encoded word belongs to it, the first letter
 * tells the encoding, and the result may be an encoded word again.
 */
export function hidesLineEnd(field: string, depth = DEPTH_MAX): boolean {
  const from = field.indexOf('=?')
  if (from < 0) return false
  if (depth === 0) return true
  const words = field.slice(from)
  if (/=0[0ad]/i.test(words)) return true
  const unescaped = withoutEscapes(words.replace(/[\r\n]/g, ''))
  if (unescaped.length < words.length && hidesLineEnd(unescaped.slice(2), depth - 1)) return true
  const pieces = words.split('?')
  for (const [at, piece] of pieces.entries()) {
    if (!/^\s*b/i.test(pieces[at - 1] ?? '')) continue
    for (const decoded of readingsOfBase64(piece)) {
      if (/[\0\n\r]/.test(decoded) || hidesLineEnd(decoded, depth - 1)) return true
    }
  }
  return false
}

/** Decodes base64 in the two ways of readers: beginning anew after padding, and going on after it. */
function readingsOfBase64(text: string): string[] {
  const pieces = text.replace(/[^A-Za-z0-9+/=]/g, '').split(/=+/)
  const decoded = pieces.map((piece) => Buffer.from(piece, 'base64').toString('latin1')).join('')
  if (pieces.length === 1) return [decoded]
  return [decoded, Buffer.from(pieces.join(''), 'base64').toString('latin1')]
}

function withoutEscapes(text: string): string {
  return text.replace(/=([0-9a-f]{2})/gi, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  )
}

/**
 * Decodes the encoded words of a text, and words in words: each byte becomes a character, whatever the
 * character set is and however a word ends. Takes time in proportion to the length of the text.
 */
export function decodeWords(text: string): string {
  let decoded = text
  for (let depth = 0; depth < DEPTH_MAX; depth++) decoded = decodeOnce(decoded)
  return decoded
}

function decodeOnce(text: string): string {
  let decoded = ''
  let at = 0
  for (;;) {
    const word = text.indexOf('=?', at)
    const charset = word < 0 ? -1 : text.indexOf('?', word + 2)
    const encoding = charset < 0 ? -1 : text.indexOf('?', charset + 1)
    if (encoding < 0) return decoded + text.slice(at)
    const close = text.indexOf('?', encoding + 1)
    const end = close < 0 ? text.length : close
    const said = text.slice(encoding + 1, end)
    const [letter = ''] = text
      .slice(charset + 1, encoding)
      .trim()
      .toLowerCase()
    decoded += text.slice(at, word)
    decoded +=
      letter === 'b' ? readingsOfBase64(said)[0] : withoutEscapes(said.replaceAll('_', ' '))
    at = text.startsWith('?=', end) ? end + 2 : end
  }
}
