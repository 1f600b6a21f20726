import { decodeEscapes, decodeQ, mayHoldWords, readingsOfBase64 } from './escapes.ts'

/** The number of times that nested encoded words are decoded. Deeper ones could hide anything. */
const WORD_DEPTH_MAX = 4

/**
 * Upper limit for the encoded words of a header that are decoded. A word has four question marks, which are
 * what is counted. The limit does not grow with the size. A word takes eight bytes, so a small header cannot
 * have many, and no mail that people write has more in a large one.
 */
const ENCODED_WORDS_MAX = 2500

/** Upper limit, in characters, for the fields of a header with encoded words: 2,500 addresses with names. */
const ENCODED_FIELDS_MAX = 256 * 1024

/** Returns the fields of a header that have encoded words, with their folds. */
function fieldsWithWords(header: string): string[] {
  if (!header.includes('=?')) return []
  return header.split(/\n(?![ \t])/).filter((field) => field.includes('=?'))
}

/** Returns which limit the encoded words of these fields exceed, or undefined if there is none. */
export function limitOfWords(fields: readonly string[]): string | undefined {
  let marks = 0
  let characters = 0
  for (const field of fields) {
    characters += field.length
    if (characters > ENCODED_FIELDS_MAX)
      return `more than ${ENCODED_FIELDS_MAX} characters in fields with encoded words`
    for (let mark = field.indexOf('?'); mark >= 0; mark = field.indexOf('?', mark + 1)) marks++
    if (marks > 4 * ENCODED_WORDS_MAX) return `more than ${ENCODED_WORDS_MAX} encoded words`
  }
  return undefined
}

/**
 * Returns whether a field of a header may hide a line end, or a NUL, in an encoded word; true if there are
 * too many words.
 */
export function hasHiddenLineEnd(header: string): boolean {
  const fields = fieldsWithWords(header)
  return limitOfWords(fields) !== undefined || fields.some(hidesLineEnd)
}

/**
 * Returns whether a field may hide a line end, or a NUL, in an encoded word (RFC 2047). ripmime decodes a
 * header before it searches for fields, and so finds one that no other program sees.
 *
 * The test is as lax as ripmime. Anything after the beginning of an encoded word belongs to it, the first
 * letter selects the encoding, and the result may be an encoded word again. The time is linear in the length
 * of the field. If more would have to be decoded, the result is true.
 */
export function hidesLineEnd(field: string): boolean {
  const from = field.indexOf('=?')
  if (from < 0) return false
  return new LineEndSearch(field.length).isHiddenIn(field.slice(from), WORD_DEPTH_MAX)
}

const LETTER_B = /\s*b/iy

/** Whether the first letter of the encoding at an offset is that of base64. */
function isLetterB(text: string, at: number): boolean {
  LETTER_B.lastIndex = at
  return LETTER_B.test(text)
}

/** Upper limit for the decoded characters of a field: a multiple of its length, plus a fixed number. */
const DECODED_TIMES = 4
const DECODED_MORE = 8192

/** The search for line ends in the encoded words of a field. */
class LineEndSearch {
  /** The number of characters that may still be decoded. */
  #left: number

  constructor(length: number) {
    this.#left = DECODED_TIMES * length + DECODED_MORE
  }

  /** Searches a text that begins with an encoded word, and nested words down to this depth. */
  isHiddenIn(words: string, depth: number): boolean {
    this.#left -= words.length
    if (depth === 0 || this.#left < 0) return true
    if (/=0[0ad]/i.test(words)) return true
    const joined = words.replace(/[\r\n]+/g, '')
    const unescaped = decodeEscapes(joined, '=')
    if (unescaped.length < joined.length && this.#isBehind(unescaped.slice(2), depth)) return true
    return this.#isHiddenInBase64(words, depth)
  }

  /** Searches the text after each encoding that begins with the letter B. */
  #isHiddenInBase64(words: string, depth: number): boolean {
    let at = words.indexOf('?') + 1
    for (let mark = words.indexOf('?', at); mark >= 0; mark = words.indexOf('?', at)) {
      const isBase64 = isLetterB(words, at)
      at = mark + 1
      if (!isBase64) continue
      const next = words.indexOf('?', at)
      const end = next < 0 ? words.length : next
      if (!mayHoldWords(words, at, end)) continue
      for (const decoded of readingsOfBase64(words.slice(at, end))) {
        if (/[\0\n\r]/.test(decoded) || this.#isBehind(decoded, depth)) return true
      }
    }
    return false
  }

  #isBehind(decoded: string, depth: number): boolean {
    const from = decoded.indexOf('=?')
    return from >= 0 && this.isHiddenIn(decoded.slice(from), depth - 1)
  }
}

/**
 * Decodes the encoded words of a text, and nested ones: each byte becomes a character, for any character set
 * and end of a word. The time is linear in the length of the text.
 */
export function decodeWords(text: string): string {
  let decoded = text
  for (let depth = 0; depth < WORD_DEPTH_MAX; depth++) decoded = decodeOnce(decoded)
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
    const encoded = text.slice(encoding + 1, end)
    decoded += text.slice(at, word)
    if (encoded !== '')
      decoded += isLetterB(text, charset + 1) ? readingsOfBase64(encoded)[0] : decodeQ(encoded)
    at = text.startsWith('?=', end) ? end + 2 : end
  }
}
