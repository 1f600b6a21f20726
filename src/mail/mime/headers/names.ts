import { NAME_FIELDS } from '../../message/content-fields.ts'
import { characterCosts } from '../budget/costs.ts'
import type { Steps, Work } from '../budget/work.ts'
import { isUnreadable, normalizedCharset, textsIn } from '../decoders/charsets.ts'
import type { PartNames } from '../reports/part-names.ts'
import { type Field, fieldValues, readingsOf, withOtherLines, withoutComments } from './fields.ts'
import { NameWords, WRITTEN_MAX } from './name-words.ts'
import {
  type CodedValue,
  codedValuesOf,
  fileNameIn,
  hasOpenQuote,
  type Parameter,
  splitAtFileNames,
  strictValue,
  TOKEN,
  withoutBackslashes,
  withoutQuotes,
} from './parameters.ts'

/**
 * Upper limit, in characters, for the part of a name that is matched; of a longer name, the end is matched.
 */
const FILE_NAME_MAX = 1024
/** Upper limit for the names that are read in one reading of a field. */
const FIELD_NAMES_MAX = 100

/**
 * Reads the names of a content from the fields of a header, including names that only some programs
 * understand. These are `filename` and `name`, in one piece, in sections or with a character set (RFC 2231, RFC
 * 5987). They may contain encoded words (RFC 2047; not allowed there, but common), and raw UTF-8 or Latin-1.
 * Directories are removed, and characters that Windows or a careless program drops.
 */
export function* readNames(
  fields: readonly Field[],
  work: Work,
  containers: readonly string[] = [],
): Steps<PartNames> {
  const typeValues = fieldValues(fields, 'content-type')
  const written = new WrittenNames()
  const parameterFields = [fields, withOtherLines(fields)].flatMap((read) =>
    ['content-type', 'content-disposition'].flatMap((name) => fieldValues(read, name)),
  )
  const texts = new Set<string>()
  for (const value of new Set(parameterFields)) {
    yield* work.countUnits(characterCosts.field * value.length)
    for (const text of textsOf(value)) texts.add(text)
  }
  for (const text of texts) yield* written.add(text, work)
  const found = new FoundNames(work)
  yield* found.addValues(written.values)
  yield* found.addCoded(written.coded.values())
  const { names, words, charsets } = found
  let { limit } = written
  const types = [...new Set(typeValues.flatMap(typeIn))]
  const isDescribed = names.size === 0 && isAttachedFile(types, fields)
  const nameFields = isDescribed ? [...NAME_FIELDS, DESCRIPTION] : NAME_FIELDS
  const values = nameFields.flatMap((name) =>
    fieldValues(fields, name).filter((value) => name !== 'content-location' || !URL.test(value)),
  )
  yield* found.addValues(new Set(values))
  if (words.isUnread || charsets.some(isUnreadable))
    limit ??= 'a file name in a character set that is not read'
  if (words.hasLongNames) limit ??= `a file name written in more than ${WRITTEN_MAX} characters`
  for (const { length } of names) {
    if (length >= FILE_NAME_MAX) limit ??= `a file name of more than ${FILE_NAME_MAX} characters`
  }
  return { names: [...names], types: types.length > 0 ? types : DEFAULT_TYPES, containers, limit }
}

/** Returns the value of a field as programs see it that find names in it. */
function textsOf(value: string): string[] {
  const isUnclear = /=\?|\0/.test(value) || hasOpenQuote(value)
  return [value, withoutComments(value, 'outside quotes'), ...(isUnclear ? readingsOf(value) : [])]
}

/**
 * The field in which Exchange reads the name of an attached file that has no `filename` and no `name` (MS-OXCMAIL
 * 2.2.3.4.1.1). That of a message or a text is prose, and may end in the name of a host.
 */
const DESCRIPTION = 'content-description'

function isAttachedFile(types: readonly string[], fields: readonly Field[]): boolean {
  const isAttached = fieldValues(fields, 'content-disposition').some((value) =>
    /^\s*attachment\b/i.test(value),
  )
  const otherTypes = isAttached ? /^(?:message|multipart)\// : /^(?:message|multipart|text)\//
  return types.some((type) => !otherTypes.test(type)) || (isAttached && types.length === 0)
}

/** A URL such as `https://example.com`, whose last part does not name a file. */
const URL = /^[a-z][a-z\d+.-]*:/i

/** RFC 2045 5.2. */
const DEFAULT_TYPES = ['text/plain']

function typeIn(value: string): string[] {
  const [head = ''] = withoutComments(value, 'outside quotes').split(';', 1)
  const type = head.replace(/\s+/g, '').toLowerCase()
  return /^[^/]+\/[^/]+$/.test(type) ? [type] : []
}

