import { LruCache } from '../../../base/flow/cache.ts'
import { STRICT_NAME } from '../../message/field-line.ts'
import { LimitExceeded, limits } from '../budget/limits.ts'
import { toUtf8 } from '../decoders/charsets.ts'
import type { Oddity } from '../reports/oddities.ts'
import { areAllStandard, type Encoding, encodingsIn } from './encodings.ts'
import {
  type Field,
  fieldsOf,
  fieldValues,
  normalizedName,
  readingsOf,
  undecoded,
} from './fields.ts'
import type { MimeText } from './mime-lines.ts'
import {
  BOUNDARY_WORD,
  charsetsIn,
  hasOpenQuote,
  MULTIPART_WORDS,
  withoutQuotes,
} from './parameters.ts'

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
  /** The character sets that the header names, by their normalized names, other than ASCII and UTF-8. */
  readonly charsets: readonly string[]
  /** Whether programs show the content as a text. */
  readonly isShown: boolean
  readonly declared: ReadonlySet<DeclaredAs>
  /** Whether all programs agree about the fields that matter, and about whether the content is a multipart or a message. */
  readonly isUnambiguous: boolean
  readonly oddities: readonly Oddity[]
}

/** Types, names and parameters, anywhere in a header, that declare to some mail program what the content is. */
const declaringWords = {
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
  message: /\.eml\b/,
  /** Lines may have a blank in front of them that is not part of the text (RFC 3676 4.4). */
  flowed: /flowed/,
  /** A line that ends in a blank is joined to the next line, without that blank (RFC 3676). */
  delsp: /delsp/,
} as const satisfies Readonly<Record<string, RegExp>>

/**
 * What a header, or the text around a content, declares it as. A `text` begins like a mail among the lines of a header: the
 * reading of the surrounding mail finds what is in it.
 */
export type DeclaredAs = keyof typeof declaringWords | 'text'

function declaredIn(header: string): ReadonlySet<DeclaredAs> {
  const words = Object.entries(declaringWords) as [DeclaredAs, RegExp][]
  return new Set(words.flatMap(([as, word]) => (word.test(header) ? [as] : [])))
}

const TYPE = 'content-type'
const ENCODING = 'content-transfer-encoding'
const DISPOSITION = 'content-disposition'

/**
 * Parses the information of a header about its content. `isWellFormed` means that each line was a field, and that an
 * empty line ended the header; `isOfPart`, that it belongs to a part, and not to a message. The time is linear
 * in the length of the lines. Throws LimitExceeded if there are too many encoded words or boundaries.
 */
export function readPartHeader(
  { text, hasControls, hidesLineEnd }: MimeText,
  { isWellFormed, isOfPart }: { readonly isWellFormed: boolean; readonly isOfPart: boolean },
): PartHeader {
  const isClean = isWellFormed && !hasControls && !hidesLineEnd
  const found = { isOfPart, isWellFormed: isClean, hasControls, hidesLineEnd }
  if (text === '' && isClean) return isOfPart ? EMPTY_PART : NO_HEADER
  if (hidesLineEnd || text.length > CACHED_LENGTH_MAX) return readText(text, found)
  const kind = `${isOfPart} ${isClean} ${hasControls} `
  const key = kind + text
  const cached = headerCache.get(key)
  if (cached !== undefined) return cached
  // (The cached value is parsed from the key: a slice of the mail's header would keep all of that in memory.)
  const header = readText(key.slice(kind.length), found)
  headerCache.set(key, header)
  return header
}

/** Short headers, by all their information about content. Most mail has the same few, and some has one 10,000 times. */
const headerCache = new LruCache<PartHeader>(256)
/** Upper limit for the characters of a cached header. */
const CACHED_LENGTH_MAX = 512

const TOO_LONG = `a header with more than ${limits.fieldCharacters} characters about content`

