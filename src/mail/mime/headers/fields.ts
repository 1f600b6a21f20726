import { decodeWords } from '../../message/encoded-words.ts'
import { endOfLine } from '../../message/field-line.ts'

/** A field of a header as some program sees it, in latin1. */
export interface Field {
  /** The text before the colon, in lower case, or '' for a line that is not a field. */
  readonly name: string
  /** The text after the colon, with folds; the whole line if the line is not a field. */
  readonly value: string
}

/** Splits a header, or some of its lines, into fields. Takes time linear in the length. */
export function fieldsOf(text: string): Field[] {
  const fields: Field[] = []
  for (let at = 0; at < text.length; ) {
    let end = endOfLine(text, at)
    while (end < text.length && isSpaceOrTab(text, end)) end = endOfLine(text, end)
    const line = text.slice(at, end)
    const colon = line.indexOf(':')
    const isNamed = colon > 0 && !line.slice(0, colon).includes('\n')
    fields.push(
      isNamed
        ? { name: line.slice(0, colon).toLowerCase(), value: line.slice(colon + 1) }
        : { name: '', value: line },
    )
    at = end
  }
  return fields
}

function isSpaceOrTab(text: string, at: number): boolean {
  return text[at] === ' ' || text[at] === '\t'
}

/**
 * Returns the values of all fields that some program takes for the field of this name, without line ends and
 * blanks in front. The most lenient program removes comments, and reads only the letters, digits and hyphens of
 * a name.
 */
export function fieldValues(fields: readonly Field[], name: string): string[] {
  return fields
    .filter((field) => normalizedName(field.name) === name)
    .map(({ value }) => value.replace(/[\r\n]/g, '').trimStart())
}

/** Returns the fields as Email::MIME reads them: a line that is not a field goes on with the field above. */
export function withOtherLines(fields: readonly Field[]): readonly Field[] {
  const joined: Field[] = []
  for (const field of fields) {
    const above = field.name === '' ? joined.pop() : undefined
    joined.push(above ? { name: above.name, value: above.value + field.value } : field)
  }
  return joined
}

/** Returns the name as the most lenient program reads it. */
export function normalizedName(name: string): string {
  return withoutComments(name, 'anywhere').replace(/[^a-z0-9-]/g, '')
}

/**
 * Returns a text in each way in which programs see it: as it is written, without its comments, and with its
 * encoded words decoded (each byte a character). Takes time linear in the length.
 */
export function readingsOf(text: string, readings = undecoded(text)): readonly string[] {
  const decoded = readings.filter((reading) => reading.includes('=?')).map(decodeWords)
  return decoded.length === 0 ? readings : [...new Set([...readings, ...decoded])]
}

/**
 * Returns a text in each way in which programs see it that decode no encoded word. Some programs skip control characters, and a CR
 * inside a line (GMime), others keep them.
 */
export function undecoded(text: string): readonly string[] {
  if (!/[(\0\v\f]|\r(?!\n)/.test(text)) return [text]
  const texts = [...new Set([text, text.replace(/[\0\v\f]|\r(?!\n)/g, '')])]
  const outside = texts.map((reading) => withoutComments(reading, 'outside quotes'))
  const anywhere = texts.map((reading) => withoutComments(reading, 'anywhere'))
  return [...new Set([...texts, ...outside, ...anywhere])]
}

/**
 * Removes comments (RFC 822 3.4.3: nested parentheses), each of which ends with its field. Some programs remove
 * them even inside quotes.
 */
export function withoutComments(text: string, where: 'anywhere' | 'outside quotes'): string {
  if (!text.includes('(')) return text
  let kept = ''
  let depth = 0
  let from = 0
  let isInQuotes = false
  for (let at = 0; at < text.length; at++) {
    const character = text[at]
    if (character === '\n' && at + 1 < text.length && !isSpaceOrTab(text, at + 1)) {
      if (depth > 0) from = at
      depth = 0
      isInQuotes = false
    }
    if (where === 'outside quotes') {
      if (character === '\\') at++
      else if (character === '"' && depth === 0) isInQuotes = !isInQuotes
      if (isInQuotes || character === '\\') continue
    }
    if (character === '(' && depth++ === 0) kept += text.slice(from, at)
    else if (character === ')' && depth > 0 && --depth === 0) from = at + 1
  }
  return depth === 0 ? kept + text.slice(from) : kept
}
