import { LruCache } from '../../../lib/flow/cache.ts'
import { LimitExceeded, limits } from '../budget/limits.ts'
import { toUtf8 } from '../decoders/charsets.ts'
import type { Oddity } from '../traits/oddities.ts'
import { type Field, fieldsOf, plainName, readingsOf, valuesOf } from './fields.ts'
import { type MimeLines, TOO_LONG } from './mime-lines.ts'
import { boundariesIn, charsetsIn } from './parameters.ts'

/** The encodings of content. `identity` is content that is not encoded. */
export type Encoding = 'identity' | 'base64' | 'quoted-printable' | 'uuencode'

/** Whether readers see something: no reader does, all readers do, or some readers may. */
export type Certainty = 'no' | 'sure' | 'maybe'

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
  /** Whether a part without a type is a message (RFC 2046 5.1.5). */
  readonly isDigest: boolean
  /** All encodings by which some reader decodes the content. There is one if all readers agree. */
  readonly encodings: readonly Encoding[]
  /** Whether all readers agree about the fields that matter. */
  readonly isPlain: boolean
  /** Whether readers show the content as text, and do not save it as a file. */
  readonly isText: boolean
  /** Whether the header has a disposition: some readers then save text, too, that they show. */
  readonly hasDisposition: boolean
  /** Whether the header declares S/MIME or OpenPGP, so that mail programs open the content as that. */
  readonly isContainer: boolean
  /** Whether the header declares OpenPGP. */
  readonly isOpenPgp: boolean
  /** Whether the header declares a calendar or cards, so that programs open the content as that. */
  readonly isCalendar: boolean
  /** Whether the header names a file of mail, which some readers open as an attached message. */
  readonly isMailFile: boolean
  /** Whether a line that ends in a blank is joined to the next line, without that blank (RFC 3676). */
  readonly isFlowed: boolean
  /** Whether lines may have a blank in front of them that is not part of the text (RFC 3676 4.4). */
  readonly isStuffed: boolean
  readonly oddities: readonly Oddity[]
  /** The character sets that the header names, by their plain names, other than ASCII and UTF-8. */
  readonly charsets: readonly string[]
}

const TYPE = 'content-type'
const ENCODING = 'content-transfer-encoding'
const DISPOSITION = 'content-disposition'

/**
 * Parses the information of a header about its content. `isWhole` means that each line was a field, and that
 * an empty line ended the header; `isOfPart`, that it belongs to a part, and not to a mail. The time is
 * linear in the length of the lines. Throws LimitExceeded if there are too many encoded words or boundaries.
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
  if (header.isText && header.boundaries.length === 0) knownHeaders.set(key, header)
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
  const { isOfPart, isClear, hasControls, hidesLineEnd } = traits
  if (text === '' && isClear) return isOfPart ? EMPTY_PART : EMPTY
  if (text.length > limits.fieldCharacters) throw new LimitExceeded(`a header with ${TOO_LONG}`)
  const fields = fieldsOf(text)
  const isPlain = isClear && fields.every(isNamedPlainly)
  const trimmed = (name: string) => valuesOf(fields, name).map((value) => value.trim())
  const types = trimmed(TYPE)
  const encodings = valuesOf(fields, ENCODING).map((value) => value.trimStart())
  const strict = types.length === 1 ? readType(types[0]!) : undefined
  const isSure = isPlain && strict !== undefined
  const readings = readingsOf(text)
  const lowerCase = readings.join('\n').toLowerCase()
  const boundaries = boundariesIn(readings)
  const type = strict?.type ?? typeOf(types[0] ?? '')
  const boundary = strict?.boundary
  const multipart = multipartOf(type, lowerCase, isSure, boundary, boundaries)
  const message = messageCertainty(
    type,
    readingsOf(types.join('\n')).join('\n').toLowerCase(),
    isSure,
    isPlain,
  )
  const possible = encodingsOf(encodings, isPlain, lowerCase)
  // The parts of a multipart, and a message, have encodings of their own. Some readers ignore the
  // field above them (RFC 2045 6.4).
  const isContainer = multipart !== 'no' || message !== 'no'
  const dispositions = trimmed(DISPOSITION)
  const charsets = charsetsIn(readings)
  const values = { fields, types, encodings, dispositions, charsets, hidesLineEnd }
  return {
    fields,
    type,
    multipart,
    message,
    boundary: isSure && multipart !== 'no' && isSaidOnce(text, boundary) ? boundary : undefined,
    boundaries,
    isDigest: /multipart\s*\/\s*digest/.test(lowerCase),
    encodings: isContainer ? [...new Set<Encoding>(['identity', ...possible])] : possible,
    isPlain,
    isText:
      isPlain &&
      dispositions.every((value) => /^inline[ \t;]*$/i.test(value)) &&
      (types.length === 0 ? !isOfPart : strict?.isText === true),
    hasDisposition: dispositions.length > 0,
    isContainer: CONTAINER.test(lowerCase),
    isOpenPgp: OPENPGP.test(lowerCase),
    isCalendar: CALENDAR.test(lowerCase),
    isMailFile: MAIL_FILE.test(lowerCase),
    isFlowed: /delsp/.test(lowerCase),
    isStuffed: lowerCase.includes('flowed'),
    oddities: odditiesOf(hasControls, { ...values, type, boundary, boundaries, possible }),
    charsets,
  }
}

/** The unfolded values of the fields about content, and how readers understand them. */
interface Said
  extends Pick<PartHeader, 'fields' | 'charsets' | 'type' | 'boundary' | 'boundaries'> {
  readonly hidesLineEnd: boolean
  readonly types: readonly string[]
  readonly encodings: readonly string[]
  readonly dispositions: readonly string[]
  /** The encodings by which some reader decodes the content. */
  readonly possible: readonly Encoding[]
}

