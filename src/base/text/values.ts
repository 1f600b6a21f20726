import { Fault } from '../errors/fault.ts'

/** Decoders put this in place of bytes that are not UTF-8. */
export const REPLACED = '\ufffd'

/** The numbers that a setting or an option accepts. */
export interface NumberRange {
  readonly min: number
  readonly max: number
  readonly unit: string
}

/**
 * Parses a whole number from `min` to `max`. Returns `fallback` if the text is undefined or empty. For
 * anything else it throws a Fault of kind `config` that begins with `name`, which is a setting or an option.
 * The other readers here do the same.
 */
export function wholeNumber(
  text: string | undefined,
  name: string,
  fallback: number,
  { min = 0, max = Number.MAX_SAFE_INTEGER, unit = '' }: Partial<NumberRange> = {},
): number {
  if (text === undefined || text === '') return fallback
  const value = /^[0-9]{1,15}$/.test(text) ? Number(text) : Number.NaN
  if (value >= min && value <= max) return value
  throw wrongValue(name, text, `a whole number${unit && ` of ${unit}`} from ${min} to ${max}`)
}

/** Parses a number of bytes; K, M or G after the number are powers of 1,024. */
export function byteSize(text: string | undefined, name: string, fallback: number): number {
  if (text === undefined || text === '') return fallback
  const [, digits, unit = ''] = /^([0-9]{1,12})([KMG]?)$/i.exec(text) ?? []
  if (digits === undefined)
    throw wrongValue(name, text, 'a number of bytes, or a number with K, M or G')
  const power = ['', 'K', 'M', 'G'].indexOf(unit.toUpperCase())
  return Number(digits) * 1024 ** power
}

/** Parses one of the words. Returns `fallback` if the text is undefined or empty. */
export function choice<const Word extends string>(
  text: string | undefined,
  name: string,
  words: readonly Word[],
  fallback: Word,
): Word {
  if (text === undefined || text === '') return fallback
  const word = words.find((candidate) => candidate === text)
  if (word !== undefined) return word
  throw wrongValue(name, text, oneOf(words))
}

/** Reads an absolute path. */
export function absolutePath(text: string, name: string): string {
  if (text.startsWith('/')) return text
  throw wrongValue(name, text, 'an absolute path')
}

/**
 * Splits a command line into words at blanks. Single and double quotes keep blanks. There is no shell, so no
 * other character is special. Throws a Fault for a quote that is not closed.
 */
export function splitWords(line: string, name: string): string[] {
  const words: string[] = []
  let word: string | undefined
  let quote = ''
  for (const character of line) {
    if (quote) {
      if (character === quote) quote = ''
      else word += character
    } else if (character === '"' || character === "'") {
      quote = character
      word ??= ''
    } else if (character === ' ' || character === '\t' || character === '\n') {
      if (word !== undefined) words.push(word)
      word = undefined
    } else {
      word = (word ?? '') + character
    }
  }
  if (quote) throw new Fault('config', `${name} ${line}: a ${quote} is not closed; close it`)
  if (word !== undefined) words.push(word)
  return words
}

/**
 * Returns the error about a value: `SCANFAIL="maybe": must be defer, accept or quarantine`. An option, or a word in a
 * file, is written as there: `--workers many: must be ...`.
 */
export function wrongValue(name: string, value: string, expected: string): Fault {
  const written = /^[A-Z_]+$/.test(name) ? `${name}="${value}"` : `${name} ${value}`
  return new Fault('config', `${written}: must be ${expected}`)
}

/** Writes words as `defer, accept or quarantine`. */
export const oneOf = (words: readonly string[]): string =>
  words.join(', ').replace(/, ([^,]*)$/, ' or $1')
