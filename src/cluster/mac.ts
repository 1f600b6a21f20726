import type { Hash, Hmac } from 'node:crypto'
import { type FieldSpan, fieldValue } from '../message/header-block.ts'
import { type Claims, isStampName } from './stamp.ts'

/** node:crypto, handed in because the slot loads it only where there is a keyring. */
export interface Crypto {
  createHash(algorithm: string): Hash
  createHmac(algorithm: string, key: Buffer): Hmac
  timingSafeEqual(a: Uint8Array, b: Uint8Array): boolean
}

/**
 * SHA-256 in hex over the header fields from index `from` on, but for stamps and
 * X-QHPSI, each in the relaxed canonical form of RFC 6376 3.4.2 and ended by LF.
 * `leftOut` names fields (lower case) that the signer removes from the message.
 */
export function digestFields(
  crypto: Crypto,
  block: Buffer,
  fields: readonly FieldSpan[],
  from: number,
  leftOut: readonly string[] = [],
): string {
  const hash = crypto.createHash('sha256')
  for (let i = from; i < fields.length; i++) {
    const name = fields[i]!.name.toLowerCase()
    if (isBound(name) && !leftOut.includes(name)) {
      hash.update(`${name}:${relaxed(fieldValue(block, fields[i]!))}\n`, 'latin1')
    }
  }
  return hash.digest('hex')
}

/** Whether a stamp above a field of this name (lower case) binds it. */
export function isBound(name: string): boolean {
  return name !== 'x-qhpsi' && !isStampName(name)
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

/** md5(body, key) in hex, from the state over the body, which stays as it was. */
export function md5Stamp(state: Hash, secret: Buffer): string {
  return state.copy().update(secret).digest('hex')
}

/** RFC 6376 3.4.2: unfolded, runs of blanks one space, none at either end. */
function relaxed(value: string): string {
  return value
    .replace(/\r?\n/g, '')
    .replace(/[ \t]+/g, ' ')
    .replace(/^ | $/g, '')
}
