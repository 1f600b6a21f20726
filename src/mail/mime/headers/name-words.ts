import { isAscii, isUtf8 } from 'node:buffer'
import { decodeQ, readingsOfBase64 } from '../../message/escapes.ts'
import { costs } from '../budget/costs.ts'
import { isAsciiOrUtf8, isUnreadable, normalizedCharset, textsIn } from '../decoders/charsets.ts'

/**
 * Upper limit for the characters of a written name that are read, from its end, which is the significant
 * part.
 */
export const WRITTEN_MAX = 4096

/** An encoded word as defined by RFC 2047. */
const STRICT_WORD = /=\?([\w*-]+)\?([BbQq])\?([^?]*)\?=/g
/** An encoded word with any character set, an encoding, and a text that may contain `?`. */
const LAX_WORD = /=\?([^?]*)\?([BbQq])\?(.{0,200}?)\?=(?!\?)/gs
/** An encoded word for programs that end its text at the first `?`. */
const SHORT_WORD = /=\?([^?]*)\?([BbQq])\?([^?]*)(?:\?=)?/g

/** Reads base64 up to its padding, each byte a character. */
const upToPadding = (encoded: string) => Buffer.from(encoded, 'base64').toString('latin1')
/** Reads base64 as if padding meant nothing. */
const behindPadding = (encoded: string) => readingsOfBase64(encoded).at(-1)!

/** A way in which programs decode words. */
interface WordWay {
  readonly pattern: RegExp
  readonly fromBase64: (encoded: string) => string
  /** Whether a character set may be missing or unknown, and may contain blanks or a language (RFC 2231 5). */
  readonly isLax: boolean
}

/**
 * By the standard, consecutive words of the same character set are one text, because a word may end within a
 * character.
 */
const strictly: WordWay = {
  pattern: STRICT_WORD,
  fromBase64: (encoded) => readingsOfBase64(encoded)[0],
  isLax: false,
}

const laxly: readonly WordWay[] = [
  { pattern: LAX_WORD, fromBase64: upToPadding, isLax: true },
  { pattern: SHORT_WORD, fromBase64: upToPadding, isLax: true },
  { pattern: SHORT_WORD, fromBase64: behindPadding, isLax: true },
]

/**
 * The character sets that change the letters of a name for lax programs, too: for others, bytes are characters.
 */
const WIDE = /^(?:cs)?(?:utf(?:7|16|32)|ucs|unicode)/

/** Units of work for the beginning of each word: the distance within which its end is searched. */
const WORD_UNITS = 200
/** The number of times that a name is read laxly, at most. */
const LAX_READINGS = 12

/** How programs decode the bytes of a word with an unknown character set. */
type UnknownAs = 'utf8' | 'latin1'

/**
 * Decodes the encoded words in the names of one header as mail programs do. Each word is decoded once, even
 * if several names contain it.
 */
export class NameWords {
  readonly #texts = new Map<string, string>()
  /** Whether a word has bytes outside ASCII. */
  #hasHighBytes = false
  /** Whether a word has a character set that some programs decode in the other byte order. */
  #hasOrders = false
  #units = 0
  /** Whether a name was longer than the part that is read. */
  hasLongNames = false
  /** Whether a word has a character set that is not read, in which the name is another one. */
  isUnread = false

  /** Returns the units of work since the last call. */
  takeUnits(): number {
    const units = this.#units
    this.#units = 0
    return units
  }

  /**
   * Returns the texts that programs may see in the last WRITTEN_MAX bytes of a name, in which each byte is one
   * character. One is the unchanged name. In the others encoded words are decoded strictly and laxly. None of
   * them can be trusted.
   */
  readingsOf(name: string): ReadonlySet<string> {
    if (name.length > WRITTEN_MAX) this.hasLongNames = true
    const end = name.slice(-WRITTEN_MAX)
    this.#units += name.length
    const found = new Set([textOf(end)])
    if (!end.includes('=?')) return found
    this.#decode(end, 0, found)
    if (this.#hasOrders) this.#decode(end, 1, found)
    return found
  }

  /** Adds the readings with character sets in the first or the other order of their bytes. */
  #decode(name: string, order: number, found: Set<string>): void {
    found.add(this.#decoded(name, strictly, 'utf8', order))
    // Some programs remove blanks between words, others keep them.
    const joined = name.replace(/\?=\s+(?==\?)/g, '?=')
    this.#units += LAX_READINGS * (name.length + WORD_UNITS * name.split('=?').length)
    for (const whole of new Set([joined, name])) {
      for (const way of laxly) {
        found.add(this.#decoded(whole, way, 'utf8', order))
        if (this.#hasHighBytes) found.add(this.#decoded(whole, way, 'latin1', order))
      }
    }
  }

  #decoded(
    name: string,
    { pattern, fromBase64, isLax }: WordWay,
    unknownAs: UnknownAs,
    order: number,
  ): string {
    let decoded = ''
    let from = 0
    let charset = ''
    let bytes = ''
    const endRun = () => {
      if (bytes !== '') decoded += this.#inCharset(charset, bytes, unknownAs, order)
      bytes = ''
    }
    for (const found of name.matchAll(pattern)) {
      const { 0: word, 1: written = '', 2: encoding = '', 3: encoded = '', index } = found
      const set = !isLax || WIDE.test(normalizedCharset(written)) ? written.toLowerCase() : ''
      const between = name.slice(from, index)
      const isSameRun = !isLax && from > 0 && between.trim() === ''
      if (!isSameRun || set !== charset) endRun()
      if (!isSameRun) decoded += textOf(between)
      charset = set
      bytes += isBase64(encoding) ? fromBase64(encoded) : decodeQ(encoded)
      from = index + word.length
    }
    endRun()
    return decoded + textOf(name.slice(from))
  }

  /** Returns the text of the bytes of words. Each byte is one character of `latin1`. */
  #inCharset(set: string, latin1: string, unknownAs: UnknownAs, order: number): string {
    const key = `${order}${unknownAs}?${set}?${latin1}`
    let text = this.#texts.get(key)
    if (text === undefined) {
      text = this.#decodeIn(normalizedCharset(set.split('*', 1)[0]!), latin1, unknownAs, order)
      this.#texts.set(key, text)
    }
    return text
  }

  #decodeIn(charset: string, latin1: string, unknownAs: UnknownAs, order: number): string {
    this.#units += costs.value + latin1.length
    const bytes = Buffer.from(latin1, 'latin1')
    const texts = charset === '' || isAsciiOrUtf8(charset) ? [] : textsIn(charset, bytes)
    if (isUnreadable(charset)) this.isUnread = true
    if (texts.length > 1) this.#hasOrders = true
    if (texts.length === 0 && !isAscii(bytes)) this.#hasHighBytes = true
    return texts[order] ?? texts[0] ?? bytes.toString(unknownAs)
  }
}

function isBase64(encoding: string): boolean {
  return encoding === 'B' || encoding === 'b'
}

/**
 * Returns the text in the bytes of a header, each one character here: decoded from UTF-8 if it is valid,
 * otherwise unchanged.
 */
function textOf(latin1: string): string {
  const bytes = Buffer.from(latin1, 'latin1')
  return isUtf8(bytes) ? bytes.toString() : latin1
}
