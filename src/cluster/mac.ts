import type { Hash } from 'node:crypto'
import type { Crypto } from '../ground/runtime/crypto.ts'
import type { Header } from '../message/header-block.ts'
import { type Claims, isStampName } from './stamp.ts'

/**
 * Computes the SHA-256, in hex, of the bound header fields from index `from` on. Each field counts as it
 * stands, from the first byte of its name through its line end; only CRLF becomes LF. Blanks stay, since
 * in a quoted boundary every one of them counts.
 */
export function digestBoundFields(crypto: Crypto, header: Header, from: number): string {
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
 * The fields that hosts on the way add, drop or rewrite, and by which no reader decodes mail. They are
 * part of the format; onescan-stamp(7) gives the reason for each.
 */
export const unboundFields: ReadonlySet<string> = new Set([
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

/** Whether a stamp vouches for a field of this name (lower case) that stands below it. */
export function isBound(name: string): boolean {
  return !unboundFields.has(name) && !isStampName(name)
}

/** Whether a field of this name may not be added above a stamp, since readers decode the body by it. */
export function decodesBody(name: string): boolean {
  return /^(?:mime-version$|content-(?!length$))/i.test(name)
}

/** Computes the MAC of an hmac-sha256 stamp: HMAC-SHA256 over six lines, each ended by LF. */
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

/** Computes md5(body, key), in hex, from the state of the hash over the body, which can be used again. */
export function md5Stamp(state: Hash, secret: Buffer): string {
  return state.copy().update(secret).digest('hex')
}
