import { LruCache } from '../../../base/flow/cache.ts'
import { LimitExceeded, limits } from '../budget/limits.ts'
import { toUtf8 } from '../decoders/charsets.ts'
import type { Oddity } from '../traits/oddities.ts'
import { areAllKnown, type Encoding, encodingsIn } from './encodings.ts'
import { type Field, fieldsOf, fieldValues, plainName, readingsOf, undecoded } from './fields.ts'
import { type MimeLines, TOO_LONG } from './mime-lines.ts'
import { hasOddQuotes } from './parameter-values.ts'
import { BOUNDARY_WORD, charsetsIn, MULTIPART_WORDS } from './parameters.ts'
import { readStrictType, type StrictType } from './strict-type.ts'

/** Whether readers see something: no reader does, all readers do, or some readers may. */
type Certainty = 'no' | 'sure' | 'maybe'

/**
 * Whether readers show a content as text, or whether some of them make a file of it. With a disposition, some show it and
 * save it, too.
 */
type Shown = 'shown' | 'shown and saved' | 'file'

/** The information that any reader may get from the header of a message or part. */
export interface PartHeader {
  readonly fields: readonly Field[]
  /** The type in lower case, `type/subtype`, or '' if the header names none. */
  readonly type: string
  /** Whether the header announces a multipart. */
  readonly multipart: Certainty
  /** Whether the header announces a message. */
  readonly message: Certainty
  /** The boundary, or undefined if readers may differ about it. */
  readonly boundary: string | undefined
  /** Whether some reader finds a boundary in it, however it is spelt. */
  readonly hasBoundary: boolean
  /** All encodings that some reader decodes the content with. There is one if all readers agree. */
  readonly encodings: readonly Encoding[]
  /** The character sets that the header names, by their plain names, other than ASCII and UTF-8. */
  readonly charsets: readonly string[]
  readonly text: Shown
  readonly hints: ReadonlySet<Hint>
  /** Whether all readers agree about the fields that matter. */
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
 * Parses the information of a header about its content. `isRegular` means that each line was a field, and that an
 * empty line ended the header; `isOfPart`, that it belongs to a part, and not to a message. The time is linear
 * in the length of the lines. Throws LimitExceeded if there are too many encoded words or boundaries.
 */
export function readPartHeader(
  lines: MimeLines,
  { isRegular, isOfPart }: { readonly isRegular: boolean; readonly isOfPart: boolean },
): PartHeader {
  const { hasControls, hidesLineEnd } = lines
  const traits = {
    isOfPart,
    isClear: isRegular && !hasControls && !hidesLineEnd,
    hasControls,
    hidesLineEnd,
  }
  // Some readers decode encoded words first. For them a line end in an encoded word begins a new field.
  if (hidesLineEnd) return readText(`${lines.text}\n${lines.decodedWords}`, traits)
  if (!traits.isClear || lines.text.length > KNOWN_LENGTH) return readText(lines.text, traits)
  const start = isOfPart ? 'part ' : 'mail '
  const key = start + lines.text
  const known = knownHeaders.get(key)
  if (known !== undefined) return known
  // (The cached value is parsed from the key: a slice of the mail's header would keep all of that in memory.)
  const header = readText(key.slice(start.length), traits)
  if (header.text !== 'file' && !header.hasBoundary) knownHeaders.set(key, header)
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
  /** Whether all readers see the same lines, and the header ends with them. */
  readonly isClear: boolean
  readonly hasControls: boolean
  readonly hidesLineEnd: boolean
}

function readText(text: string, traits: HeaderTraits): PartHeader {
  if (text === '' && traits.isClear) return traits.isOfPart ? EMPTY_PART : EMPTY
  if (text.length > limits.fieldCharacters) throw new LimitExceeded(`a header with ${TOO_LONG}`)
  const readings = readingsOf(text)
  const content = contentFieldsOf(fieldsOf(text), traits)
  const { fields, type, strict, isPlain } = content
  const multipart = multipartIn(text, content)
  const message = messageIn(content)
  const written = strict?.boundary
  const header = {
    fields,
    type,
    multipart,
    message,
    boundary: multipart === 'sure' ? written : undefined,
    hasBoundary: readings.some((reading) => BOUNDARY_WORD.test(reading)),
    encodings: encodingsOf(content, { multipart, message }),
    charsets: charsetsIn(readings),
    text: shownOf(content, traits),
    hints: hintsIn(readings.join('\n').toLowerCase()),
    isPlain,
  } as const
  return { ...header, oddities: odditiesOf({ ...header, boundary: written }, traits, content) }
}

/** The fields of a header, and the values of those about its content. */
interface ContentFields {
  readonly fields: readonly Field[]
  /** The values of all fields of each of these names. */
  readonly types: readonly string[]
  readonly encodings: readonly string[]
  readonly dispositions: readonly string[]
  /** Whether all readers agree about the fields. */
  readonly isPlain: boolean
  /** Whether all readers take the same field for the only one with a type, whatever they make of others. */
  readonly isTypeKnown: boolean
  /** The type, if every reader reads it alike. */
  readonly strict: StrictType | undefined
  readonly type: string
}

function contentFieldsOf(fields: readonly Field[], { isClear }: HeaderTraits): ContentFields {
  const types = fieldValues(fields, TYPE)
  const strict = types.length === 1 ? readStrictType(types[0]!) : undefined
  return {
    fields,
    types,
    encodings: fieldValues(fields, ENCODING),
    dispositions: fieldValues(fields, DISPOSITION),
    isPlain: isClear && fields.every(isNamedPlainly),
    isTypeKnown: isTypeKnown(fields),
    strict,
    type: strict?.type ?? firstWord(types[0] ?? ''),
  }
}

/** Returns the first word of the value, for a type that cannot be parsed strictly. */
function firstWord(value: string): string {
  return /^[^\s;]*/.exec(value)![0].toLowerCase()
}

/** Returns the encodings of content that may be a multipart or a message. */
function encodingsOf(
  { fields, encodings, isPlain }: ContentFields,
  { multipart, message }: Pick<PartHeader, 'multipart' | 'message'>,
): readonly Encoding[] {
  const possible = encodingsIn(fields, encodings, isPlain)
  // The parts of a multipart, and a message, have encodings of their own. Some readers ignore the
  // field above them (RFC 2045 6.4).
  const isOneContent = multipart === 'no' && message === 'no'
  return isOneContent ? possible : [...new Set<Encoding>(['identity', ...possible])]
}

function shownOf(
  { types, type, strict, dispositions, isPlain }: ContentFields,
  { isOfPart }: HeaderTraits,
): Shown {
  const isInline = dispositions.every((value) => /^inline[ \t;]*$/i.test(value))
  const isShown = types.length === 0 ? !isOfPart : strict?.isShown === true
  if (!(isPlain && isInline && isShown)) return 'file'
  const mayBeSaved = dispositions.length > 0 && (type === '' || type === 'text/plain')
  return mayBeSaved ? 'shown and saved' : 'shown'
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
  multipart: 'no',
  message: 'no',
  boundary: undefined,
  hasBoundary: false,
  encodings: ['identity'],
  charsets: [],
  text: 'shown',
  hints: new Set(),
  isPlain: true,
  oddities: [],
}

/**
 * The header of a part without information about its content, or of one without a header. It may be a file to
 * readers that assign every part a type.
 */
export const EMPTY_PART: PartHeader = { ...EMPTY, text: 'file' }

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
function isTypeKnown(fields: readonly Field[]): boolean {
  const like = fields.filter(({ name, value }) => isLikeType(name) || isLikeType(value))
  const [field] = like
  if (like.length !== 1 || field!.name !== TYPE) return false
  return !isLikeType(field!.value) && fields[fields.indexOf(field!) + 1]?.name !== ''
}

function isLikeType(text: string): boolean {
  return /contenttype/i.test(text.replace(/[^a-z]/gi, ''))
}

function multipartIn(text: string, { type, strict, isTypeKnown }: ContentFields): Certainty {
  if (!MULTIPART_WORDS.test(undecoded(text).join('\n'))) return 'no'
  const isSure = isTypeKnown && strict?.isBoundaryPlain && isNamedOnce(text, strict.boundary)
  return isSure && type.startsWith('multipart/') ? 'sure' : 'maybe'
}

function messageIn({ types, type, strict, isPlain }: ContentFields): Certainty {
  if (type.startsWith('message/')) return isPlain && strict !== undefined ? 'sure' : 'maybe'
  const words = undecoded(types.join('\n')).join('\n').toLowerCase()
  if (!isPlain && words.includes('message')) return 'maybe'
  return /message[\s(]*\/|^\s*message\s*(?:;|$)/.test(words) ? 'maybe' : 'no'
}
