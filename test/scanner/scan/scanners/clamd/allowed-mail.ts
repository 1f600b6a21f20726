import { createHash } from 'node:crypto'
import {
  contentForms,
  multipartForms,
  type PartForm,
} from '../../../../../src/mail/mime/covered/tried-forms.ts'
import { firstFields } from '../../../../../src/mail/mime/leaves/mail-starts.ts'
import type { Random } from '../../../../run/random.ts'

/*
 * Random messages by the grammar of what is left to the scan of the whole (src/mail/mime/covered/): many of its rules
 * together in each, at the edge of what they allow.
 */

const text = Buffer.from(
  'Dear all,\nthese are = the \xe4 minutes; see below.\n--\nRegards\n',
  'latin1',
)
const page = Buffer.from('<html><body>\n<p title="a=b">The Minutes</p>\n</body></html>\n')
const file = Buffer.from(`MZ\0\x01\xff${'abc\r\n\0'.repeat(40)}the very end`, 'latin1')

/** The file of a type that a signature finds: by a hash of the whole, or by how HTML begins. */
const known: Readonly<Record<string, Buffer>> = { 'text/plain': text, 'text/html': page, file }

const hash = (bytes: Buffer) => `${createHash('md5').update(bytes).digest('hex')}:${bytes.length}:S`

/** What a clamd knows that finds the file of each type. */
export const databaseOfKnown: Readonly<Record<string, string>> = {
  'a.hdb': `${hash(text)}\n${hash(file)}\n`,
  'a.ndb': `S:3:0:${Buffer.from('<html><body>').toString('hex')}\n`,
}

/** Texts without the known ones. */
const fillers: Readonly<Record<string, readonly string[]>> = {
  'text/plain': [
    'See below.\n',
    '-- \nA signature\n',
    '\n\n \nx\n\n\n\ny',
    'From a\nReceived: from b\n',
  ],
  'text/html': ['<b>See below</b>\n', '<!-- -->\n\n\n<i>x</i>', '<p>\n\t\n</p>'],
  file: ['abcdefghi'.repeat(30), 'PK\x03\x04 no archive', 'a', 'GIF89a', 'Content-Type: a/b\n\n'],
}

/** Lines between parts, or in a text: libclamav looks at some of them. */
const lines = [
  ...['', '', ' ', '\t', '--', '-- ', '-', '---', '-x', '(x)', '(x)-', '--(x)', '.', '=', '"', ':'],
  'From a',
  '>From a',
  'From: a',
  'Received: from a by b; Mon',
  'Subject: x;',
  'X-A: b;',
  'X: a=b',
  ...['name=x', 'boundary=x', ' boundary="x"', 'base64', 'x base64', 'Date: x', 'Message-Id: <x>'],
  ...['MIME-Version: 1.0', 'end', '`', '#86)C', 'This is a message in several parts.', '\xe4\xf6'],
  ...['-----Original Message-----', '----- Original message follows -----', 'PK\x03\x04', '<html>'],
  ...[
    'bEGIN 899 x',
    'begin 899 x',
    '%PDF-1.4',
    'x'.repeat(990),
    ';',
    ' ; ',
    'be gin 644 x',
    'x begin 644 x',
    'bin hex',
    'x BinHex',
  ],
]

const word = (random: Random, characters: string, most: number) =>
  Array.from({ length: 1 + random.below(most) }, () => random.pick([...characters])).join('')

const LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'
const IN_WORD = `${LETTERS}!#$&+-.^_\`{|}~`
const IN_QUOTES = `${LETTERS} !#$%&'()+,-./:<=>?@[]^_\`{|}~`
const IN_BOUNDARY = `${LETTERS}'+_,-./:=?`

const inAnyCase = (random: Random, letters: string) =>
  random.once(4) ? random.pick([letters.toUpperCase(), letters.toLowerCase()]) : letters

const fold = (random: Random) => random.pick(['', ' ', ' ', '  ', '\n ', '\n\t', ' \n  '])

/** A field that has nothing to do with content. */
function otherField(random: Random): string {
  const name = random.pick([
    ...['X-A', 'X_A', 'x-a.b', 'Subject', 'To', 'DKIM-Signature', 'Content-ID', 'Content-Language'],
    'Content-Description',
    'Date',
    'Message-Id',
    'Received',
    'MIME-Version',
    'List-Id',
    'X-begin',
  ])
  const value = random.pick([
    ...['x', '', 'a=b', 'a; b=c', '<a=b@c>', '(a', 'a)', '"a', 'a"b"', '=?utf-8?q?a=3Bb?=', '\xe4'],
    'boundary=x',
    'multipart/mixed; boundary="x"',
    'base64',
    'x\n y',
    'x;\n y=z',
    'x\n\ty=";z"',
    ...['a;', 'a; ', 'x\n b;', 'text/plain', 'begin 644 x', '*0=', 'a*=b', '\\', 'x'.repeat(900)],
  ])
  return `${name}:${random.pick([' ', ' ', '', '\t', '  '])}${value}`
}

