import { LruCache } from '../../../base/flow/cache.ts'
import { LimitExceeded, limits } from '../budget/limits.ts'
import { toUtf8 } from '../decoders/charsets.ts'
import type { Oddity } from '../oddities.ts'
import { areAllKnown, type Encoding, encodingsIn } from './encodings.ts'
import { type Field, fieldsOf, fieldValues, plainName, readingsOf, undecoded } from './fields.ts'
import { type MimeLines, TOO_LONG } from './mime-lines.ts'
import { BOUNDARY_WORD, charsetsIn, hasOddQuotes, MULTIPART_WORDS } from './parameters.ts'

/** The information that any program may get from the header of a message or part. */
export interface PartHeader {
  readonly fields: readonly Field[]
  /** The type in lower case, `type/subtype`, or '' if the header names none. */
  readonly type: string
  /** Whether some program takes the content for a multipart, or for a message. */
  readonly isMultipart: boolean
  readonly isMessage: boolean
  /** The boundary of a multipart, or undefined if programs may differ about it. */
  readonly boundary: string | undefined
  /** Whether some program finds a boundary in it, however it is spelt. */
  readonly hasBoundary: boolean
  /** All encodings that some program decodes the content with. There is one if all programs agree. */
  readonly encodings: readonly Encoding[]
  /** The character sets that the header names, by their plain names, other than ASCII and UTF-8. */
  readonly charsets: readonly string[]
  /** Whether programs show the content as a text, and whether some save it as a file. With a disposition, some do both. */
  readonly isShown: boolean
  readonly isSaved: boolean
  readonly hints: ReadonlySet<Hint>
  /** Whether all programs agree about the fields that matter, and about whether the content is a multipart or a message. */
  readonly isPlain: boolean
  readonly oddities: readonly Oddity[]
}

/** Types, names and parameters, anywhere in a header, by which some mail program knows what the content is. */
const hintWords = {
  /** In it a part without a type is a message (RFC 2046 5.1.5). */
  digest: /multipart\s*\/\s*digest/,
  /** A multipart that declares its parts as OpenPGP (RFC 3156 4). */
  encrypted: /multipart\s*\/\s*encrypted/,
  openpgp: /pgp|\.(?:gpg|asc)/,
  smime: /pkcs7-mime|\.p7[mz]/,
  /** A calendar or an address book. */
  calendar:
    /calendar|v-?card|text\/(?:x-)?directory|application\/(?:x-)?ics|\.(?:ics|ical|ifb|vcs|vcf|vcard)\b/,
  /** A file that some programs open as an attached message (mailparser). */
  mail: /\.eml\b/,
  /** Lines may have a blank in front of them that is not part of the text (RFC 3676 4.4). */
  flowed: /flowed/,
  /** A line that ends in a blank is joined to the next line, without that blank (RFC 3676). */
  delsp: /delsp/,
} as const satisfies Readonly<Record<string, RegExp>>

export type Hint = keyof typeof hintWords

function hintsIn(header: string): ReadonlySet<Hint> {
  return new Set((Object.keys(hintWords) as Hint[]).filter((hint) => hintWords[hint].test(header)))
}

const TYPE = 'content-type'
const ENCODING = 'content-transfer-encoding'
const DISPOSITION = 'content-disposition'

/**
 * Parses the information of a header about its content. `isPlain` means that each line was a field, and that an
 * empty line ended the header; `isOfPart`, that it belongs to a part, and not to a message. The time is linear
 * in the length of the lines. Throws LimitExceeded if there are too many encoded words or boundaries.
 */
