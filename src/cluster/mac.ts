import type { Hash } from 'node:crypto'
import type { Crypto } from '../ground/runtime/crypto.ts'
import type { Header } from '../message/header-block.ts'
import { type Claims, isStampName } from './stamp.ts'

/**
 * SHA-256 in hex over the bound header fields from index `from` on. Each counts as it stands, from
 * the first byte of its name through its line end; CRLF is made LF and nothing else is changed.
 * Blanks stay, since in a quoted boundary every one of them counts.
 */
export function digestFields(crypto: Crypto, header: Header, from: number): string {
  const hash = crypto.createHash('sha256')
  const { fields } = header
  for (let i = from; i < fields.length; i++) {
    const field = fields[i]!
    if (!isBound(field.key)) continue
    hash.update(header.textOf(field).replaceAll('\r\n', '\n'), 'latin1')
  }
  return hash.digest('hex')
}

/**
 * Fields that hosts add, drop or rewrite on the way, and by which no reader decodes mail:
 * part of the format, argued one by one in onescan-stamp(7).
 */
export const hostsOwn: ReadonlySet<string> = new Set([
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
  'content-length',
  'x-qhpsi',
])

/** Whether a stamp above a field of this name (lower case) binds it. */
export function isBound(name: string): boolean {
  return !hostsOwn.has(name) && !isStampName(name)
}

/**
 * Whether a field of this name may not be added above a stamp: it would turn the same
 * body into another message.
 */
export function decodesBody(name: string): boolean {
  return /^(?:mime-version$|content-(?!length$))/i.test(name)
}

/** The mac of an hmac-sha256 stamp: HMAC-SHA256 over six lines, each ended by LF. */
export function stampMac(
  crypto: Crypto,
  secret: Buffer,
  claims: Claims,
  fieldsDigest: string,
  bodyDigest: string,
): Buffer {
  const { k, t, s } = claims
  return crypto
    .createHmac('sha256', secret)
    .update(`onescan-cluster/1\n${k}\n${t}\n${s}\n${fieldsDigest}\n${bodyDigest}\n`, 'latin1')
    .digest()
}

/** md5(body, key) in hex, from the hash state over the body; that state can be used again. */
export function md5Stamp(state: Hash, secret: Buffer): string {
  return state.copy().update(secret).digest('hex')
}
