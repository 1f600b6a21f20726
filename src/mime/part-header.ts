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

/** Whether a header announces something: to no reader, to all of them, or perhaps to some. */
export type Announced = 'no' | 'sure' | 'maybe'

/** What the header of a message or part says of its content, to any reader. */
export interface PartHeader {
  readonly fields: readonly Field[]
  /** Lower case, `type/subtype`; '' if none is given. */
  readonly type: string
  readonly multipart: Announced
  readonly message: Announced
  /** As it is written, in a header that leaves no room for opinions but about its blanks. */
  readonly boundary: string | undefined
  /** All readings of all boundaries, in small letters. */
  readonly boundaries: readonly string[]
  readonly isDigest: boolean
  /** All that some reader decodes the content by; one, if all readers agree. */
  readonly encodings: readonly Encoding[]
  /** All readers agree about the fields, as far as they matter. */
  readonly isPlain: boolean
  /** Whether readers show the content as text of the mail itself: no file, and no HTML. */
  readonly isText: boolean
  /** It has a name, or a disposition: readers save it as a file. */
  readonly isNamed: boolean
  /** Lines that end in a blank are one (RFC 3676), and the blank goes. */
  readonly isFlowed: boolean
}

/** How the lines of a header stand. */
export interface HeaderForm {
  /** It ended in an empty line, and each line was a field. */
  readonly isWhole: boolean
  /** It is that of a part, and not of a mail. */
  readonly isOfPart: boolean
}

const TYPE = 'content-type'
const ENCODING = 'content-transfer-encoding'
const DISPOSITION = 'content-disposition'
/** Fields that make a file of a content to some reader: it has a name by them, or a place. */
const OF_FILES = new Set([DISPOSITION, 'content-id', 'content-description', 'content-location'])

/** Reads the lines of a header. Linear in their length. */
export function readPartHeader(lines: MimeLines, { isWhole, isOfPart }: HeaderForm): PartHeader {
  const { hidesLineEnd } = lines
  const isClear = isWhole && !lines.hasControls && !hidesLineEnd
  if (lines.text === '' && isClear) return isOfPart ? SILENT_PART : SILENT
  // Behind a line end in an encoded word a field begins, to who decodes a header at first.
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
  const multipart = multipartOf(type, said, isSure, strict?.boundary, boundaries)
  const message = messageOf(type, types.join('\n').toLowerCase(), isSure, isPlain)
  const spokenOf = encodingsOf(encodings, isPlain, said)
  // Parts and messages have encodings of their own; others are none to some (RFC 2045 6.4).
  const isContainer = multipart !== 'no' || message !== 'no'
  return {
    fields,
    type,
    multipart,
    message,
    boundary: isSure && multipart !== 'no' && isOnce(text) ? strict.boundary : undefined,
    boundaries,
    isDigest: /multipart\s*\/\s*digest/.test(said),
    encodings: isContainer ? [...new Set<Encoding>(['identity', ...spokenOf])] : spokenOf,
    isPlain,
    isText: isPlain && !isNamed && (types.length === 0 ? !isOfPart : strict?.isText === true),
    isNamed,
    isFlowed: /delsp/.test(said),
  }
}

function isOnce(text: string): boolean {
  return (text.match(/boundary/gi)?.length ?? 0) === 1
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

/** A part that says no type may be a file to who gives one to each part. */
const SILENT_PART: PartHeader = { ...SILENT, isText: false }

/** Content that no header is about: between and behind the parts of a multipart. */
export const NO_HEADER: PartHeader = SILENT

/** The text, and where that differs what it is without comments, for who takes them out of words. */
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
): Announced {
  const isMentioned = said.includes('multipart') || said.includes('boundary')
  if (!isMentioned) return 'no'
  const isOne = isSure && type.startsWith('multipart/') && boundary !== undefined
  return isOne && boundaries.length === 1 ? 'sure' : 'maybe'
}

function messageOf(type: string, types: string, isSure: boolean, isPlain: boolean): Announced {
  if (type.startsWith('message/')) return isSure ? 'sure' : 'maybe'
  if (!isPlain && types.includes('message')) return 'maybe'
  return /message[\s(]*\/|^\s*message\s*(?:;|$)/.test(types) ? 'maybe' : 'no'
}

/** The type as far as it can be told where nothing else can. */
function typeOf(value: string): string {
  return /^[^\s;]*/.exec(value)![0].toLowerCase()
}