export function readPartHeader(
  lines: MimeLines,
  { isPlain, isOfPart }: { readonly isPlain: boolean; readonly isOfPart: boolean },
): PartHeader {
  const { hasControls, hidesLineEnd } = lines
  const traits = {
    isOfPart,
    isPlain: isPlain && !hasControls && !hidesLineEnd,
    hasControls,
    hidesLineEnd,
  }
  // Some programs decode encoded words first. For them a line end in an encoded word begins a new field.
  if (hidesLineEnd) return readText(`${lines.text}\n${lines.decodedWords}`, traits)
  if (!traits.isPlain || lines.text.length > KNOWN_LENGTH) return readText(lines.text, traits)
  const start = isOfPart ? 'part ' : 'mail '
  const key = start + lines.text
  const known = knownHeaders.get(key)
  if (known !== undefined) return known
  // (The cached value is parsed from the key: a slice of the mail's header would keep all of that in memory.)
  const header = readText(key.slice(start.length), traits)
  if (header.isShown && !header.hasBoundary) knownHeaders.set(key, header)
  return header
}

/**
 * The headers of displayed texts, by all their information about content. Most have the same few values,
 * which are parsed once. File names and boundaries differ in each mail, so headers that contain one are not
 * cached here.
 */
const knownHeaders = new LruCache<PartHeader>(256)
/** Upper limit for the characters of a cached header. */
const KNOWN_LENGTH = 512

/** The properties of a header in addition to its lines about content. */
interface HeaderTraits {
  readonly isOfPart: boolean
  /** Whether all programs see the same lines, and the header ends with them. */
  readonly isPlain: boolean
  readonly hasControls: boolean
  readonly hidesLineEnd: boolean
}

function readText(text: string, traits: HeaderTraits): PartHeader {
  if (text === '' && traits.isPlain) return traits.isOfPart ? EMPTY_PART : EMPTY
  if (text.length > limits.fieldCharacters) throw new LimitExceeded(`a header with ${TOO_LONG}`)
  const readings = readingsOf(text)
  const content = contentFieldsOf(fieldsOf(text), traits)
  const { fields, type, strict } = content
  const isMultipart = MULTIPART_WORDS.test(undecoded(text).join('\n'))
  const boundary = isMultipart ? boundaryIn(text, content) : undefined
  const isMessage = mayBeMessage(content)
  const isKnown =
    isMultipart === (boundary !== undefined) && (!isMessage || isKnownAsMessage(content))
  const header = {
    fields,
    type,
    isMultipart,
    isMessage,
    boundary,
    hasBoundary: readings.some((reading) => BOUNDARY_WORD.test(reading)),
    encodings: encodingsOf(content, isMultipart || isMessage),
    charsets: charsetsIn(readings),
    ...shownOf(content, traits),
    hints: hintsIn(readings.join('\n').toLowerCase()),
    isPlain: content.isPlain && isKnown,
  }
  const written = strict?.boundary
  return { ...header, oddities: odditiesOf({ ...header, boundary: written }, traits, content) }
}

/** The fields of a header, and the values of those about its content. */
interface ContentFields {
  readonly fields: readonly Field[]
  /** The values of all fields of each of these names. */
  readonly types: readonly string[]
  readonly encodings: readonly string[]
  readonly dispositions: readonly string[]
  /** Whether all programs agree about the fields. */
  readonly isPlain: boolean
  /** Whether all programs take the same field for the only one with a type, whatever they make of others. */
  readonly isTypeKnown: boolean
  /** The type, if every program reads it alike. */
  readonly strict: StrictType | undefined
  readonly type: string
}

function contentFieldsOf(fields: readonly Field[], { isPlain }: HeaderTraits): ContentFields {
  const types = fieldValues(fields, TYPE)
  const strict = types.length === 1 ? readStrictType(types[0]!) : undefined
  return {
    fields,
    types,
    encodings: fieldValues(fields, ENCODING),
    dispositions: fieldValues(fields, DISPOSITION),
    isPlain: isPlain && fields.every(isNamedPlainly),
    isTypeKnown: hasKnownType(fields),
    strict,
    type: strict?.type ?? firstWord(types[0] ?? ''),
  }
}

/** Returns the first word of the value, for a type that cannot be parsed strictly. */
function firstWord(value: string): string {
  return /^[^\s;]*/.exec(value)![0].toLowerCase()
}

