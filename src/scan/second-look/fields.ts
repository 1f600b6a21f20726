import type { Trait } from './trait-names.ts'

/** The characters of a MIME field that every known reader takes. */
const FIELD_MAX = 2000

/** What a header says about its content, as the standards have it. */
export interface PartKind {
  /** The type in lower case, `type/subtype`. */
  readonly type: string
  readonly boundary: string | undefined
  readonly encoding: 'base64' | 'quoted-printable' | 'identity'
}

const TOKEN = '[^\\s()<>@,;:\\\\"/\\[\\]?=\\x00-\\x1f\\x7f-\\xff]+'
// A quoted string, or a value without quotes that has no blanks, quotes and semicolons.
const VALUE = '(?:"[^"\\\\\\r\\n\\0]*"|[^\\s()<>;"\\\\\\x00-\\x20]+)'
const PARAMETERS = `(?:[ \\t]*;[ \\t]*(${TOKEN})=(${VALUE}))*`
const TYPE = new RegExp(`^[ \\t]*(${TOKEN}/${TOKEN})${PARAMETERS}[ \\t]*$`)
const DISPOSITION = new RegExp(`^[ \\t]*(${TOKEN})${PARAMETERS}[ \\t]*$`)
const EACH = new RegExp(`;[ \\t]*(${TOKEN})=(${VALUE})`, 'g')
const BOUNDARY =
  /^[0-9A-Za-z'()+_,\-./:=?&*!#$%@~^{}|[\]]+(?: [0-9A-Za-z'()+_,\-./:=?&*!#$%@~^{}|[\]]+)*$/
const BOUNDARY_MAX = 70
/** Types of files that hold mails: a signature around a mail, and a mailbox. */
const MAIL_TYPE = /^application\/(?:x-)?(?:pkcs7-mime|mbox)/
const TYPE_FIELD = 'content-type'
const ENCODING_FIELD = 'content-transfer-encoding'
const DISPOSITION_FIELD = 'content-disposition'

/** Reads what well-formed fields of a header say about content, and calls `has` with each trait. */
export function readFields(
  fields: readonly { readonly name: string; readonly value: string }[],
  has: (trait: Trait) => void,
): PartKind {
  let type = 'text/plain'
  let boundary: string | undefined
  let encoding: PartKind['encoding'] = 'identity'
  const seen = new Set<string>()
  let mailFile = false
  for (const { name, value } of fields) {
    if (name !== TYPE_FIELD && name !== ENCODING_FIELD && name !== DISPOSITION_FIELD) {
      if (/content.?t(?:ype|ransfer)|transfer.encoding/.test(name)) has('field-alike')
      continue
    }
    if (seen.has(name)) has('field-twice')
    seen.add(name)
    // A longer field is a trait, and the rest of it is not read.
    if (value.length > FIELD_MAX) has('long-header')
    const text = value.slice(0, FIELD_MAX).replace(/\r?\n/g, '').trim()
    if (text === '') has('empty-field')
    if (text.endsWith(';')) has('semicolon-end')
    if (count(text, '"') % 2 === 1) has('odd-quotes')
    if (text.includes('\\')) has('backslash')
    if (name === ENCODING_FIELD) {
      encoding = readEncoding(value.slice(0, FIELD_MAX), has)
      continue
    }
    mailFile ||= /name/i.test(text) && /\.(?:eml|nws|mht|mhtml|mim|mbox|p7m)\b/i.test(text)
    const plain = withoutEnd(text)
    const match = (name === TYPE_FIELD ? TYPE : DISPOSITION).exec(plain)
    if (!match) {
      if (text !== '') has(name === TYPE_FIELD ? 'type-form' : 'disposition-form')
      if (/boundary/i.test(text)) boundary ??= /boundary\s*=\s*"?([^";\s]+)/i.exec(text)?.[1]
      if (name === TYPE_FIELD) type = /^[^\s;]*/.exec(plain)![0].toLowerCase()
      continue
    }
    if (name === TYPE_FIELD) type = match[1]!.toLowerCase()
    const parameters = new Set<string>()
    for (const [, parameter, raw] of plain.matchAll(EACH)) {
      const lower = parameter!.toLowerCase()
      if (parameters.has(lower)) has('parameter-twice')
      parameters.add(lower)
      if (lower.startsWith('boundary')) {
        if (lower !== 'boundary') has('boundary-form')
        boundary ??= raw!.startsWith('"') ? raw!.slice(1, -1) : raw!
        if (name !== TYPE_FIELD) has('boundary-elsewhere')
      }
    }
  }
  if (type.startsWith('multipart/')) {
    if (boundary === undefined || boundary.length > BOUNDARY_MAX || !BOUNDARY.test(boundary))
      has('boundary-form')
  } else if (boundary !== undefined) has('boundary-elsewhere')
  if ((mailFile && !type.startsWith('message/')) || MAIL_TYPE.test(type)) has('mail-file')
  const isFile = !/^(?:text|message|multipart)\//.test(type)
  if (isFile && !seen.has(ENCODING_FIELD)) has('encoding-missing')
  return { type, boundary, encoding }
}

function readEncoding(value: string, has: (trait: Trait) => void): PartKind['encoding'] {
  const word = value
    .replace(/^[ \t]+/, '')
    .trimEnd()
    .toLowerCase()
  if (word === 'base64' || word === 'quoted-printable') return word
  if (word !== '7bit' && word !== '8bit' && word !== 'binary') {
    if (word !== '') has('encoding-word')
    if (word.includes('base64')) return 'base64'
    if (word.includes('quoted')) return 'quoted-printable'
  }
  return 'identity'
}

function count(text: string, character: string): number {
  let found = 0
  for (let at = text.indexOf(character); at >= 0; at = text.indexOf(character, at + 1)) found++
  return found
}

/** Returns the text without blanks and semicolons at its end. */
function withoutEnd(text: string): string {
  let end = text.length
  while (end > 0 && ' \t;'.includes(text[end - 1]!)) end--
  return text.slice(0, end)
}
