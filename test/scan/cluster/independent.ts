import { createHash, createHmac } from 'node:crypto'

/**
 * The stamps of onescan-stamp(7), written down a second time from its text and
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
  const { fields, body } = parts(message)
  const bound = fields
    .filter((field) => {
      const name = field.slice(0, field.indexOf(':')).toLowerCase()
      return !unboundFields.includes(name) && !isStamp(name)
    })
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
