import type { Hash } from 'node:crypto'
import type { Crypto } from '../../../base/runtime/crypto.ts'
import type { FieldSpan, Header } from '../../../mail/message/header-block.ts'

/** A header field that has the form of a stamp, whether or not it holds. */
export type Stamp =
  | {
      readonly scheme: 'md5'
      readonly number: string
      readonly field: number
      readonly hex: string
    }
  | {
      readonly scheme: 'hmac-sha256'
      readonly number: string
      /** The index of the field in the header block. */
      readonly field: number
      readonly claims: Claims
      /** base64url without padding. */
      readonly mac: string
    }

/** The claims of an hmac-sha256 stamp, in the very bytes that its MAC covers. */
export interface Claims {
  /** The id of the key. */
  readonly k: string
  /** The time of the scan, unix seconds in decimal digits. */
  readonly t: string
  /** The scanners, separated by commas, as scannerName() writes them. */
  readonly s: string
}

/** The names of fields, without the number that follows. */
export const FIELD = { md5: 'X-MD5-Cluster-', 'hmac-sha256': 'X-SHA256-Cluster-' } as const

/** The word in `s=` of a stamp for a message whose parts were each scanned, in addition to the whole. */
export const EVERY_PART = 'everypart'

/**
 * The word in `s=` for a message that an administrator has released from quarantine, and that no host needs
 * to scan. No scanner can have this name, because scannerName() escapes `!`.
 */
export const RELEASED = '!released'

/** The beginning of a word in `s=` for a recipient to whom a message was released. */
const RELEASED_TO = '!to-'

/** Upper limit for the recipients that a stamp names: its line stays below 998 bytes, RFC 5322 2.1.1. */
export const RELEASED_TO_MAX = 32

/** Writes a recipient for `s=`: 96 bits of the SHA-256 of the address, in lower case. */
export function releasedTo(crypto: Pick<Crypto, 'createHash'>, address: string): string {
  const digest = crypto.createHash('sha256').update(address.toLowerCase(), 'latin1').digest()
  return `${RELEASED_TO}${digest.subarray(0, 12).toString('base64url')}`
}

const NAME = /^x-(md5|sha256)-cluster-([0-9]+)$/i
const VALUE = /^v=1;k=([A-Za-z0-9._-]{1,32});t=([0-9]{1,15});s=([^;]*);h=([A-Za-z0-9_-]{43})$/

/** Returns whether a field name is that of a stamp. */
export function isStampName(name: string): boolean {
  return stampName(name) !== undefined
}

/**
 * Returns the scheme and number in the name of a field. `01` and `1` are the same number, which may have any
 * length.
 */
export function stampName(name: string): { scheme: Stamp['scheme']; number: string } | undefined {
  // Nearly all names are ruled out here, without the expression.
  if (name.length <= 'x-md5-cluster-'.length || name[1] !== '-') return undefined
  const [, hash, number = ''] = NAME.exec(name) ?? []
  if (hash === undefined) return undefined
  const scheme = hash.toLowerCase() === 'md5' ? 'md5' : 'hmac-sha256'
  return { scheme, number: number.replace(/^0+(?=.)/, '') }
}

/** Finds the stamps of a header block, in order. A field whose value is not a valid stamp is skipped. */
export function stampsIn(header: Header): Stamp[] {
  const stamps: Stamp[] = []
  for (const [index, field] of header.fields.entries()) {
    const name = stampName(field.name)
    if (!name) continue
    // Relays fold fields: white space in the value means nothing.
    const value = header.valueOf(field).replace(/[ \t\r\n]+/g, '')
    if (name.scheme === 'md5') {
      if (/^[0-9a-f]{32}$/i.test(value)) {
        stamps.push({ ...name, scheme: 'md5', field: index, hex: value.toLowerCase() })
      }
      continue
    }
    const [, k, t = '', s = '', mac = ''] = VALUE.exec(value) ?? []
    if (k === undefined) continue
    stamps.push({ ...name, scheme: 'hmac-sha256', field: index, claims: { k, t, s }, mac })
  }
  return stamps
}

/** Finds the lowest number from 1 on that no field of the scheme has. */
export function nextNumber(fields: readonly FieldSpan[], scheme: Stamp['scheme']): number {
  const taken = new Set<string>()
  for (const { name } of fields) {
    const stamp = stampName(name)
    if (stamp?.scheme === scheme) taken.add(stamp.number)
  }
  let number = 1
  while (taken.has(String(number))) number++
  return number
}

/**
 * Writes the name of a scanner for `s=`: bytes other than letters, digits, `.`, `_`, `+` and `-`
 * become %XX.
 */
export function scannerName(name: string): string {
  return name.replace(/[^A-Za-z0-9._+-]/g, (character) =>
    [...Buffer.from(character)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join(''),
  )
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
