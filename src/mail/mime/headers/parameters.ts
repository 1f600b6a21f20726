import { decodeWords } from '../../message/encoded-words.ts'
import { decodeEscapes } from '../../message/escapes.ts'
import { LimitExceeded, limits } from '../budget/limits.ts'
import { changesAscii, isAsciiOrUtf8, plainCharset, toUtf8 } from '../decoders/charsets.ts'
import { spellingsOf } from './boundary-spellings.ts'
import { quotedIn, tokenIn } from './parameter-values.ts'

/** A parameter, where some reader finds one. */
export interface Parameter {
  /** In lower case. */
  readonly name: string
  /** The text after the `=`, with all that follows the value. */
  readonly rest: string
  /** The text between the name and the `=` (RFC 2231): `*`, `*0`, `*0*` or nothing. */
  readonly star: string
}

/** Lenient readers find boundaries and character sets by the word, at any position. */
const words = {
  boundary: /(boundary)\s*(?:(\*[\d*]*)\s*)?=\s*/gi,
  charset: /(charset)\s*(?:(\*[\d*]*)\s*)?=\s*/gi,
} as const

/** Where a header may announce a multipart. */
export const MULTIPART_WORDS = /multipart|boundary|x-sun-attachment/i

/** The type whose parts have ten dashes above them, and no boundary: Thunderbird opens it, as mailtool(1) of Sun did. */
const SUN_TYPE = /x-sun-attachment/i
const SUN_BOUNDARY = '-'.repeat(8)

const fileName = /^\s*(filename|name)\s*(?:(\*[\d*]*)\s*)?=\s*/i

/** Finds all parameters of a name in a text. The time is linear in the length of the text. */
function* parametersIn(text: string, name: keyof typeof words): Generator<Parameter> {
  for (const found of text.matchAll(words[name])) yield parameterOf(found)
}

/** Returns the parameter that gives a name to a file, if a text begins with one. */
export function fileNameIn(text: string): Parameter | undefined {
  const found = fileName.exec(text)
  return found ? parameterOf(found) : undefined
}

function parameterOf({
  0: whole,
  1: name,
  2: star = '',
  index,
  input,
}: RegExpExecArray): Parameter {
  return { name: name!.toLowerCase(), rest: input.slice(index + whole.length), star }
}

/** A piece of a value that is written in sections (RFC 2231 3), or a value with a character set. */
export interface Section {
  readonly text: string
  /** Whether it is written with escapes (RFC 2231 4), and the first one with a character set. */
  readonly isCoded: boolean
}

/** Joins sections. Yields the value after each of them: the character set, and bytes as characters. */
export function* joined(
  sections: readonly Section[],
): Generator<{ readonly charset: string; readonly bytes: string }> {
  let charset = ''
  let bytes = ''
  for (const { text, isCoded } of sections) {
    if (!isCoded) bytes += text
    else {
      const opening = bytes === '' ? /^([^']*)'[^']*'/.exec(text) : null
      charset = opening?.[1] ?? charset
      bytes += decodeEscapes(text.slice(opening?.[0].length ?? 0), '%')
    }
    yield { charset, bytes }
  }
}

/**
 * Yields what lenient readers make of sections: joined as the standard has it, or as if each of them were
 * written with escapes and a character set, by itself and joined with those before it.
 */
function* readingsOfSections(sections: readonly Section[]): Generator<string> {
  for (const { bytes } of joined(sections)) yield bytes
  let all = ''
  for (const { text } of sections) {
    for (const { bytes } of joined([{ text, isCoded: true }])) {
      yield bytes
      all += bytes
      yield all
    }
  }
}

/** Upper limit for the text of a boundary, with quotes and escapes. */
const BOUNDARY_TEXT_MAX = 2 * limits.boundary

/**
 * Returns all spellings in which some reader understands the `boundary` parameters of a header, in lower case.
 * They differ in quotes, escapes, folds and the sections of RFC 2231; `texts` are the readings of the header
 * (readingsOf). The time is linear in its length. Throws LimitExceeded if a boundary is too long, or if there
 * are too many.
 */
export function boundariesIn(texts: readonly string[]): string[] {
  const found = new Set<string>()
  const add = (reading: string) => {
    const boundary = reading.trim().toLowerCase()
    if (boundary.length > limits.boundary) {
      throw new LimitExceeded(`a boundary of more than ${limits.boundary} bytes`)
    }
    if (boundary !== '') found.add(boundary)
  }
  for (const text of texts) {
    const sections: Section[] = []
    let count = 0
    for (const { rest, star } of parametersIn(text, 'boundary')) {
      if (++count > limits.boundaries)
        throw new LimitExceeded(`more than ${limits.boundaries} boundaries`)
      const value = rest.slice(0, BOUNDARY_TEXT_MAX)
      for (const reading of spellingsOf(value)) add(reading)
      if (star !== '') sections.push({ text: tokenOrQuoted(value), isCoded: star.endsWith('*') })
    }
    for (const reading of readingsOfSections(sections)) add(reading)
    if (SUN_TYPE.test(text)) add(SUN_BOUNDARY)
  }
  return [...found]
}

const TOO_MANY_CHARSETS = `more than ${limits.charsets} character sets in a header`

/** Upper limit for the characters of a parameter that names a character set, with any text around the name. */
const CHARSET_TEXT_MAX = 100
/** The name of a character set, in any quotes. */
const CHARSET_NAME = /^["'<\\\s=]*([\w.:\\-]{1,40})/

/**
 * Returns the character sets that a header names, by their plain names, other than ASCII and UTF-8; `texts`
 * are the readings of the header. Throws LimitExceeded if it names too many.
 */
export function charsetsIn(texts: readonly string[]): readonly string[] {
  const found: string[] = []
  const add = (name: string) => {
    const charset = plainCharset(name)
    if (charset === '' || isAsciiOrUtf8(charset) || found.includes(charset)) return
    if (found.length === limits.charsets) throw new LimitExceeded(TOO_MANY_CHARSETS)
    found.push(charset)
  }
  for (const text of texts) {
    const sections: Section[] = []
    const pieces: string[] = []
    let count = 0
    for (const { rest, star } of parametersIn(text, 'charset')) {
      if (++count > limits.charsetParameters) throw new LimitExceeded(TOO_MANY_CHARSETS)
      const value = rest.slice(0, CHARSET_TEXT_MAX)
      // Characters above may look like the beginning of this word.
      if (value.includes('=?')) add(CHARSET_NAME.exec(decodeWords(value))?.[1] ?? '')
      const [, name = ''] = CHARSET_NAME.exec(value) ?? []
      if (star === '') add(name)
      else {
        pieces.push(name)
        sections.push({ text: tokenOrQuoted(value), isCoded: star.endsWith('*') })
      }
    }
    // A section may be a piece of a name.
    for (const reading of [...pieces, ...readingsOfSections(sections)]) {
      const name = reading.slice(0, CHARSET_TEXT_MAX)
      if (isKnown(plainCharset(name))) add(name)
    }
  }
  return found
}

function isKnown(charset: string): boolean {
  return changesAscii(charset) || toUtf8(charset).length > 0
}

function tokenOrQuoted(value: string): string {
  return quotedIn(value) ?? tokenIn(value)
}