/** Returns the encodings of content that may be a multipart or a message (`mayHoldParts`). */
function encodingsOf(
  { fields, encodings, isPlain }: ContentFields,
  mayHoldParts: boolean,
): readonly Encoding[] {
  const possible = encodingsIn(fields, encodings, isPlain)
  // The parts of a multipart, and a message, have encodings of their own. Some programs ignore the
  // field above them (RFC 2045 6.4).
  return mayHoldParts ? [...new Set<Encoding>(['identity', ...possible])] : possible
}

function shownOf(
  { types, type, strict, dispositions, isPlain }: ContentFields,
  { isOfPart }: HeaderTraits,
): Pick<PartHeader, 'isShown' | 'isSaved'> {
  const isInline = dispositions.every((value) => /^inline[ \t;]*$/i.test(value))
  const isText = types.length === 0 ? !isOfPart : strict?.isShown === true
  const isShown = isPlain && isInline && isText
  const isPlainText = type === '' || type === 'text/plain'
  return { isShown, isSaved: !isShown || (dispositions.length > 0 && isPlainText) }
}

/** Returns the oddities of a header. */
function odditiesOf(
  { fields, type, boundary, hasBoundary, encodings, charsets }: Omit<PartHeader, 'oddities'>,
  { hasControls, hidesLineEnd }: HeaderTraits,
  content: ContentFields,
): Oddity[] {
  const { types, dispositions } = content
  const isMultipart = type.startsWith('multipart/')
  const odd = {
    header: hasControls || !(hidesLineEnd || fields.every(({ name }) => FIELD_NAME.test(name))),
    field:
      [types, content.encodings, dispositions].some((some) => some.length > 1 || some[0] === '') ||
      [...types, ...dispositions].some(hasOddQuotes) ||
      !areAllKnown(content.encodings) ||
      charsets.some((charset) => toUtf8(charset).length === 0),
    boundary: isMultipart ? boundary === undefined : hasBoundary,
    'encoded-multipart': isMultipart && encodings.some((encoding) => encoding !== 'identity'),
  }
  return OF_HEADERS.filter((oddity) => odd[oddity])
}

const OF_HEADERS = ['header', 'field', 'boundary', 'encoded-multipart'] as const