/** The names of one header as they are written, each once, wherever programs find them. */
class WrittenNames {
  /** The values of parameters, as they are. */
  readonly values = new Set<string>()
  readonly coded = new Map<string, CodedValue>()
  limit: string | undefined;

  /** Reads the names in a text. Some programs ignore quotes. */
  *add(text: string, work: Work): Steps {
    for (const piecesOf of [partsOfValue, splitAtFileNames]) {
      yield* work.countUnits(characterCosts.field * text.length)
      // Some programs also find a parameter in place of the type.
      const found: Parameter[] = []
      for (const piece of piecesOf(text)) {
        yield* work.countUnits(characterCosts.field)
        const parameter = fileNameIn(piece)
        if (parameter !== undefined) found.push(parameter)
      }
      if (found.length > FIELD_NAMES_MAX)
        this.limit ??= `a field with more than ${FIELD_NAMES_MAX} names`
      const read = found.slice(0, FIELD_NAMES_MAX)
      for (const base of ['filename', 'name']) {
        const parameters = read.filter(({ name }) => name === base)
        for (const { rest, star } of parameters) if (star === '') this.values.add(rest)
        for (const value of codedValuesOf(parameters))
          this.coded.set(`${value.charset}'${value.bytes}`, value)
      }
    }
  }
}

/** The names that programs read in what is written. */
class FoundNames {
  readonly names = new Set<string>()
  readonly words = new NameWords()
  /** The character sets of values of RFC 2231. */
  readonly charsets: string[] = []
  readonly #work: Work

  constructor(work: Work) {
    this.#work = work
  }

  *addValues(values: ReadonlySet<string>): Steps {
    for (const raw of values) {
      yield* this.#work.countUnits(characterCosts.name * raw.length)
      for (const reading of readings(raw)) {
        this.#addAll(this.words.readingsOf(reading))
        yield* this.#work.countUnits(this.words.takeUnits())
      }
    }
  }

  *addCoded(values: Iterable<CodedValue>): Steps {
    for (const { charset, bytes } of values) {
      yield* this.#work.countUnits(characterCosts.name * bytes.length)
      const normalized = normalizedCharset(charset)
      this.charsets.push(normalized)
      this.#addAll(textsIn(normalized, Buffer.from(bytes.slice(-WRITTEN_MAX), 'latin1')))
      this.#addAll(this.words.readingsOf(bytes))
      yield* this.#work.countUnits(this.words.takeUnits())
    }
  }

  #addAll(texts: Iterable<string>): void {
    for (const text of texts) for (const name of spellings(text)) this.names.add(name)
  }
}

/** Yields the pieces of a field between semicolons (RFC 2045 5.1). One in quotes does not split. */
function* partsOfValue(value: string): Generator<string> {
  let from = 0
  let isInQuotes = false
  for (let at = 0; at < value.length; at++) {
    const character = value[at]
    if (isInQuotes && character === '\\') at++
    else if (character === '"') isInQuotes = !isInQuotes
    else if (!isInQuotes && character === ';') {
      if (at > from) yield value.slice(from, at)
      from = at + 1
    }
  }
  yield value.slice(from)
}

/** Returns a name unchanged, and as read by programs that end it at a NUL; without empty names. */
export function spellings(text: string): string[] {
  const untilNul = text.split('\0', 1)[0]!
  return [text, untilNul].map(bareName).filter((name) => name !== '')
}

/**
 * Returns the last part of a path, without control and invisible characters, and without blanks, quotes,
 * dots and angle brackets at its ends, which Python removes.
 */
function bareName(text: string): string {
  const name = text
    .slice(-WRITTEN_MAX)
    .normalize()
    .replace(/[\p{Cc}\p{Cf}]/gu, '')
    .slice(-FILE_NAME_MAX)
    .replace(/^.*[/\\]/s, '')
    .replace(/^[\s"'<]+/, '')
  let end = name.length
  while (end > 0 && /[\s."'>]/.test(name[end - 1]!)) end--
  return name.slice(0, end)
}

/** MIME::Parser and nmh end a token at bytes of 0x80 or more, too. */
const ASCII = /^[\0-\x7f]*/

/**
 * Returns every reading of a value by a mail program: writers forget quotes, put blanks or more text after
 * them, and escape nothing in `C:\path\file`.
 */
function readings(raw: string): string[] {
  const text = raw.trim()
  const inQuotes = /"([^"]*)"?/.exec(text)?.[1] ?? ''
  return [
    withoutQuotes(text),
    strictValue(text),
    ASCII.exec(TOKEN.exec(text)![0])![0],
    withoutQuotes(withoutBackslashes(text)),
    withoutQuotes(withoutComments(text, 'outside quotes')),
    inQuotes,
    /^[^\s]*/.exec(text)![0],
  ].filter((reading, at, all) => reading !== '' && all.indexOf(reading) === at)
}