/** How the lines of a header are written, and whose it is. */
type FoundAs = Parameters<typeof readPartHeader>[1] & Omit<MimeText, 'text'>

function readText(text: string, { isOfPart, isWellFormed, ...found }: FoundAs): PartHeader {
  if (text.length > limits.fieldCharacters) throw new LimitExceeded(TOO_LONG)
  const written = undecoded(text)
  const readings = readingsOf(text, written)
  const fields = fieldsOf(text)
  const types = fieldValues(fields, TYPE)
  const codings = fieldValues(fields, ENCODING)
  const dispositions = fieldValues(fields, DISPOSITION)
  const areAgreed = isWellFormed && fields.every(isAgreedName)
  const strict = types.length === 1 ? readType(types[0]!) : undefined
  const type = strict?.type ?? firstWord(types[0] ?? '')
  const isOfMultipart = type.startsWith('multipart/')
  const boundary = strict?.parameters.get('boundary')
  const hasBoundary = readings.some((reading) => BOUNDARY_WORD.test(reading))

  const isMultipart = MULTIPART_WORDS.test(written.join('\n'))
  const isAgreedMultipart =
    isOfMultipart && isMultipart && hasAgreedType(fields) && isAgreedBoundary(boundary, text)
  const isMessage = isMessageToSome(types, type, areAgreed)
  const isAgreedMessage = areAgreed && strict !== undefined && type.startsWith('message/')
  const possible = encodingsIn(fields, codings, areAgreed)
  // The parts of a multipart, and a message, have encodings of their own. Some programs ignore the
  // field above them (RFC 2045 6.4).
  const mayHoldParts = isMultipart || isMessage
  const encodings = mayHoldParts ? [...new Set<Encoding>(['identity', ...possible])] : possible
  const charsets = charsetsIn(readings)

  const isInline = dispositions.every((value) => /^inline[ \t;]*$/i.test(value))
  const isText = types.length === 0 ? !isOfPart : strict !== undefined && isShownType(strict)
  const isShown = areAgreed && isInline && isText

  const areNamed = fields.every(({ name }) => FIELD_NAME.test(name))
  const has = {
    header: found.hasControls || !(found.hidesLineEnd || areNamed),
    field:
      [types, codings, dispositions].some((some) => some.length > 1 || some[0] === '') ||
      [...types, ...dispositions].some(hasOpenQuote) ||
      !areAllStandard(codings) ||
      charsets.some((charset) => toUtf8(charset).length === 0),
    boundary: isOfMultipart ? boundary === undefined : hasBoundary,
    'encoded-multipart': isOfMultipart && encodings.some((encoding) => encoding !== 'identity'),
  }
  return {
    fields,
    type,
    isMultipart,
    isMessage,
    boundary: isAgreedMultipart ? withoutQuotes(boundary!) : undefined,
    hasBoundary,
    encodings,
    charsets,
    isShown,
    declared: declaredIn(readings.join('\n').toLowerCase()),
    isUnambiguous:
      areAgreed && isMultipart === isAgreedMultipart && (!isMessage || isAgreedMessage),
    oddities: OF_HEADERS.filter((oddity) => has[oddity]),
  }
}

const OF_HEADERS = ['header', 'field', 'boundary', 'encoded-multipart'] as const

/** Returns the first word of the value, for a type that cannot be parsed strictly. */
function firstWord(value: string): string {
  return /^[^\s;]*/.exec(value)![0].toLowerCase()
}

const FIELD_NAME = new RegExp(`^${STRICT_NAME}$`)

/** Whether all programs know what a field of this name is about. */
function isAgreedName({ name }: Field): boolean {
  if (name === '' || normalizedName(name) !== name) return false
  return name === TYPE || name === ENCODING || !/content-type|transfer-encoding/.test(name)
}

/**
 * Returns whether the name of the field with the type is written plainly, no other field has these letters, and the field
 * does not go on in a line that is none.
 */
