import * as crypto from 'node:crypto'
import type { FingerprintInput } from '../../../../../src/scanner/scan/verdicts/copies/fingerprint.ts'
import { examine } from '../../stamps/hashed-message.ts'

export const SCAN = 'onescan=0.1.0 nesting=12 secondlook=always scanners=clamd,maxsize=104857600'

export function subjectOf(message: Buffer, scan = SCAN): FingerprintInput {
  const { header, canonical } = examine(message)
  const { fault, digests } = canonical
  return { header, canonicalFault: fault, bodyDigest: digests.sha256, scanDescription: scan }
}

/** The fingerprint, written down a second time from design.md and stamp-format.md. */
export function independentFingerprint(message: Buffer, secret: Buffer, scan = SCAN): string {
  const ending = message.includes('\r\n') ? 'crlf' : 'lf'
  const text = message.toString('latin1').replaceAll('\r\n', '\n')
  const end = text.indexOf('\n\n')
  const body = text.slice(end + 2)
  const fields = text.slice(0, end).split(/\n(?![ \t])/)
  const held = fields.map((field) => {
    const name = field.slice(0, field.indexOf(':')).toLowerCase()
    if (free.includes(name) || /^x-(md5|sha256)-cluster-\d+$/.test(name)) return ''
    return named.includes(name) ? `${name}:\n` : `${field}\n`
  })
  const sha256 = (what: string) =>
    crypto.createHash('sha256').update(Buffer.from(what, 'latin1')).digest('hex')
  const whole = body === '' || body.endsWith('\n') ? body : `${body}\n`
  const lines = ['onescan-verdict/1', scan, ending, sha256(whole), held.join('')]
  return crypto.createHmac('sha256', secret).update(lines.join('\n'), 'latin1').digest('base64url')
}

export const named = ['message-id', 'date', 'to', 'cc']
export const free = [
  'received',
  'received-spf',
  'return-path',
  'delivered-to',
  'delivery-date',
  'envelope-to',
  'x-original-to',
  'authentication-results',
  'dkim-signature',
  'arc-seal',
  'arc-message-signature',
  'arc-authentication-results',
  'bcc',
  'resent-bcc',
  'x-qhpsi',
]
