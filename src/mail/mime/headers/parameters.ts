import { decodeWords } from '../../message/encoded-words.ts'
import { decodeEscapes } from '../../message/escapes.ts'
import { LimitExceeded, limits } from '../budget/limits.ts'
import { isAsciiOrUtf8, plainCharset, toUtf8 } from '../decoders/charsets.ts'

/**
 * Returns all forms in which some reader understands the `boundary` parameters of a header, in lower case.
 * They differ in quotes, escapes, folds, comments, encoded words and the sections of RFC 2231. The time is
 * linear in the header's length. Throws LimitExceeded if a boundary is too long, or if there are too many.
 */
export function readBoundaries(header: string): string[] {
  const found = new Set<string>()
  const text = header.replace(/[\0\v\f]/g, '')
  addBoundaries(text, found)
  if (text.includes('=?')) addBoundaries(decodeWords(text), found)
  return [...found]
}

function addBoundaries(text: string, found: Set<string>): void {
  const add = (reading: string) => {
    const boundary = reading.trim().toLowerCase()
    if (boundary.length > limits.boundary) {
      throw new LimitExceeded(`a boundary of more than ${limits.boundary} bytes`)
    }
    if (boundary !== '') found.add(boundary)
  }
  let joined = ''
  let count = 0
  for (const { value, isSection } of parametersIn(text, 'boundary')) {
    if (++count > limits.boundaries)
      throw new LimitExceeded(`more than ${limits.boundaries} boundaries`)
    for (const reading of readingsOf(value)) add(reading)
    if (!isSection) continue
    const plain = ofSection(value)
    add(plain)
    joined += plain
    add(joined)
  }
}

/** Upper limit for the character sets of one header that are tried: the first ones, and the last. */
const CHARSETS_MAX = 4
/** Upper limit for the characters of a parameter that names one, with any text around the name. */
const CHARSET_VALUE_MAX = 100
/** The name of a character set, in any quotes. */
const CHARSET_NAME = /^["'<\\\s=]*([\w.:\\-]{1,40})/

/**
 * Returns the character sets that a header names, by their plain names, other than ASCII and UTF-8. Throws
 * LimitExceeded if it names too many.
 */
export function charsetsIn(header: string): readonly string[] {
  const found: string[] = []
  const add = (name: string) => {
    const charset = plainCharset(name)
    if (charset === '' || isAsciiOrUtf8(charset) || found.includes(charset)) return
    if (found.length === CHARSETS_MAX) found.pop()
    found.push(charset)
  }
  let joined = ''
  let count = 0
  for (const { value, isSection } of parametersIn(header, 'charset')) {
    if (++count > limits.charsets)
      throw new LimitExceeded(`more than ${limits.charsets} character sets in a header`)
    const text = value.slice(0, CHARSET_VALUE_MAX)
    if (text.includes('=?')) add(CHARSET_NAME.exec(decodeWords(text))?.[1] ?? '')
    if (!isSection) {
      add(CHARSET_NAME.exec(text)?.[1] ?? '')
      continue
    }
    const piece = ofSection(text)
    joined = (joined + piece).slice(0, CHARSET_VALUE_MAX)
    // A section may be a piece of a name.
    for (const name of [piece, joined]) if (toUtf8(plainCharset(name)).length > 0) add(name)
  }
  return found
}

/** A value of more characters is too long, escapes included. */
const VALUE_MAX = 2 * limits.boundary

/**
 * Finds all parameters of this name in a text like lenient readers: by its word, at any position. `value` is
 * the text that begins after the `=`. `isSection` means that the parameter is written in sections, as
 * `boundary*=` or `boundary*0*=` (RFC 2231). The time is linear in the length of the text.
 */
function* parametersIn(
  text: string,
  name: 'boundary' | 'charset',
): Generator<{ readonly value: string; readonly isSection: boolean }> {
  const words = name === 'boundary' ? /boundary/gi : /charset/gi
  for (let word = words.exec(text); word; word = words.exec(text)) {
    let at = skipBlanks(text, words.lastIndex)
    const isSection = text[at] === '*'
    if (isSection) at = skipBlanks(text, skip(text, at, '*0123456789'))
    if (text[at] !== '=') continue
    at = skipBlanks(text, at + 1)
    yield { value: text.slice(at, at + VALUE_MAX), isSection }
  }
}

/** Returns the value of a section, without the language before it and without escapes (RFC 2231 4). */
function ofSection(value: string): string {
  return decodeEscapes((quotedIn(value) ?? tokenIn(value)).replace(/^[^']*'[^']*'/, ''), '%')
}

/** Returns the readings of a value that is not split into sections. */
function readingsOf(value: string): string[] {
  const quoted = quotedIn(value)
  const token = tokenIn(value)
  const line = /[^;\r\n]*/.exec(value)![0]
  const raw = quoted ?? token
  return [
    raw.replace(/\\([\s\S])/g, '$1').replace(/\r?\n[ \t]?/g, ''),
    raw,
    raw.replace(/\s+/g, ' '),
    /^"?([^"\r\n]*)/.exec(quoted === undefined ? token : value)![1]!,
    token.replace(/["'<>]/g, ''),
    raw.replace(/\([\s\S]*/, ''),
    line.replace(/["']/g, ''),
  ]
}

/** Returns the text after an opening quote, up to a closing one, or undefined if there is no quote. */
function quotedIn(value: string): string | undefined {
  return /^"((?:[^"\\]|\\[\s\S])*)/.exec(value)?.[1]
}

function tokenIn(value: string): string {
  return /[^\s;]*/.exec(value)![0]
}

function skip(text: string, from: number, characters: string): number {
  let at = from
  while (at < text.length && characters.includes(text[at]!)) at++
  return at
}

function skipBlanks(text: string, from: number): number {
  return skip(text, from, ' \t\r\n')
}
