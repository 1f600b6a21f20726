import { decodeWords } from '../../message/encoded-words.ts'
import { decodeEscapes } from '../../message/escapes.ts'
import { LimitExceeded, limits } from '../budget/limits.ts'
import { changesAscii, isAsciiOrUtf8, normalizedCharset, toUtf8 } from '../decoders/charsets.ts'

/** A parameter, where some program finds one. */
export interface Parameter {
  /** In lower case. */
  readonly name: string
  /** The text after the `=`, with all that follows the value. */
  readonly rest: string
  /** The text between the name and the `=` (RFC 2231): `*`, `*0`, `*0*`, perhaps with blanks, or nothing. */
  readonly star: string
}

/** Lenient programs find boundaries and character sets by the word, at any position. */
const CHARSET_WORD = /(charset)\s*(?:(\*[\d*]*)\s*)?=\s*/gi
/** Thunderbird opens parts of the type X-Sun-Attachment, which have dashes above them, as mailtool(1) of Sun did. */
export const BOUNDARY_WORD = /boundary\s*(?:\*[\d*]*\s*)?=|x-sun-attachment/i

/** Where a header may announce a multipart. */
export const MULTIPART_WORDS = /multipart|boundary|x-sun-attachment/i

/** Behind the star, Camel and MIME::Parser accept more than a number. */
const fileName = /^\s*(filename|name)["\s]*(\*[^=;]{0,20})?=\s*/i
/** Where some program finds the name of a file, whatever precedes it. */
const FILE_NAMES = /;[;\s]*|(?<![\w-])(?=(?:file)?name["\s]*(?:\*[^=;]{0,20})?=)/gi

/**
 * Yields the pieces of a field between semicolons, and from where a name of a file begins without one: KMime and Ruby find it
 * behind a blank, uudeview behind anything.
 */
export function* splitAtFileNames(text: string): Generator<string> {
  let from = 0
  for (const { 0: separator, index } of text.matchAll(FILE_NAMES)) {
    yield text.slice(from, index)
    from = index + separator.length
  }
  yield text.slice(from)
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
interface Section {
  /** NaN for a value in one piece. */
  readonly number: number
  readonly text: string
  /** Whether it is written with escapes (RFC 2231 4), and the first one with a character set. */
  readonly isCoded: boolean
}

const isCodedSection = (star: string): boolean => /\*\s*$/.test(star)

/**
 * Returns the sections among parameters of one name, in each order in which some program joins them. `textOf` returns
 * the value that a text begins with.
 */
function sectionsIn(
  parameters: readonly Parameter[],
  textOf: (rest: string) => string,
): readonly (readonly Section[])[] {
  const sections = parameters
    .filter(({ star }) => star !== '')
    .map(({ rest, star }) => ({
      number: Number.parseInt(star.slice(1), 10),
      text: textOf(rest),
      isCoded: isCodedSection(star),
    }))
  const whole = sections.filter(({ number }) => Number.isNaN(number))
  const written = sections.filter(({ number }) => !Number.isNaN(number))
  const sorted = written.toSorted((one, other) => one.number - other.number)
  // Of sections with the same number, some programs read the first.
  const firsts = sorted.filter(({ number }, at) => number !== sorted[at - 1]?.number)
  // Thunderbird and Python also end at a number that is missing.
  const gap = firsts.findIndex(({ number }, at) => number !== firsts[0]!.number + at)
  const untilGap = gap < 0 ? firsts : firsts.slice(0, gap)
  // Email::MIME and Ruby read the last section of a number.
  const lasts = sorted.filter(({ number }, at) => number !== sorted[at + 1]?.number)
  // Ruby sorts by the digits as letters: `*10` is before `*2`.
  const byLetters = sorted.toSorted(
    (one, other) => +(`${one.number}` > `${other.number}`) - +(`${one.number}` < `${other.number}`),
  )
  // PHP, ripmime and VMime join sections as they are written.
  const orders = [sorted, firsts, untilGap, lasts, byLetters, written]
  const different = orders.filter(
    (order, at) => !orders.slice(0, at).some((other) => isSame(order, other)),
  )
  return [...whole.map((section) => [section]), ...different]
}

function isSame(one: readonly Section[], other: readonly Section[]): boolean {
  return one.length === other.length && one.every((section, at) => section === other[at])
}

/** A value of RFC 2231, each character one byte. */
export interface CodedValue {
  readonly charset: string
  readonly bytes: string
}

/**
 * Returns the values that programs read in parameters of one name that are written in sections or with a character set:
 * in each order of the sections, and with each way of reading quotes.
 */
export function codedValuesOf(parameters: readonly Parameter[]): readonly CodedValue[] {
  return [withoutQuotes, strictValue]
    .flatMap((textOf) => sectionsIn(parameters, textOf))
    .filter((sections) => sections.length > 0)
    .flatMap((sections) => {
      // Ruby decodes all of them.
      const isUndecoded = sections.some(({ text, isCoded }) => !isCoded && text.includes('%'))
      const allCoded = sections.map((section) => ({ ...section, isCoded: true }))
      return (isUndecoded ? [sections, allCoded] : [sections]).map(joined)
    })
}

/** Returns the values that programs read in a section alone, which has one order. */
function valuesAlone({ rest, star }: Parameter): readonly CodedValue[] {
  return [withoutQuotes, strictValue].flatMap((textOf) => {
    const text = textOf(rest)
    const isCoded = isCodedSection(star)
    const ways = isCoded || !text.includes('%') ? [isCoded] : [false, true]
    return ways.map((way) => joined([{ number: 0, text, isCoded: way }]))
  })
}

function joined(sections: readonly Section[]): CodedValue {
  let charset = ''
  let bytes = ''
  for (const { text, isCoded } of sections) {
    if (!isCoded) {
      bytes += text
      continue
    }
    const opening = bytes === '' ? /^([^']*)'[^']*'/.exec(text) : null
    charset = opening?.[1] ?? charset
    bytes += decodeEscapes(text.slice(opening?.[0].length ?? 0), '%')
  }
  return { charset, bytes }
}

/** Returns all that is written: writers of a section do not escape parentheses and blanks. */
export function withoutQuotes(raw: string): string {
  return raw.trim().replaceAll('"', '')
}

/** The characters up to one that no token has (RFC 2045 5.1). */
export const TOKEN = /^[^\0-\x20\x7f()<>@,;:\\"/[\]?=]*/

/** Returns the value as RFC 2045 has it: the first quoted string without its quotes and escapes, or a token. */
export function strictValue(raw: string): string {
  const text = raw.trim()
  const quoted = /^"((?:[^"\\]|\\[\s\S])*)/.exec(text)?.[1]
  return quoted === undefined ? TOKEN.exec(text)![0] : withoutBackslashes(quoted)
}

export function withoutBackslashes(text: string): string {
  return text.replace(/\\([\s\S])/g, '$1')
}

export function hasOpenQuote(value: string): boolean {
  return value.split('"').length % 2 === 0
}

const TOO_MANY_PARAMETERS = `more than ${limits.charsetParameters} parameters for character sets in a header`
const TOO_MANY_CHARSETS = `more than ${limits.charsets} character sets in a header`

/** Upper limit for the characters of a parameter that names a character set, with any text around the name. */
const CHARSET_TEXT_MAX = 100
/** The name of a character set, in any quotes. */
const CHARSET_NAME = /^["'<\\\s=]*([\w.:\\-]{1,40})/

/**
 * Returns the character sets that a header names, by their normalized names, other than ASCII and UTF-8; `texts`
 * are the readings of the header. Throws LimitExceeded if it names too many.
 */
export function charsetsIn(texts: readonly string[]): readonly string[] {
  const found: string[] = []
  const add = (name: string) => {
    const charset = normalizedCharset(name)
    if (charset === '' || isAsciiOrUtf8(charset) || found.includes(charset)) return
    if (found.length === limits.charsets) throw new LimitExceeded(TOO_MANY_CHARSETS)
    found.push(charset)
  }
  for (const text of texts) {
    const sections: Parameter[] = []
    let count = 0
    for (const match of text.matchAll(CHARSET_WORD)) {
      if (++count > limits.charsetParameters) throw new LimitExceeded(TOO_MANY_PARAMETERS)
      const parameter = parameterOf(match)
      const value = parameter.rest.slice(0, CHARSET_TEXT_MAX)
      // Characters above may look like the beginning of this word.
      if (value.includes('=?')) add(charsetNameIn(decodeWords(value)))
      if (parameter.star === '') add(charsetNameIn(value))
      else sections.push({ ...parameter, rest: value })
    }
    // A section may be a piece of a name, or all that a program reads of it.
    const alone = sections.flatMap(valuesAlone)
    const values = [...alone, ...codedValuesOf(sections)].map(({ bytes }) => bytes)
    const names = [...sections.map(({ rest }) => rest), ...values].map(charsetNameIn)
    for (const name of new Set(names)) if (isSupported(normalizedCharset(name))) add(name)
  }
  return found
}

function charsetNameIn(text: string): string {
  return CHARSET_NAME.exec(text)?.[1] ?? ''
}

function isSupported(charset: string): boolean {
  return changesAscii(charset) || toUtf8(charset).length > 0
}
