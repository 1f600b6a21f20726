import { isUtf8 } from 'node:buffer'
import iconv from 'iconv-lite'
import libmime from 'libmime'
import { plainCharset } from '../../../mail/mime/decoders/charsets.ts'
import { type Field, plainName } from '../../../mail/mime/headers/fields.ts'

/** Most characters of a name that are matched; of a longer name, its end is. */
const FILE_NAME_MAX = 1024
/** Most parameters of a field that are read. */
const PARAMETERS_MAX = 100

/** What the header of a message or part says about its content. */
interface PartNames {
  /** All names that some reader of mail would give to the content. */
  readonly names: readonly string[]
  /** MIME types in lower case; without one that can be read, text/plain (RFC 2045 5.2). */
  readonly types: readonly string[]
  /** The limit that left something unread, if there was one. */
  readonly over: string | undefined
}

/** Reads the fields of a header that name a content, also under names that only some readers understand. */
export function readNames(fields: readonly Field[]): PartNames {
  const valuesOf = (name: string) =>
    fields.filter((field) => plainName(field.name) === name).map(({ value }) => onOneLine(value))
  const typeValues = valuesOf('content-type')
  const types = typeValues.flatMap(typeIn)
  const names = new Set<string>()
  let over: string | undefined
  const seen = new Set<string>()
  for (const value of [...typeValues, ...valuesOf('content-disposition')]) {
    for (const { parameters } of [
      splitParameters(value),
      splitParameters(withoutComments(value)),
      splitParameters(value, false),
    ]) {
      if (parameters.length > PARAMETERS_MAX) {
        over ??= `a field with more than ${PARAMETERS_MAX} parameters`
      }
      // Most fields read the same in all three ways.
      const key = JSON.stringify(parameters)
      if (seen.has(key)) continue
      seen.add(key)
      for (const name of fileNames(parameters.slice(0, PARAMETERS_MAX))) {
        if (name.length >= FILE_NAME_MAX)
          over ??= `a file name of more than ${FILE_NAME_MAX} characters`
        names.add(name)
      }
    }
  }
  return { names: [...names], types: types.length > 0 ? types : ['text/plain'], over }
}

function onOneLine(value: string): string {
  return value.replace(/\r?\n/g, '')
}

function typeIn(value: string): string[] {
  const head = withoutComments(splitParameters(withoutComments(value)).head)
  const type = head.replace(/\s+/g, '').toLowerCase()
  return /^[^/]+\/[^/]+$/.test(type) ? [type] : []
}

/**
 * Returns all names that a reader of mail may give to a part with these parameters: `filename` and
 * `name`, plain, in sections or with a character set (RFC 2231, RFC 5987), in encoded words (RFC 2047;
 * not allowed there, and common), in raw UTF-8 or Latin-1. Directories are left out, and what Windows
 * or a careless program drops.
 */
function fileNames(parameters: readonly Parameter[]): string[] {
  const found = new Set<string>()
  for (const base of ['filename', 'name']) {
    const texts = [...plainValues(parameters, base), ...extendedValues(parameters, base)]
    for (const text of texts) {
      for (const name of spellings(text)) found.add(name)
    }
  }
  return [...found]
}

function plainValues(parameters: readonly Parameter[], base: string): string[] {
  return parameters
    .filter(({ name }) => name === base)
    .flatMap(({ raw }) => readings(raw))
    .flatMap(decodeText)
}

/**
 * Returns the values of RFC 2231: `name*=charset'language'text`, or sections `name*0`, `name*1*`, … in
 * any order.
 */
function extendedValues(parameters: readonly Parameter[], base: string): string[] {
  const values: string[] = []
  const sections: { number: number; raw: string; encoded: boolean }[] = []
  for (const { name, raw } of parameters) {
    const [, number, star] = name.startsWith(`${base}*`)
      ? (/^\*([0-9]{1,4})?(\*)?$/.exec(name.slice(base.length)) ?? [])
      : []
    if (number !== undefined) {
      sections.push({ number: Number(number), raw, encoded: star !== undefined })
    } else if (name === `${base}*`) {
      values.push(...join([{ raw, encoded: true }]))
    }
  }
  if (sections.length > 0) values.push(...join(sections.sort((a, b) => a.number - b.number)))
  return values
}