function hasAgreedType(fields: readonly Field[]): boolean {
  const like = fields.filter(({ name, value }) => isLikeType(name) || isLikeType(value))
  const [field] = like
  if (like.length !== 1 || field!.name !== TYPE) return false
  return !isLikeType(field!.value) && fields[fields.indexOf(field!) + 1]?.name !== ''
}

function isLikeType(text: string): boolean {
  return /contenttype/i.test(text.replace(/[^a-z]/gi, ''))
}

/** Whether all programs read a boundary alike, and the header has no other. Many boundaries contain the word boundary. */
function isAgreedBoundary(written: string | undefined, text: string): boolean {
  if (written === undefined || !AGREED_BOUNDARY.test(written)) return false
  const count = (words: string) => words.match(/boundary/gi)?.length ?? 0
  return count(text) - count(written) === 1
}

function isMessageToSome(types: readonly string[], type: string, areAgreed: boolean): boolean {
  if (type.startsWith('message/')) return true
  const words = undecoded(types.join('\n')).join('\n').toLowerCase()
  if (!areAgreed && words.includes('message')) return true
  return /message[\s(]*\/|^\s*message\s*(?:;|$)/.test(words)
}

/** A type that every program reads alike. */
interface ContentType {
  /** In lower case, `type/subtype`. */
  readonly type: string
  /** The values by their names in lower case; those in quotes with them. */
  readonly parameters: ReadonlyMap<string, string>
}

/** The types of text that programs show. They save every other text as a file, and one that has a name. */
const SHOWN = new Set(['text/plain', 'text/html', 'text/enriched'])

function isShownType({ type, parameters }: ContentType): boolean {
  return SHOWN.has(type) && ![...parameters.keys()].some((name) => name.includes('name'))
}

/** Reads a Content-Type about which programs cannot differ (RFC 2045 5.1). Returns undefined for others. */
function readType(text: string): ContentType | undefined {
  const value = text.trimEnd()
  const head = /^([\w.+-]+\/[\w.+-]+)[ \t]*/.exec(value)
  if (!head) return undefined
  const parameters = new Map<string, string>()
  let at = head[0].length
  while (at < value.length) {
    PARAMETER.lastIndex = at
    const found = PARAMETER.exec(value)
    if (!found) return undefined
    const [whole, written, parameter] = found
    at += whole.length
    if (written === undefined) continue // a semicolon at the end
    const name = written.toLowerCase()
    if (parameters.has(name)) return undefined
    parameters.set(name, parameter!)
  }
  const boundary = parameters.get('boundary')
  if (boundary !== undefined && !BOUNDARY.test(withoutQuotes(boundary))) return undefined
  return { type: head[1]!.toLowerCase(), parameters }
}

const PARAMETER =
  /;[ \t]*(?:([\w*.%-]+)[ \t]*=[ \t]*("[^"\\]*"|[\w'+.,/:=?$!*%&~^{}|#@-]+)[ \t]*|$)/y
/** RFC 2046 5.1.1. */
const BOUNDARY = /^[!-~](?:[ -~]{0,68}[!-~])?$/
/**
 * Programs end a boundary at a blank or a comment, drop quotes and angle brackets, and end a token at other characters than
 * RFC 2045 5.1 lists.
 */
const AGREED_BOUNDARY = /^(?:"[\w!#$%&*+,./:=?@^`{|}~-]+"|[\w!#$%&*+.^`{|}~-]+)$/

const EMPTY = { isWellFormed: true, hasControls: false, hidesLineEnd: false }

/** The header of content without one: between and after the parts of a multipart; and one that states nothing. */
export const NO_HEADER = readText('', { ...EMPTY, isOfPart: false })

/**
 * The header of a part without information about its content, or of one without a header. It may be a file to
 * programs that assign every part a type.
 */
export const EMPTY_PART = readText('', { ...EMPTY, isOfPart: true })
