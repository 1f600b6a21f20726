import { decodeEscapes } from '../../message/escapes.ts'
import type { PartNames } from '../budget/work.ts'
import { plainCharset, textsIn } from '../decoders/charsets.ts'
import { type Field, plainName } from './fields.ts'
import { NameWords, WRITTEN_MAX } from './name-words.ts'

/**
 * Upper limit, in characters, for the part of a name that is matched; of a longer name, the end is matched.
 */
const FILE_NAME_MAX = 1024
/** Upper limit for the parameters of a field that are read. */
const PARAMETERS_MAX = 100

/**
 * Reads the names of a content from the fields of a header, including names that only some readers
 * understand. These are `filename` and `name`, plain, in sections or with a character set (RFC 2231, RFC
 * 5987). They may contain encoded words (RFC 2047; not allowed there, but common), and raw UTF-8 or Latin-1.
 * Directories are removed, and characters that Windows or a careless program drops. Yields the completed
 * units of work.
 */
export function* readNames(
  fields: readonly Field[],
  containers: readonly string[] = [],
): Generator<number, PartNames> {
  const valuesOf = (name: string) =>
    fields.filter((field) => plainName(field.name) === name).map(({ value }) => onOneLine(value))
  const typeValues = valuesOf('content-type')
  const written = new WrittenNames()
  for (const value of new Set([...typeValues, ...valuesOf('content-disposition')])) {
    for (const parameters of splits(value)) {
      written.add(parameters)
      yield SPLIT_UNITS * value.length
    }
  }
  const names = new Set<string>()
  const words = new NameWords()
  let { over } = written
  const addAll = (texts: Iterable<string>) => {
    for (const text of texts) for (const name of spellings(text)) names.add(name)
  }
  for (const raw of written.plain) {
    yield READING_UNITS * raw.length
    for (const reading of readings(raw)) {
      addAll(words.readingsOf(reading))
      yield words.takeUnits()
    }
  }
  for (const { charset, bytes } of written.extended.values()) {
    addAll(textsIn(plainCharset(charset), Buffer.from(bytes.slice(-WRITTEN_MAX), 'latin1')))
    addAll(words.readingsOf(bytes))
    yield READING_UNITS * bytes.length + words.takeUnits()
  }
  if (words.hasLongNames) over ??= `a file name written in more than ${WRITTEN_MAX} characters`
  for (const { length } of names) {
    if (length >= FILE_NAME_MAX) over ??= `a file name of more than ${FILE_NAME_MAX} characters`
  }
  const types: string[] = []
  for (const value of typeValues) {
    types.push(...typeIn(value))
    yield SPLIT_UNITS * value.length
  }
  return {
    names: [...names],
    types: types.length > 0 ? [...new Set(types)] : ['text/plain'], // RFC 2045 5.2
    containers,
    over,
  }
}

function onOneLine(value: string): string {
  return value.replace(/\r?\n/g, '')
}

function typeIn(value: string): string[] {
  const head = withoutComments(splitParameters(withoutComments(value)).head)
  const type = head.replace(/\s+/g, '').toLowerCase()
  return /^[^/]+\/[^/]+$/.test(type) ? [type] : []
}

/** The names of one header as they are written, each once, however the fields are split. */
class WrittenNames {
  /** The values of parameters, unchanged. */
  readonly plain = new Set<string>()
  /** The values of RFC 2231, each character one byte. */
  readonly extended = new Map<string, { readonly charset: string; readonly bytes: string }>()
  over: string | undefined

  add(parameters: readonly Parameter[]): void {
    if (parameters.length > PARAMETERS_MAX) {
      this.over ??= `a field with more than ${PARAMETERS_MAX} parameters`
    }
    const read = parameters.slice(0, PARAMETERS_MAX)
    for (const base of ['filename', 'name']) {
      for (const { name, raw } of read) if (name === base) this.plain.add(raw)
      for (const value of extendedValues(read, base)) {
        this.extended.set(`${value.charset}'${value.bytes}`, value)
      }
    }
  }
}

/**
 * Returns the values of RFC 2231: `name*=charset'language'text`, or sections `name*0`, `name*1*`, … in
 * any order.
 */
function extendedValues(
  parameters: readonly Parameter[],
  base: string,
): readonly ReturnType<typeof join>[] {
  const values: ReturnType<typeof join>[] = []
  const sections: { number: number; raw: string; encoded: boolean }[] = []
  for (const { name, raw } of parameters) {
    const [, number, star] = name.startsWith(`${base}*`)
      ? (/^\*([0-9]{1,4})?(\*)?$/.exec(name.slice(base.length)) ?? [])
      : []
    if (number !== undefined) {
      sections.push({ number: Number(number), raw, encoded: star !== undefined })
    } else if (name === `${base}*`) {
      values.push(join([{ raw, encoded: true }]))
    }
  }
  if (sections.length > 0) values.push(join(sections.sort((a, b) => a.number - b.number)))
  return values
}

