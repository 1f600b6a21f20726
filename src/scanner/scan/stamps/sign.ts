import type { Crypto } from '../../../base/runtime/crypto.ts'
import type { HeaderField } from '../../../mail/message/header-block.ts'
import { BoundFields, isOfRelease } from './bound-fields.ts'
import { isCurrent, type Key } from './keyring.ts'
import {
  type Claims,
  FIELD,
  md5Stamp,
  nextNumber,
  RELEASED,
  releasedTo,
  scannerName,
  stampMac,
} from './stamp.ts'
import type { HashedMessage } from './verify-stamps.ts'

/** The keys and data that a stamp is made from. */
interface SignOptions {
  readonly keys: readonly Key[]
  /** Unix seconds. */
  readonly now: number
  /**
   * The time at which the scan began, unix seconds; `now` if unset. The stamp contains this time, because
   * signatures may have changed during the scan.
   */
  readonly since?: number
  readonly crypto: Crypto
  /** Words of `s=` that are not the name of a scanner, used unchanged. */
  readonly besides?: readonly string[]
}

/**
 * Returns a stamp by the first current key for an outgoing message that these scanners found clean. The stamp
 * must be inserted above all existing fields. Returns undefined if the message is not well formed, or if no
 * key is current.
 */
export function signMessage(
  message: HashedMessage,
  scanners: readonly string[],
  options: SignOptions,
): { readonly field: HeaderField; readonly key: string } | undefined {
  return signNames(message, [...scanners.map(scannerName), ...(options.besides ?? [])], options)
}

/**
 * Returns a stamp by the first current key that may release, for a message that an administrator releases
 * from quarantine to these recipients, at most RELEASED_TO_MAX. Returns undefined as signMessage() does.
 */
export function signRelease(
  message: HashedMessage,
  recipients: readonly string[],
  options: SignOptions,
): ReturnType<typeof signMessage> {
  const keys = options.keys.filter(({ mayRelease }) => mayRelease)
  const names = [RELEASED, ...recipients.map((address) => releasedTo(options.crypto, address))]
  return signNames(message, names, { ...options, keys })
}

/** `names` are the value of `s=`. */
function signNames(
  message: HashedMessage,
  names: readonly string[],
  { keys, now, since = now, crypto }: SignOptions,
): ReturnType<typeof signMessage> {
  const key = keys.find((candidate) => isCurrent(candidate, now))
  if (key === undefined || message.canonical.fault !== undefined) return undefined
  const claims = { k: key.id, t: String(Math.min(since, now)), s: names.join(',') }
  const value =
    key.scheme === 'md5' ? md5Value(message, key) : hmacValue(message, key, claims, crypto)
  if (value === undefined) return undefined
  const number = nextNumber(message.header.fields, key.scheme)
  return { field: { name: `${FIELD[key.scheme]}${number}`, value }, key: key.id }
}

function md5Value({ canonical: { digests } }: HashedMessage, key: Key): string | undefined {
  return digests.md5 && md5Stamp(digests.md5, key.secret)
}

function hmacValue(
  { header, canonical: { digests } }: HashedMessage,
  key: Key,
  claims: Claims,
  crypto: Crypto,
): string | undefined {
  if (digests.sha256 === undefined) return undefined
  const fieldsDigest = new BoundFields(header, isOfRelease(claims)).digestFrom(crypto, 0)
  const mac = stampMac(crypto, key.secret, claims, fieldsDigest, digests.sha256)
  return `v=1; k=${claims.k}; t=${claims.t}; s=${claims.s}; h=${mac.toString('base64url')}`
}
