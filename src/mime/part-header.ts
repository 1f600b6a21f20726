import { readBoundaries } from './boundary-forms.ts'
import { type Encoding, encodingsOf } from './encodings.ts'
import {
  type Field,
  fieldsOf,
  type MimeLines,
  plainName,
  unfolded,
  withoutComments,
} from './fields.ts'
import { readType } from './strict-type.ts'

/** Whether a header announces something: to no reader, surely to all, or maybe to some. */
export type Certainty = 'no' | 'sure' | 'maybe'

/** What the header of a message or part says about its content, to any reader. */
export interface PartHeader {
  readonly fields: readonly Field[]
  /** Lower case, `type/subtype`; '' if none is given. */
  readonly type: string
  readonly multipart: Certainty
  readonly message: Certainty
  /** As it is written; undefined if readers may differ about it in more than blanks. */
  readonly boundary: string | undefined
  /** All forms of all boundaries, in lower case. */
  readonly boundaries: readonly string[]
  readonly isDigest: boolean
  /** All encodings by which some reader decodes the content. One, if all readers agree. */
  readonly encodings: readonly Encoding[]
  /** Whether all readers agree about the fields that matter. */
  readonly isPlain: boolean
  /** Whether readers show the content as text of the mail itself: it is no file and no HTML. */
  readonly isText: boolean
  /** Whether it has a name or a disposition, so that readers save it as a file. */
  readonly isNamed: boolean
  /** Whether lines that end in a blank are joined to the next, without that blank (RFC 3676). */
  readonly isFlowed: boolean
}

/** In what form the lines of a header came. */
export interface HeaderForm {
  /** Whether each line was a field, and an empty line ended the header. */
  readonly isWhole: boolean
  /** Whether it is the header of a part, and not of a mail. */
  readonly isOfPart: boolean
}

const TYPE = 'content-type'
const ENCODING = 'content-transfer-encoding'
const DISPOSITION = 'content-disposition'
/** Fields by which some reader saves the content as a file. */
const OF_FILES = new Set([DISPOSITION, 'content-id', 'content-description', 'content-location'])

/** Reads the lines of a header. Linear in their length. */
export function readPartHeader(lines: MimeLines, { isWhole, isOfPart }: HeaderForm): PartHeader {
  const { hidesLineEnd } = lines
  const isClear = isWhole && !lines.hasControls && !hidesLineEnd
  if (lines.text === '' && isClear) return isOfPart ? SILENT_PART : SILENT
  // Some readers decode the header first: for them a field begins behind a line end in an encoded
  // word.
  const text = hidesLineEnd ? `${lines.text}\n${lines.decodedWords}` : lines.text
  const fields = fieldsOf(text)
  const isPlain = isClear && fields.every(isNamedPlainly)
  const valuesOf = (name: string) =>
    fields.filter((field) => plainName(field.name) === name).map(({ value }) => unfolded(value))
  const types = valuesOf(TYPE)
  const encodings = fields
    .filter(({ name }) => plainName(name) === ENCODING)
    .map(({ value }) => value.replace(/[\r\n]/g, '').trimStart())
  const isNamed =
    fields.some(({ name }) => OF_FILES.has(plainName(name))) ||
    types.some((value) => /name/i.test(value))
  const strict = types.length === 1 ? readType(types[0]!) : undefined
  const isSure = isPlain && strict !== undefined
  const spoken = withReadings(text)
  const said = spoken.toLowerCase()
  const boundaries = readBoundaries(spoken)
  const type = strict?.type ?? typeOf(types[0] ?? '')
  const boundary = strict?.boundary
  const multipart = multipartOf(type, said, isSure, boundary, boundaries)
  const message = messageOf(type, types.join('\n').toLowerCase(), isSure, isPlain)
  const spokenOf = encodingsOf(encodings, isPlain, said)
  // Parts and messages have encodings of their own; to some readers the field then has no effect
  // (RFC 2045 6.4).
  const isContainer = multipart !== 'no' || message !== 'no'
  return {
    fields,
    type,
    multipart,
    message,
    boundary: isSure && multipart !== 'no' && isSaidOnce(text, boundary) ? boundary : undefined,
    boundaries,
    isDigest: /multipart\s*\/\s*digest/.test(said),
    encodings: isContainer ? [...new Set<Encoding>(['identity', ...spokenOf])] : spokenOf,
    isPlain,
    isText: isPlain && !isNamed && (types.length === 0 ? !isOfPart : strict?.isText === true),
    isNamed,
    isFlowed: /delsp/.test(said),
  }
}

/** Whether the header says one boundary, which may have that word in itself, as many have. */
function isSaidOnce(text: string, boundary = ''): boolean {
  const count = (words: string) => words.match(/boundary/gi)?.length ?? 0
  return count(text) - count(boundary) === 1
}

const SILENT: PartHeader = {
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
  isNamed: false,
  isFlowed: false,
}

/** A part without a type may be a file to readers that give every part a type. */
const SILENT_PART: PartHeader = { ...SILENT, isText: false }

/** The header of content that has none: between and behind the parts of a multipart. */
export const NO_HEADER: PartHeader = SILENT

/**
 * The text; and, if that differs, the text without comments, for readers that remove comments
 * inside of words.
 */
function withReadings(text: string): string {
  return text.includes('(') ? `${text}\n${withoutComments(text)}` : text
}

function isNamedPlainly({ name }: Field): boolean {
  if (name === '') return false
  const plain = plainName(name)
  if (plain !== name) return false
  return plain === TYPE || plain === ENCODING || !/content-type|transfer-encoding/.test(plain)
}

function multipartOf(
  type: string,
  said: string,
  isSure: boolean,
  boundary: string | undefined,
  boundaries: readonly string[],
): Certainty {
  const isMentioned = said.includes('multipart') || said.includes('boundary')
  if (!isMentioned) return 'no'
  const isOne = isSure && type.startsWith('multipart/') && boundary !== undefined
  return isOne && boundaries.length === 1 ? 'sure' : 'maybe'
}

function messageOf(type: string, types: string, isSure: boolean, isPlain: boolean): Certainty {
  if (type.startsWith('message/')) return isSure ? 'sure' : 'maybe'
  if (!isPlain && types.includes('message')) return 'maybe'
  return /message[\s(]*\/|^\s*message\s*(?:;|$)/.test(types) ? 'maybe' : 'no'
}

/** The first word of the value, for a type that cannot be read strictly. */
function typeOf(value: string): string {
  return /^[^\s;]*/.exec(value)![0].toLowerCase()
}