/** Returns the oddities of a header. */
function odditiesOf(hasControls: boolean, said: Said): Oddity[] {
  const { hidesLineEnd, fields, types, encodings, dispositions, charsets } = said
  const { type, boundary, boundaries, possible } = said
  const isMultipart = type.startsWith('multipart/')
  const odd = {
    header: hasControls || !(hidesLineEnd || fields.every(({ name }) => FIELD_NAME.test(name))),
    field:
      [types, encodings, dispositions].some((values) => values.length > 1 || values[0] === '') ||
      [...types, ...dispositions].some(hasOddQuotes) ||
      !areAllKnown(encodings) ||
      charsets.some((charset) => toUtf8(charset).length === 0),
    boundary: isMultipart
      ? boundary === undefined || boundary.length > BOUNDARY_LENGTH
      : boundaries.length > 0,
    'encoded-multipart': isMultipart && possible.some((encoding) => encoding !== 'identity'),
  }
  return OF_HEADERS.filter((oddity) => odd[oddity])
}

const OF_HEADERS = ['header', 'field', 'boundary', 'encoded-multipart'] as const

/** Types and names that mail programs use for S/MIME or OpenPGP. */
const CONTAINER = /pkcs7-mime|pgp|\.(?:p7[mz]|gpg|asc)/
const OPENPGP = /pgp|\.(?:gpg|asc)/

/** Types and names that mail programs use for calendars and address books. */
const CALENDAR =
  /calendar|v-?card|text\/(?:x-)?directory|application\/(?:x-)?ics|\.(?:ics|ical|ifb|vcs|vcf|vcard)\b/

/** The names that mail programs use for files of mail (mailparser). */
const MAIL_FILE = /\.eml\b/

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
  isDigest: false,
  encodings: ['identity'],
  isPlain: true,
  isText: true,
  hasDisposition: false,
  isContainer: false,
  isOpenPgp: false,
  isCalendar: false,
  isMailFile: false,
  isFlowed: false,
  isStuffed: false,
  oddities: [],
  charsets: [],
}

/**
 * The header of a part without information about its content, or of one without a header. It may be a file to
 * readers that assign every part a type.
 */
export const EMPTY_PART: PartHeader = { ...EMPTY, isText: false }

/** The header of content without one: between and after the parts of a multipart. */
export const NO_HEADER: PartHeader = EMPTY

function isNamedPlainly({ name }: Field): boolean {
  if (name === '') return false
  const plain = plainName(name)
  if (plain !== name) return false
  return plain === TYPE || plain === ENCODING || !/content-type|transfer-encoding/.test(plain)
}

function multipartOf(
  type: string,
  header: string,
  isSure: boolean,
  boundary: string | undefined,
  boundaries: readonly string[],
): Certainty {
  const isMentioned = header.includes('multipart') || header.includes('boundary')
  if (!isMentioned) return 'no'
  const isOne = isSure && type.startsWith('multipart/') && boundary !== undefined
  return isOne && boundaries.length === 1 ? 'sure' : 'maybe'
}

function messageCertainty(
  type: string,
  types: string,
  isSure: boolean,
  isPlain: boolean,
): Certainty {
  if (type.startsWith('message/')) return isSure ? 'sure' : 'maybe'
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
  readonly isText: boolean
}

/** The types of text that readers show. They save every other text as a file. */
const SHOWN = new Set(['text/plain', 'text/html', 'text/enriched'])

/** The parameters that make a text a file: its name. */
const FILE_PARAMETER = /name/

/** Reads a Content-Type about which readers cannot differ (RFC 2045 5.1). Returns undefined for others. */
function readType(value: string): StrictType | undefined {
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
  const isText = SHOWN.has(type) && ![...names].some((name) => FILE_PARAMETER.test(name))
  return { type, boundary, isText }
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
 * Returns the encodings by which some reader may decode the content. `values` are those of all encoding
 * fields; `isPlain` means that readers agree about the fields. `header` is the whole information about
 * content, in all its readings. If one plain field contains a known word alone, that word selects the encodings. Otherwise
 * `identity` and all encodings that the header mentions are returned.
 */
function encodingsOf(
  values: readonly string[],
  isPlain: boolean,
  header: string,
): readonly Encoding[] {
  const [first] = values
  if (isPlain && first === undefined) return ['identity']
  // A word with blanks after it is unknown to some readers.
  const word = values.length === 1 && isPlain ? first!.toLowerCase() : ''
  const only = WORDS.get(word)
  if (only) return [only]
  if (UUENCODE_WORDS.has(word)) return ['identity', 'uuencode']
  const text = lettersOf(header)
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