function join(sections: readonly { raw: string; encoded: boolean }[]): {
  readonly charset: string
  readonly bytes: string
} {
  let charset = ''
  let bytes = ''
  for (const [at, { raw, encoded }] of sections.entries()) {
    // A value without quotes extends to its end: writers do not escape parentheses and blanks.
    let value = raw.trim().startsWith('"') ? strictValue(raw) : raw.trim()
    if (encoded) {
      const opening = at === 0 ? /^([^']*)'[^']*'/.exec(value) : null
      charset = opening?.[1] ?? charset
      value = decodeEscapes(value.slice(opening?.[0].length ?? 0), '%')
    }
    bytes += value
  }
  return { charset, bytes }
}

/** Returns a name unchanged, and as read by programs that end it at a NUL; without empty names. */
export function spellings(text: string): string[] {
  const untilNul = text.split('\0', 1)[0]!
  return [text, untilNul].map(bareName).filter((name) => name !== '')
}

/**
 * Returns the last part of a path, without control and invisible characters, and without blanks, quotes
 * and dots at its ends.
 */
function bareName(text: string): string {
  const name = text
    .slice(-WRITTEN_MAX)
    .normalize()
    .replace(/[\p{Cc}\p{Cf}]/gu, '')
    .slice(-FILE_NAME_MAX)
    .replace(/^.*[/\\]/s, '')
    .replace(/^[\s"']+/, '')
  let end = name.length
  while (end > 0 && /[\s."']/.test(name[end - 1]!)) end--
  return name.slice(0, end)
}

/** One `name=value` of a Content-Type or Content-Disposition field. */
interface Parameter {
  /** In lower case. */
  readonly name: string
  /** The value, unchanged. */
  readonly raw: string
}

/**
 * Splits the value of a field at its semicolons (RFC 2045 5.1) into the text before the first one and the
 * parameters. A semicolon in quotes does not split, unless `quotes` is false: some readers of mail ignore
 * quotes.
 */
function splitParameters(
  value: string,
  quotes = true,
): { readonly head: string; readonly parameters: readonly Parameter[] } {
  const parameters: Parameter[] = []
  let head: string | undefined
  let from = 0
  let equals = value.indexOf('=')
  const takePiece = (end: number) => {
    if (head === undefined) head = value.slice(0, end).trim()
    else {
      if (equals >= 0 && equals < from) equals = value.indexOf('=', from)
      if (equals >= 0 && equals < end) {
        const name = value.slice(from, equals).trim().toLowerCase()
        parameters.push({ name, raw: value.slice(equals + 1, end) })
      }
    }
    from = end + 1
  }
  let inQuotes = false
  for (let at = 0; at < value.length; at++) {
    const character = value.charCodeAt(at)
    if (quotes && inQuotes && character === BACKSLASH) at++
    else if (quotes && character === QUOTE) inQuotes = !inQuotes
    else if (!inQuotes && character === SEMICOLON) takePiece(at)
  }
  takePiece(value.length)
  return { head: head ?? '', parameters }
}

const BACKSLASH = 0x5c
const QUOTE = 0x22
const SEMICOLON = 0x3b

/** Units of work for each character of a field that is split, and of a value that is read. */
const SPLIT_UNITS = 4
const READING_UNITS = 8

/**
 * Yields the parameters of a field in each way in which readers split it: unchanged, without comments, and
 * with quotes ignored.
 */
function* splits(value: string): Generator<readonly Parameter[]> {
  yield splitParameters(value).parameters
  if (value.includes('(')) yield splitParameters(withoutComments(value)).parameters
  if (value.includes('"')) yield splitParameters(value, false).parameters
}

/** Takes out comments (RFC 822 3.4.3: nested parentheses outside quotes). */
function withoutComments(value: string): string {
  if (!value.includes('(')) return value
  let kept = ''
  let depth = 0
  let inQuotes = false
  for (let at = 0; at < value.length; at++) {
    const character = value[at]
    if (character === '\\') {
      if (depth === 0) kept += value.slice(at, at + 2)
      at++
      continue
    }
    if (depth === 0 && character === '"') inQuotes = !inQuotes
    if (!inQuotes && character === '(') depth++
    if (depth === 0) kept += character
    if (!inQuotes && character === ')' && depth > 0) depth--
  }
  return kept
}

/**
 * Returns the value as RFC 2045 has it: the first quoted string without its quotes and escapes, or
 * a token.
 */
function strictValue(raw: string): string {
  const text = raw.trim()
  const quoted = /^"([^"\\]*(?:\\.[^"\\]*)*)"/s.exec(text)
  return quoted ? withoutEscapes(quoted[1]!) : /^[^\s"();]*/.exec(text)![0]
}

/**
 * Returns every reading of a value by a mail program: writers forget quotes, put blanks or more text after
 * them, and escape nothing in `C:\path\file`.
 */
function readings(raw: string): string[] {
  const text = raw.trim()
  const inQuotes = /"([^"]*)"?/.exec(text)?.[1] ?? ''
  return [
    text.replaceAll('"', ''),
    strictValue(text),
    withoutEscapes(text).replaceAll('"', ''),
    inQuotes,
    /^[^\s]*/.exec(text)![0],
  ].filter((reading, at, all) => reading !== '' && all.indexOf(reading) === at)
}

function withoutEscapes(text: string): string {
  return text.replace(/\\(.)/gs, '$1')
}
