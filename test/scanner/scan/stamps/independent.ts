import { createHash, createHmac } from 'node:crypto'

/**
 * The stamps of doc/development/stamp-format.md, written down a second time from its text and
 * sharing no line with the program, so that tests do not compare it with itself.
 */

const isStamp = (name: string) => /^x-(md5|sha256)-cluster-\d+$/i.test(name)

/** Fields that no stamp binds, in the order of the table there. */
export const unboundFields = [
  'x-qhpsi',
  'received',
  'return-path',
  'delivered-to',
  'x-original-to',
  'envelope-to',
  'delivery-date',
  'received-spf',
  'authentication-results',
  'dkim-signature',
  'arc-seal',
  'arc-message-signature',
  'arc-authentication-results',
  'bcc',
  'resent-bcc',
  'content-length',
]

export interface Parts {
  readonly fields: readonly string[]
  readonly body: string
}

/** Header fields (folds kept) and canonical body of a well-formed message, as latin1. */
export function parts(message: Buffer): Parts {
  const text = message.toString('latin1').replaceAll('\r\n', '\n')
  const end = text.indexOf('\n\n')
  const body = text.slice(end + 2)
  return {
    fields: text.slice(0, end).split(/\n(?![ \t])/),
    body: body === '' || body.endsWith('\n') ? body : `${body}\n`,
  }
}

export function md5Hex(message: Buffer, secret: string): string {
  const bytes = Buffer.from(parts(message).body + secret, 'latin1')
  return createHash('md5').update(bytes).digest('hex')
}

export interface StampClaims {
  readonly id: string
  readonly time: number
  readonly scanners: string
}

/** The value of an X-SHA256-Cluster field that is put on top of `message`. */
export function hmacValue(message: Buffer, secret: Buffer, claims: StampClaims): string {
  return valueAbove(parts(message), secret, claims)
}

/** Whether the stamp of a release binds a field of the test messages. */
const isBoundInRelease = (field: string) => /^(?:mime-version|content-[^:]*):/i.test(field)

function valueAbove({ fields, body }: Parts, secret: Buffer, claims: StampClaims): string {
  const isRelease = claims.scanners.split(',').includes('!released')
  const bound = fields
    .filter((field) => !unboundFields.includes(nameOf(field)) && !isStamp(nameOf(field)))
    .filter((field) => !isRelease || isBoundInRelease(field))
    .map((field) => `${field}\n`)
    .join('')
  const sha256 = (text: string) =>
    createHash('sha256').update(Buffer.from(text, 'latin1')).digest('hex')
  const { id, time, scanners } = claims
  const lines = ['onescan-cluster/1', id, time, scanners, sha256(bound), sha256(body)]
  const mac = createHmac('sha256', secret)
    .update(lines.map((line) => `${line}\n`).join(''))
    .digest('base64url')
  return `v=1; k=${id}; t=${time}; s=${scanners}; h=${mac}`
}

const VALUE = /^v=1;k=([\w.-]{1,32});t=(\d{1,15});s=([^;]*);h=[\w-]{43}$/

/** Whether each hmac-sha256 stamp of a message holds, from the top; null for mail that none can hold for. */
export type Stamps = readonly boolean[] | null

/** `secrets` by the ids of their keys. */
export function stampsOf(message: Buffer, secrets: Readonly<Record<string, Buffer>>): Stamps {
  if (!isWellFormed(message)) return null
  const { fields, body } = parts(message)
  return fields.flatMap((field, index) => {
    if (!nameOf(field).startsWith('x-sha256') || !isStamp(nameOf(field))) return []
    const value = field.slice(field.indexOf(':') + 1).replace(/[ \t\n]+/g, '')
    const [, id = '', time, scanners = ''] = VALUE.exec(value) ?? []
    const secret = secrets[id]
    if (!secret || fields.slice(0, index).some(breaksStamps)) return [false]
    const below = { fields: fields.slice(index + 1), body }
    const wanted = valueAbove(below, secret, { id, time: Number(time), scanners })
    return [value === wanted.replaceAll(' ', '')]
  })
}

const nameOf = (field: string) => field.slice(0, field.indexOf(':')).toLowerCase()

/** Whether stamps below a field do not hold. */
const breaksStamps = (field: string) => /^(?:mime-version|content-(?!length:)[^:]*):/i.test(field)

/** The rules about line ends and about lines that are fields; lines that look like something else are left out. */
function isWellFormed(message: Buffer): boolean {
  const text = message.toString('latin1')
  const end = text.search(/\r?\n\r?\n/)
  const isCrlf = /^[^\n]*\r\n/.test(text)
  const hasOddEnd = isCrlf ? /(?<!\r)\n|\r(?!\n)/.test(text) : text.includes('\r')
  if (end < 0 || hasOddEnd || text.slice(0, end).includes('\0')) return false
  return parts(message).fields.every((field) =>
    /^[!-'*-9;-~]+:.*(?:\n[ \t]+[^ \t\n].*)*$/.test(field),
  )
}