function parameter(random: Random): string {
  const name = random.pick([
    'charset',
    'format',
    'x-a',
    'size',
    'reply-type',
    'start',
    'method',
    'q',
  ])
  return written(random, inAnyCase(random, `${name}${random.once(3) ? random.below(9) : ''}`))
}

/** A parameter. Its value may have a semicolon, at which libclamav ends it. */
function written(random: Random, name: string): string {
  const isQuoted = random.once(2)
  const some = isQuoted
    ? word(random, IN_QUOTES, 30).replaceAll('=?', '')
    : word(random, IN_WORD, 12)
  const value = random.once(80) ? `${some};${some}` : some
  const equals = random.once(8) ? ' = ' : '='
  return `${name}${equals}${isQuoted ? `"${value}"` : value}`
}

/** A value with its parameters, in any order. */
function valueWith(random: Random, value: string, own: readonly string[]): string {
  const all = [...own, ...Array.from({ length: random.below(3) }, () => parameter(random))]
  if (random.once(2)) all.reverse()
  const rest = all.map((each) => `${random.pick(['', '', ' '])};${fold(random)}${each}`).join('')
  const end = random.once(60) ? ';' : random.pick(['', '', ' ', '\t'])
  return `${fold(random)}${inAnyCase(random, value)}${rest}${end}`
}

/** Fields in any order, with others among them. */
function header(random: Random, fields: readonly string[], most: number): string {
  const all = [...fields, ...Array.from({ length: random.below(most) }, () => otherField(random))]
  for (let at = all.length - 1; at > 0; at--) {
    const other = random.below(at + 1)
    ;[all[at], all[other]] = [all[other]!, all[at]!]
  }
  return `${all.join('\n')}\n\n`
}

const typeField = (random: Random, type: string, own: readonly string[]) =>
  `${inAnyCase(random, 'Content-Type')}:${valueWith(random, type, own)}`

function encodingField(random: Random, encoding: string): string[] {
  if (encoding === 'identity' && random.once(3)) return []
  const name = encoding === 'identity' ? random.pick(['7bit', '8bit', 'binary']) : encoding
  return [
    `${inAnyCase(random, 'Content-Transfer-Encoding')}:${fold(random)}${inAnyCase(random, name)}`,
  ]
}

function dispositionField(random: Random, isFile: boolean): string[] {
  if (random.once(2)) return []
  const kind = isFile ? random.pick(['attachment', 'inline']) : 'inline'
  const own = isFile && random.once(2) ? [written(random, 'filename')] : []
  return [`Content-Disposition:${isFile ? valueWith(random, kind, own) : ` ${kind}`}`]
}

function encoded(random: Random, bytes: Buffer, encoding: string): string {
  if (encoding === 'identity') return bytes.toString('latin1')
  if (encoding === 'base64') {
    const width = random.pick([76, 76, 72, 60, 64, 4, 8, 75, 5, 1, 990])
    const cut = bytes.toString('base64').replace(new RegExp(`.{${width}}(?=.)`, 'g'), '$&\n')
    return `${random.pick(['', '', '\n'])}${cut}${random.pick(['\n', '\n', '\n\n', ''])}`
  }
  const hex = (character: string) => {
    const digits = character.charCodeAt(0).toString(16).padStart(2, '0')
    return `=${random.once(3) ? digits : digits.toUpperCase()}`
  }
  const often = random.pick([2, 20, 200])
  return bytes.toString('latin1').replace(/[^\n]/g, (character) => {
    const isOdd = /[=\x00-\x1f\x7f-\xff]/.test(character)
    const escaped = isOdd || random.once(often) ? hex(character) : character
    return random.once(30) ? `${escaped}=\n` : escaped
  })
}

/** A part of this form, with these bytes, and at most `others - 1` other fields. */
function partWith(
  random: Random,
  content: PartForm['content'],
  bytes: Buffer,
  others: number,
): string {
  const [type, encoding] = content.split(' ') as [string, string]
  const isFile = type === 'file'
  const declared = isFile
    ? `${random.pick(['application', 'image', 'audio', 'video'])}/${word(random, `${LETTERS}.+-`, 9)}`
    : type
  const own = isFile && random.once(2) ? [written(random, 'name')] : []
  const fields = [
    typeField(random, declared, own),
    ...encodingField(random, encoding),
    ...dispositionField(random, isFile),
  ]
  return header(random, fields, others) + encoded(random, bytes, encoding)
}

function filler(random: Random, isCalm = false): string {
  const content = random.pick(contentForms)
  const type = content.split(' ')[0]!
  const body =
    !isCalm && random.once(3)
      ? Array.from({ length: random.below(6) }, () => random.pick(lines)).join('\n')
      : random.pick(fillers[type]!)
  return partWith(random, content, Buffer.from(body, 'latin1'), isCalm ? 2 : 4)
}

