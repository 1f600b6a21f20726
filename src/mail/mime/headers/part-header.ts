import { LruCache } from '../../../lib/flow/cache.ts'
import { LimitExceeded, limits } from '../budget/limits.ts'
import { toUtf8 } from '../decoders/charsets.ts'
import type { Oddity } from '../traits/oddities.ts'
import { type Field, fieldsOf, fieldValues, plainName, readingsOf, undecoded } from './fields.ts'
import { type MimeLines, TOO_LONG } from './mime-lines.ts'
import { boundariesIn, charsetsIn } from './parameters.ts'

/** The encodings of content. `identity` is content that is not encoded. */
export type Encoding = 'identity' | 'base64' | 'quoted-printable' | 'uuencode'

/** Whether readers see something: no reader does, all readers do, or some readers may. */
type Certainty = 'no' | 'sure' | 'maybe'

/** The information that any reader may get from the header of a message or part. */
export interface PartHeader {
  readonly fields: readonly Field[]
  /** The type in lower case, `type/subtype`, or '' if the header names none. */
  readonly type: string
  /** Whether the header announces a multipart. */
  readonly multipart: Certainty
  /** Whether the header announces a message. */
  readonly message: Certainty
  /** The boundary as written, or undefined if readers may differ about more than blanks in it. */
  readonly boundary: string | undefined
  /** All boundaries in all forms in which some reader understands them, in lower case. */
  readonly boundaries: readonly string[]
  /** All encodings that some reader decodes the content with. There is one if all readers agree. */
  readonly encodings: readonly Encoding[]
  /** The character sets that the header names, by their plain names, other than ASCII and UTF-8. */
  readonly charsets: readonly string[]
  /**
   * Whether readers show the content as text. Some of them may save it as a file, too, if the header has a
   * disposition.
   */
  readonly text: Certainty
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

type Hint = keyof typeof hintWords

function hintsIn(header: string): ReadonlySet<Hint> {
  return new Set((Object.keys(hintWords) as Hint[]).filter((hint) => hintWords[hint].test(header)))
}

const TYPE = 'content-type'
const ENCODING = 'content-transfer-encoding'
const DISPOSITION = 'content-disposition'

/**
 * Parses the information of a header about its content. `isWhole` means that each line was a field, and that an
 * empty line ended the header; `isOfPart`, that it belongs to a part, and not to a message. The time is linear
 * in the length of the lines. Throws LimitExceeded if there are too many encoded words or boundaries.
 */
export function readPartHeader(
  lines: MimeLines,
  { isWhole, isOfPart }: { readonly isWhole: boolean; readonly isOfPart: boolean },
): PartHeader {
  const { hasControls, hidesLineEnd } = lines
  const said = {
    isOfPart,
    isClear: isWhole && !hasControls && !hidesLineEnd,
    hasControls,
    hidesLineEnd,
  }
  // Some readers decode encoded words first. For them a line end in an encoded word begins a new field.
  if (hidesLineEnd) return readText(`${lines.text}\n${lines.decodedWords}`, said)
  if (!said.isClear || lines.text.length > KNOWN_LENGTH) return readText(lines.text, said)
  const start = isOfPart ? 'part ' : 'mail '
  const key = start + lines.text
  const known = knownHeaders.get(key)
  if (known !== undefined) return known
  // (The cached value is parsed from the key: a slice of the mail's header would keep all of that in memory.)
  const header = readText(key.slice(start.length), said)
  if (header.text !== 'no' && header.boundaries.length === 0) knownHeaders.set(key, header)
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
  const { isOfPart, isClear } = traits
  if (text === '' && isClear) return isOfPart ? EMPTY_PART : EMPTY
  if (text.length > limits.fieldCharacters) throw new LimitExceeded(`a header with ${TOO_LONG}`)
  const fields = fieldsOf(text)
  const types = fieldValues(fields, TYPE)
  const encodings = fieldValues(fields, ENCODING)
  const dispositions = fieldValues(fields, DISPOSITION)
  const readings = readingsOf(text)
  const whole = readings.join('\n').toLowerCase()
  const isPlain = isClear && fields.every(isNamedPlainly)
  const strict = types.length === 1 ? readType(types[0]!) : undefined
  const isSure = isPlain && strict !== undefined
  const type = strict?.type ?? typeOf(types[0] ?? '')
  const boundaries = boundariesIn(readings)
  const boundary = strict?.boundary
  const multipart = multipartIn(
    undecoded(text).join('\n').toLowerCase(),
    type,
    isSure ? boundary : undefined,
    boundaries,
  )
  const message = messageIn(types, type, isSure, isPlain)
  const possible = encodingsIn(fields, encodings, isPlain)
  const isShown =
    isPlain &&
    dispositions.every((value) => /^inline[ \t;]*$/i.test(value)) &&
    (types.length === 0 ? !isOfPart : strict?.isShown === true)
  const mayBeSaved = dispositions.length > 0 && (type === '' || type === 'text/plain')
  const header = {
    fields,
    type,
    multipart,
    message,
    boundary: isSure && multipart !== 'no' && isSaidOnce(text, boundary) ? boundary : undefined,
    boundaries,
    // The parts of a multipart, and a message, have encodings of their own. Some readers ignore the
    // field above them (RFC 2045 6.4).
    encodings:
      multipart === 'no' && message === 'no'
        ? possible
        : [...new Set<Encoding>(['identity', ...possible])],
    charsets: charsetsIn(readings),
    text: isShown ? (mayBeSaved ? 'maybe' : 'sure') : 'no',
    hints: hintsIn(whole),
    isPlain,
  } as const
  const values = { types, encodings, dispositions }
  return { ...header, oddities: odditiesOf({ ...header, boundary }, traits, values) }
}

/** Returns the oddities of a header. */
function odditiesOf(
  { fields, type, boundary, boundaries, encodings, charsets }: Omit<PartHeader, 'oddities'>,
  { hasControls, hidesLineEnd }: HeaderTraits,
  values: Readonly<Record<'types' | 'encodings' | 'dispositions', readonly string[]>>,
): Oddity[] {
  const isMultipart = type.startsWith('multipart/')
  const odd = {
    header: hasControls || !(hidesLineEnd || fields.every(({ name }) => FIELD_NAME.test(name))),
    field:
      Object.values(values).some((some) => some.length > 1 || some[0] === '') ||
      [...values.types, ...values.dispositions].some(hasOddQuotes) ||
      !areAllKnown(values.encodings) ||
      charsets.some((charset) => toUtf8(charset).length === 0),
    boundary: isMultipart
      ? boundary === undefined || boundary.length > BOUNDARY_LENGTH
      : boundaries.length > 0,
    'encoded-multipart': isMultipart && encodings.some((encoding) => encoding !== 'identity'),
  }
  return OF_HEADERS.filter((oddity) => odd[oddity])
}

const OF_HEADERS = ['header', 'field', 'boundary', 'encoded-multipart'] as const

/** The name of a field without blanks, colons and parentheses. */
const FIELD_NAME = /^[!-'*-9;-~]+$/

/** Upper limit for the characters of a boundary (RFC 2046 5.1.1). */
const BOUNDARY_LENGTH = 70

function hasOddQuotes(value: string): boolean {
  return value.split('"').length % 2 === 0
}

/** Returns whether the header has one boundary. Many boundaries contain the word boundary. */
function isSaidOnce(text: string, boundary = ''): boolean {
  const count = (words: string) => words.match(/boundary/gi)?.length ?? 0
  return count(text) - count(boundary) === 1
}

const EMPTY: PartHeader = {
  fields: [],
  type: '',
  multipart: 'no',
  message: 'no',
  boundary: undefined,
  boundaries: [],
  encodings: ['identity'],
  charsets: [],
  text: 'sure',
  hints: new Set(),
  isPlain: true,
  oddities: [],
}

/**
 * The header of a part without information about its content, or of one without a header. It may be a file to
 * readers that assign every part a type.
 */
export const EMPTY_PART: PartHeader = { ...EMPTY, text: 'no' }

/** The header of content without one: between and after the parts of a multipart. */
export const NO_HEADER: PartHeader = EMPTY

function isNamedPlainly({ name }: Field): boolean {
  if (name === '') return false
  const plain = plainName(name)
  if (plain !== name) return false
  return plain === TYPE || plain === ENCODING || !/content-type|transfer-encoding/.test(plain)
}

function multipartIn(
  header: string,
  type: string,
  boundary: string | undefined,
  boundaries: readonly string[],
): Certainty {
  if (!/multipart|boundary/.test(header)) return 'no'
  const isOne = type.startsWith('multipart/') && boundary !== undefined && boundaries.length === 1
  return isOne ? 'sure' : 'maybe'
}

function messageIn(
  values: readonly string[],
  type: string,
  isSure: boolean,
  isPlain: boolean,
): Certainty {
  if (type.startsWith('message/')) return isSure ? 'sure' : 'maybe'
  const types = undecoded(values.join('\n')).join('\n').toLowerCase()
  if (!isPlain && types.includes('message')) return 'maybe'
  return /message[\s(]*\/|^\s*message\s*(?:;|$)/.test(types) ? 'maybe' : 'no'
}

/** Returns the first word of the value, for a type that cannot be parsed strictly. */
function typeOf(value: string): string {
  return /^[^\s;]*/.exec(value)![0].toLowerCase()
}

/** A type that every reader reads alike. */
interface StrictType {
  /** The type in lower case, `type/subtype`. */
  readonly type: string
  readonly boundary: string | undefined
  /** Whether the type is text that readers display, without a parameter that makes it a file. */
  readonly isShown: boolean
}

/** The types of text that readers show. They save every other text as a file. */
const SHOWN = new Set(['text/plain', 'text/html', 'text/enriched'])

/** The parameters that make a text a file: its name. */
const FILE_PARAMETER = /name/

/** Reads a Content-Type about which readers cannot differ (RFC 2045 5.1). Returns undefined for others. */
function readType(text: string): StrictType | undefined {
  const value = text.trimEnd()
  const head = /^([\w.+-]+\/[\w.+-]+)[ \t]*/.exec(value)
  if (!head) return undefined
  const type = head[1]!.toLowerCase()
  const names = new Set<string>()
  let boundary: string | undefined
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
    if (lower === 'boundary') boundary = quoted ?? token
  }
  if (boundary !== undefined && !BOUNDARY.test(boundary)) return undefined
  const isShown = SHOWN.has(type) && ![...names].some((name) => FILE_PARAMETER.test(name))
  return { type, boundary, isShown }
}

const PARAMETER =
  /;[ \t]*(?:([\w*.%-]+)[ \t]*=[ \t]*(?:"([^"\\]*)"|([\w'+.,/:=?$!*%&~^{}|#@-]+))[ \t]*|$)/y
const BOUNDARY = /^[!-~](?:[ -~]{0,198}[!-~])?$/

const WORDS: ReadonlyMap<string, Encoding> = new Map([
  ['7bit', 'identity'],
  ['8bit', 'identity'],
  ['binary', 'identity'],
  ['base64', 'base64'],
  ['quoted-printable', 'quoted-printable'],
])
/**
 * Readers that do not know one of these words do not decode the content. Without the `x-`, the words are
 * unknown to uudeview, which then tries base64 as well.
 */
const UUENCODE_WORDS: ReadonlySet<string> = new Set(['x-uuencode', 'x-uue'])

/** Returns whether each value is a word of RFC 2045, possibly with blanks around it. */
function areAllKnown(values: readonly string[]): boolean {
  return values.every((value) => WORDS.has(value.trim().toLowerCase()))
}

/**
 * Returns the encodings that some reader may decode the content with. `values` are those of all encoding
 * fields; `isPlain` means that readers agree about the fields. If one plain field contains a known word alone,
 * that word selects the encodings. Otherwise `identity` and all encodings are returned that lines mention
 * which may be about them.
 */
function encodingsIn(
  fields: readonly Field[],
  values: readonly string[],
  isPlain: boolean,
): readonly Encoding[] {
  const [first] = values
  if (isPlain && first === undefined) return ['identity']
  // A word with blanks after it is unknown to some readers.
  const word = values.length === 1 && isPlain ? first!.toLowerCase() : ''
  const only = WORDS.get(word)
  if (only) return [only]
  if (UUENCODE_WORDS.has(word)) return ['identity', 'uuencode']
  const about = fields.filter(({ name }) => name === '' || /content|encod/.test(name))
  const lines = about.map(({ name, value }) => `${name}:${value}`).join('\n')
  const text = lettersOf(readingsOf(lines).join('\n'))
  // GNU mailutils recognizes the letters of RFC 2047.
  const letters = values.map(lettersOf)
  const mentioned: Encoding[] = [
    ...(text.includes('b64') || text.includes('base64') || letters.includes('b')
      ? (['base64'] as const)
      : []),
    ...(text.includes('quoted') || text.includes('printable') || letters.includes('q')
      ? (['quoted-printable'] as const)
      : []),
    ...(/uu(?:e|code)/.test(text) ? (['uuencode'] as const) : []),
  ]
  return ['identity', ...mentioned]
}

/** Returns the letters and digits of a text. Some readers skip all other characters. */
function lettersOf(text: string): string {
  return text.toLowerCase().replace(/[^a-z0-9]+/g, '')
}