/** The name of a field without blanks, colons and parentheses. */
const FIELD_NAME = /^[!-'*-9;-~]+$/

/** Returns whether the header has one boundary. Many boundaries contain the word boundary. */
function isNamedOnce(text: string, boundary = ''): boolean {
  const count = (words: string) => words.match(/boundary/gi)?.length ?? 0
  return count(text) - count(boundary) === 1
}

const EMPTY: PartHeader = {
  fields: [],
  type: '',
  isMultipart: false,
  isMessage: false,
  boundary: undefined,
  hasBoundary: false,
  encodings: ['identity'],
  charsets: [],
  isShown: true,
  isSaved: false,
  hints: new Set(),
  isPlain: true,
  oddities: [],
}

/**
 * The header of a part without information about its content, or of one without a header. It may be a file to
 * programs that assign every part a type.
 */
export const EMPTY_PART: PartHeader = { ...EMPTY, isShown: false, isSaved: true }

/** The header of content without one: between and after the parts of a multipart. */
export const NO_HEADER: PartHeader = EMPTY

function isNamedPlainly({ name }: Field): boolean {
  if (name === '') return false
  const plain = plainName(name)
  if (plain !== name) return false
  return plain === TYPE || plain === ENCODING || !/content-type|transfer-encoding/.test(plain)
}

/**
 * Returns whether the name of the field with the type is written plainly, no other field has these letters, and the field
 * does not go on in a line that is none.
 */
function hasKnownType(fields: readonly Field[]): boolean {
  const like = fields.filter(({ name, value }) => isLikeType(name) || isLikeType(value))
  const [field] = like
  if (like.length !== 1 || field!.name !== TYPE) return false
  return !isLikeType(field!.value) && fields[fields.indexOf(field!) + 1]?.name !== ''
}

function isLikeType(text: string): boolean {
  return /contenttype/i.test(text.replace(/[^a-z]/gi, ''))
}

/** Returns the boundary of what may be a multipart, if all programs read it alike. */
function boundaryIn(
  text: string,
  { type, strict, isTypeKnown }: ContentFields,
): string | undefined {
  const isKnown = isTypeKnown && strict?.isBoundaryPlain && isNamedOnce(text, strict.boundary)
  return isKnown && type.startsWith('multipart/') ? strict.boundary : undefined
}

function isKnownAsMessage({ type, strict, isPlain }: ContentFields): boolean {
  return isPlain && strict !== undefined && type.startsWith('message/')
}

function mayBeMessage({ types, type, isPlain }: ContentFields): boolean {
  if (type.startsWith('message/')) return true
  const words = undecoded(types.join('\n')).join('\n').toLowerCase()
  if (!isPlain && words.includes('message')) return true
  return /message[\s(]*\/|^\s*message\s*(?:;|$)/.test(words)
}

/** The headers of one message: parts with the same lines about content share what was read, which may be 10,000 times. */
export class HeaderCache {
  readonly #headers = new Map<string, PartHeader>()

  /** Returns what readPartHeader() returns. */
  read(lines: MimeLines, traits: Parameters<typeof readPartHeader>[1]): PartHeader {
    const key = `${traits.isPlain} ${traits.isOfPart} ${lines.key}`
    const known = this.#headers.get(key)
    if (known) return known
    const header = readPartHeader(lines, traits)
    this.#headers.set(key, header)
    return header
  }
}

/** A type that every program reads alike. */
interface StrictType {
  /** The type in lower case, `type/subtype`. */
  readonly type: string
  readonly boundary: string | undefined
  /** Whether it has no characters that some program drops, or at which it ends the value. */
  readonly isBoundaryPlain: boolean
  /** Whether the type is text that programs display, without a parameter that makes it a file. */
  readonly isShown: boolean
}

/** The types of text that programs show. They save every other text as a file. */
const SHOWN = new Set(['text/plain', 'text/html', 'text/enriched'])

/** The parameters that make a text a file: its name. */
const FILE_PARAMETER = /name/

/** Reads a Content-Type about which programs cannot differ (RFC 2045 5.1). Returns undefined for others. */
function readStrictType(text: string): StrictType | undefined {
  const value = text.trimEnd()
  const head = /^([\w.+-]+\/[\w.+-]+)[ \t]*/.exec(value)
  if (!head) return undefined
  const type = head[1]!.toLowerCase()
  const names = new Set<string>()
  let boundary: string | undefined
  let isBoundaryPlain = false
  let at = head[0].length
  while (at < value.length) {
    PARAMETER.lastIndex = at
    const found = PARAMETER.exec(value)
    if (!found) return undefined
    const [whole, name, quoted, token] = found
    at += whole.length
    if (name === undefined) continue // a semicolon at the end
    const lower = name.toLowerCase()
    if (names.has(lower)) return undefined
    names.add(lower)
    if (lower !== 'boundary') continue
    boundary = quoted ?? token
    isBoundaryPlain = (quoted === undefined ? PLAIN_TOKEN : PLAIN_QUOTED).test(boundary!)
  }
  if (boundary !== undefined && !BOUNDARY.test(boundary)) return undefined
  const isShown = SHOWN.has(type) && ![...names].some((name) => FILE_PARAMETER.test(name))
  return { type, boundary, isBoundaryPlain, isShown }
}

const PARAMETER =
  /;[ \t]*(?:([\w*.%-]+)[ \t]*=[ \t]*(?:"([^"\\]*)"|([\w'+.,/:=?$!*%&~^{}|#@-]+))[ \t]*|$)/y
/** RFC 2046 5.1.1. */
const BOUNDARY = /^[!-~](?:[ -~]{0,68}[!-~])?$/
/**
 * Programs end a boundary at a blank or a comment, drop quotes and angle brackets, and end a token at other characters than
 * RFC 2045 5.1 lists.
 */
const PLAIN_QUOTED = /^[\w!#$%&*+,./:=?@^`{|}~-]+$/
const PLAIN_TOKEN = /^[\w!#$%&*+.^`{|}~-]+$/