const between = (random: Random) =>
  random.once(2)
    ? ''
    : Array.from({ length: random.below(4) }, () => `${random.pick(lines)}\n`).join('')

function boundaryOf(random: Random): string {
  const front = random.pick(['', '', '--', '----=_Part_', '=_', '----'])
  return (front + word(random, IN_BOUNDARY, random.pick([8, 20, 40]))).replaceAll('=?', '=_')
}

const ended = (entity: string) => (entity.endsWith('\n') ? entity : `${entity}\n`)

/** A file in a mail, and the type by which forms name it. */
export interface FileInMail {
  readonly type: 'text/plain' | 'text/html' | 'file'
  readonly bytes: Buffer
}

interface AllowedMail {
  readonly mail: string
  /** The form of the part that has the file. */
  readonly form: string
  /** The boundaries around it, from the outside in. */
  readonly boundaries: readonly string[]
}

interface MailOptions {
  /** The file in it, or one that `databaseOfKnown` finds. */
  readonly file?: FileInMail | undefined
  /** The boundaries around it from the outside in, if they are not random. */
  readonly boundaries?: readonly string[] | undefined
  /** Whether it is attached to another message; at random if it is not set. */
  readonly isForwarded?: boolean
  /** Whether it has few other fields, and no odd lines, as most mail. */
  readonly isCalm?: boolean
}

/** A message with a file in one of its parts. */
export function allowedMail(
  random: Random,
  { file, boundaries: given, isForwarded = random.once(4), isCalm = false }: MailOptions = {},
): AllowedMail {
  const content = random.pick(contentForms.filter((form) => !file || form.startsWith(file.type)))
  const form = random.pick(multipartForms)
  const others = isCalm ? 2 : 4
  const gap = () => (isCalm ? '' : between(random))
  let entity = partWith(random, content, file?.bytes ?? known[content.split(' ')[0]!]!, others)
  const boundaries: string[] = []
  const subtypes = form === '' ? [] : form.split('/')
  for (const [level, subtype] of [...subtypes.entries()].toReversed()) {
    const boundary = given?.[level] ?? boundaryOf(random)
    boundaries.unshift(boundary)
    const isLong = isCalm && random.once(60)
    const count = isLong ? random.pick([97, 99, 100, 101, 120]) : random.below(4)
    const parts = Array.from({ length: count }, () => filler(random, isCalm))
    if (isCalm && random.once(24))
      parts.push(`Content-Type: message/rfc822\n\nFrom: x\n${filler(random, isCalm)}`)
    parts.splice(random.below(parts.length + 1), 0, entity)
    const isWord = /^[\w+.-]+$/.test(boundary) && random.once(2)
    const own = isWord ? `boundary=${boundary}` : `boundary="${boundary}"`
    const delimiter = `--${boundary}\n`
    const end = !isCalm && random.once(12) ? '' : `--${boundary}--\n${gap()}`
    const fields = [
      typeField(random, `multipart/${subtype}`, [own]),
      ...encodingField(random, 'identity'),
    ]
    entity = `${header(random, fields, others)}${gap()}${delimiter}${parts.map(ended).join(delimiter)}${end}`
  }
  const top = [random.pick(firstFields), 'From', ...(random.once(2) ? ['Received'] : [])]
  const above = top.map((name) => `${name}: ${random.pick(['x', 'x;', 'a=b;', '"x'])}\n`).join('')
  const more = Array.from({ length: random.below(others) }, () => `${otherField(random)}\n`).join(
    '',
  )
  const end = random.pick(['\n', '\n', '\r\n'])
  const alone = `${above}${more}${entity}`
  const mail = isForwarded ? forwarded(random, alone) : alone
  const mailbox = random.once(20) ? 'From a@b Mon Oct  6 09:12:00 2025\n' : ''
  return {
    mail: `${mailbox}${mail}`.replaceAll('\n', end),
    form: `${content}, ${form}`,
    boundaries,
  }
}

/** A message with this one among those attached to it: by their type, or because it is a digest. */
function forwarded(random: Random, mail: string): string {
  const isDigest = random.once(2)
  const type = isDigest && random.once(2) ? '' : 'Content-Type: message/rfc822\n'
  const subtype = isDigest ? 'digest' : 'mixed'
  const boundary = boundaryOf(random)
  const mails = Array.from({ length: random.below(3) }, () => `From: x\n${filler(random)}`)
  mails.splice(random.below(mails.length + 1), 0, mail)
  const parts = mails.map((each) => ended(`${type}\n${each}`))
  if (!isDigest && random.once(2)) parts.unshift(ended(filler(random)))
  const delimiter = `--${boundary}\n`
  return `From: x\nContent-Type: multipart/${subtype}; boundary="${boundary}"\n\n${delimiter}${parts.join(delimiter)}--${boundary}--\n`
}