function join(sections: readonly { raw: string; encoded: boolean }[]): string[] {
  let charset = ''
  let bytes = ''
  for (const [at, { raw, encoded }] of sections.entries()) {
    // A value without quotes goes to its end: writers leave parentheses and blanks as they are.
    let value = raw.trim().startsWith('"') ? strictValue(raw) : raw.trim()
    if (encoded) {
      const opening = at === 0 ? /^([^']*)'[^']*'/.exec(value) : null
      charset = opening?.[1] ?? charset
      value = value
        .slice(opening?.[0].length ?? 0)
        .replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) =>
          String.fromCharCode(Number.parseInt(hex, 16)),
        )
    }
    bytes += value
  }
  if (charset === '') return decodeText(bytes)
  try {
    return [textIn(charset, Buffer.from(bytes, 'latin1')), ...decodeText(bytes)]
  } catch {
    return decodeText(bytes) // a character set that nobody knows
  }
}

/**
 * Returns the texts that readers of mail may see in the bytes of a header, of which each is one
 * character here: as they stand, and with encoded words decoded, strictly and laxly.
 */
function decodeText(latin1: string): string[] {
  const bytes = Buffer.from(latin1, 'latin1')
  const text = isUtf8(bytes) ? bytes.toString() : latin1
  if (!text.includes('=?')) return [text]
  const lax = [text, ...decodeLaxly(text)]
  try {
    return [libmime.decodeWords(text), ...lax]
  } catch {
    return lax
  }
}

/**
 * Returns a name as it stands, and as readers see it who end it at a NUL; without names that are empty.
 */
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
    .normalize()
    .replace(/[\p{Cc}\p{Cf}]/gu, '')
    .slice(-FILE_NAME_MAX)
    .replace(/^.*[/\\]/s, '')
    .replace(/^[\s"']+/, '')
  let end = name.length
  while (end > 0 && /[\s."']/.test(name[end - 1]!)) end--
  return name.slice(0, end)
}

/** Characters that are decoded, from the end of the text: the end of a name is what counts. */
const READ_MAX = 4096

/** An encoded word with any character set, an encoding, and a text that may hold `?`. */
const WORD = /=\?([^?]*)\?([BbQq])\?(.{0,200}?)\?=(?!\?)/gs
/** The same word as readers see it who end the text at its first `?`. */
const SHORT_WORD = /=\?([^?]*)\?([BbQq])\?([^?]*)(?:\?=)?/g

/**
 * Reads bytes in a character set, by its name. libmime reads no UTF-7, for RFC 2152 is no character set of
 * web pages any more; some mail programs do. Throws for a set that nobody knows.
 */
function textIn(charset: string, bytes: Buffer): string {
  if (/^(?:unicode11)?utf7$/.test(plainCharset(charset))) return iconv.decode(bytes, 'utf-7')
  return libmime.decodeWord(charset, 'B', bytes.toString('base64'))
}

/**
 * Decodes encoded words as lax readers do: the character set may be missing or unknown, may hold blanks
 * or a language (RFC 2231 5), and blanks between words may go or stay. Returns several readings, of a
 * long text only those of its end. None of them is to be trusted.
 */
function decodeLaxly(text: string): string[] {
  const end = text.slice(-READ_MAX)
  const joined = end.replace(/\?=\s+(?==\?)/g, '?=')
  const found = new Set<string>()
  for (const words of [WORD, SHORT_WORD]) {
    for (const bytesAs of ['utf8', 'latin1'] as const) {
      for (const whole of [joined, end]) {
        found.add(
          whole.replace(words, (_, charset, how, said) => decode(charset, how, said, bytesAs)),
        )
      }
    }
  }
  return [...found]
}

function decode(charset: string, how: string, text: string, bytesAs: 'utf8' | 'latin1'): string {
  const bytes =
    how.toUpperCase() === 'B' ? Buffer.from(text, 'base64') : Buffer.from(decodeQ(text), 'latin1')
  const [name = ''] = charset.split('*', 1)
  try {
    // Only these character sets change the letters of a name; for others, bytes are characters.
    if (/^(?:utf-?(?:16|32|7)|ucs|unicode)/i.test(name.trim())) return textIn(name.trim(), bytes)
  } catch {
    // The character set is unknown: its bytes are read as if none were named.
  }
  return bytes.toString(bytesAs)
}

/** The bytes (latin1) of a word in the encoding Q (RFC 2047 4.2). */
function decodeQ(text: string): string {
  return text
    .replaceAll('_', ' ')
    .replace(/=([0-9A-Fa-f]{2})/g, (_, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    )
}

/** One `name=value` of a Content-Type or Content-Disposition field. */
interface Parameter {
  /** In lower case. */
  readonly name: string
  /** The value as it stands. */
  readonly raw: string
}

/**
 * Splits the value of a field at its semicolons (RFC 2045 5.1): what stands before the first one, and the
 * parameters. A semicolon inside quotes does not count, unless `quotes` is false: some readers of mail
 * ignore quotes.
 */
function splitParameters(
  value: string,
  quotes = true,
): { readonly head: string; readonly parameters: readonly Parameter[] } {
  const pieces: string[] = []
  let from = 0
  let inQuotes = false
  for (let at = 0; at < value.length; at++) {
    const character = value[at]
    if (quotes && inQuotes && character === '\\') at++
    else if (quotes && character === '"') inQuotes = !inQuotes
    else if (!inQuotes && character === ';') {
      pieces.push(value.slice(from, at))
      from = at + 1
    }
  }
  pieces.push(value.slice(from))

  const [head = '', ...rest] = pieces
  const parameters = rest.flatMap((piece) => {
    const equals = piece.indexOf('=')
    if (equals < 0) return []
    return [{ name: piece.slice(0, equals).trim().toLowerCase(), raw: piece.slice(equals + 1) }]
  })
  return { head: head.trim(), parameters }
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
 * Returns every reading of a value by a reader of mail: writers forget quotes, put blanks or more text
 * after them, and escape nothing in `C:\path\file`.
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
