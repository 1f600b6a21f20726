import { decodeWords } from '../../message/encoded-words.ts'
import { decodeEscapes } from '../../message/escapes.ts'
import { LimitExceeded, limits } from '../budget/limits.ts'
import { changesAscii, isAsciiOrUtf8, plainCharset, toUtf8 } from '../decoders/charsets.ts'
import { quotedIn, tokenIn } from './parameter-values.ts'

/** A parameter, where some reader finds one. */
export interface Parameter {
  /** In lower case. */
  readonly name: string
  /** The text after the `=`, with all that follows the value. */
  readonly rest: string
  /** The text between the name and the `=` (RFC 2231): `*`, `*0`, `*0*`, perhaps with blanks, or nothing. */
  readonly star: string
}

/** Lenient readers find boundaries and character sets by the word, at any position. */
const CHARSET_WORD = /(charset)\s*(?:(\*[\d*]*)\s*)?=\s*/gi
/** Thunderbird opens parts of the type X-Sun-Attachment, which have dashes above them, as mailtool(1) of Sun did. */
export const BOUNDARY_WORD = /boundary\s*(?:\*[\d*]*\s*)?=|x-sun-attachment/i

/** Where a header may announce a multipart. */
export const MULTIPART_WORDS = /multipart|boundary|x-sun-attachment/i

/** Behind the star, Camel and MIME::Parser accept more than a number. */
const fileName = /^\s*(filename|name)["\s]*(\*[^=;]{0,20})?=\s*/i
/** Where some reader finds the name of a file, whatever precedes it. */
const FILE_NAMES = /;|(?<![\w-])(?=(?:file)?name["\s]*(?:\*[^=;]{0,20})?=)/i

/**
 * Splits a field at semicolons, and where a name of a file begins without one: KMime and Ruby find it behind a blank,
 * uudeview behind anything.
 */
export function splitAtFileNames(text: string): string[] {
  return text.split(FILE_NAMES)
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
  /** NaN for a value in one piece. */
  readonly number: number
  readonly text: string
  /** Whether it is written with escapes (RFC 2231 4), and the first one with a character set. */
  readonly isCoded: boolean
}

/**
 * Returns the sections among parameters of one name, in each order in which some program joins them. `textOf` returns
 * the value that a text begins with.
 */
export function sectionsIn(
  parameters: readonly Parameter[],
  textOf: (rest: string) => string,
): readonly (readonly Section[])[] {
  const sections = parameters
    .filter(({ star }) => star !== '')
    .map(({ rest, star }) => ({
      number: Number.parseInt(star.slice(1), 10),
      text: textOf(rest),
      isCoded: /\*\s*$/.test(star),
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
 * Yields each value that a lenient reader may build from RFC 2231 sections: joined by the standard, or each decoded as
 * if it had a charset, alone and appended to the earlier ones. A value that is longer than `most` characters is not continued, so that the time is linear in the number of sections.
 */
function* readingsOfSections(parameters: readonly Parameter[], most: number): Generator<string> {
  for (const sections of sectionsIn(parameters, tokenOrQuoted)) {
    yield* valuesOf(sections, most)
    const coded = sections.flatMap((section) => [...joined([{ ...section, isCoded: true }])])
    for (const { bytes } of coded) yield bytes
    const plain = coded.map(({ bytes }) => ({ number: Number.NaN, text: bytes, isCoded: false }))
    yield* valuesOf(plain, most)
  }
}

/** Yields the value after each of these sections, up to the first one that is longer than `most` characters. */
function* valuesOf(sections: readonly Section[], most: number): Generator<string> {
  for (const { bytes } of joined(sections)) {
    yield bytes
    if (bytes.length > most) return
  }
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
    const sections: Parameter[] = []
    const pieces: string[] = []
    let count = 0
    for (const found of text.matchAll(CHARSET_WORD)) {
      const parameter = parameterOf(found)
      if (++count > limits.charsetParameters) throw new LimitExceeded(TOO_MANY_CHARSETS)
      const value = parameter.rest.slice(0, CHARSET_TEXT_MAX)
      // Characters above may look like the beginning of this word.
      if (value.includes('=?')) add(CHARSET_NAME.exec(decodeWords(value))?.[1] ?? '')
      const [, name = ''] = CHARSET_NAME.exec(value) ?? []
      if (parameter.star === '') add(name)
      else {
        pieces.push(name)
        sections.push({ ...parameter, rest: value })
      }
    }
    // A section may be a piece of a name.
    const readings = [...pieces, ...readingsOfSections(sections, CHARSET_TEXT_MAX)]
    for (const name of new Set(readings.map((reading) => reading.slice(0, CHARSET_TEXT_MAX))))
      if (isKnown(plainCharset(name))) add(name)
  }
  return found
}

function isKnown(charset: string): boolean {
  return changesAscii(charset) || toUtf8(charset).length > 0
}

function tokenOrQuoted(value: string): string {
  return quotedIn(value) ?? tokenIn(value)
}
