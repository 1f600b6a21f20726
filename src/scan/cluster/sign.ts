import type { Crypto } from '../../ground/runtime/crypto.ts'
import type { HeaderField } from '../../mail/message/header-block.ts'
import { isCurrent, type Key } from './keyring.ts'
import { digestBoundFields, md5Stamp, stampMac } from './mac.ts'
import { FIELD, nextNumber, RELEASED, releasedTo, scannerName } from './stamp.ts'
import type { HashedMessage } from './verify.ts'

interface SignOptions {
  readonly keys: readonly Key[]
  /** The names of the scanners that found the message clean. */
  readonly scanners: readonly string[]
  /** Unix seconds. */
  readonly now: number
  /**
   * The time at which the scan began, unix seconds; `now` if unset. The stamp bears this time, since
   * signatures may have changed during the scan.
   */
  readonly since?: number
  readonly crypto: Crypto
}

/**
 * Makes a stamp by the first current key for a message as it leaves. The stamp is to stand above all
 * fields that are there. Returns undefined if the message is not well formed, or if no key is current.
 */
export function signMessage(
  message: HashedMessage,
  { keys, scanners, now, since = now, crypto }: SignOptions,
): { readonly field: HeaderField; readonly key: string } | undefined {
  const names = scanners.map(scannerName).join(',')
  return signClaims(message, { keys, names, now, time: Math.min(since, now), crypto })
}

interface ClaimOptions extends Pick<SignOptions, 'keys' | 'now' | 'crypto'> {
  /** The value of `s=`. */
  readonly names: string
  /** The value of `t=`, unix seconds. */
  readonly time: number
}

function signClaims(
  message: HashedMessage,
  options: ClaimOptions,
): { readonly field: HeaderField; readonly key: string } | undefined {
  const key = options.keys.find((candidate) => isCurrent(candidate, options.now))
  if (key === undefined || message.form.formFault !== undefined) return undefined
  const value = key.scheme === 'md5' ? md5Value(message, key) : hmacValue(message, key, options)
  if (value === undefined) return undefined
  const number = nextNumber(message.header.fields, key.scheme)
  return { field: { name: `${FIELD[key.scheme]}${number}`, value }, key: key.id }
}

/**
 * Makes a stamp by the first current key that may release, for a message that an administrator releases
 * from quarantine to these recipients, at most RELEASED_TO_MAX. Returns undefined as signMessage() does.
 */
export function signRelease(
  message: HashedMessage,
  recipients: readonly string[],
  { keys, now, crypto }: Pick<SignOptions, 'keys' | 'now' | 'crypto'>,
): { readonly field: HeaderField; readonly key: string } | undefined {
  const releasing = keys.filter(({ mayRelease }) => mayRelease)
  const names = [RELEASED, ...recipients.map((address) => releasedTo(crypto, address))].join(',')
  return signClaims(message, { keys: releasing, names, now, time: now, crypto })
}

function md5Value({ form: { digests } }: HashedMessage, key: Key): string | undefined {
  return digests.md5 && md5Stamp(digests.md5, key.secret)
}

function hmacValue(
  { header, form: { digests } }: HashedMessage,
  key: Key,
  { names, time, crypto }: ClaimOptions,
): string | undefined {
  if (digests.sha256 === undefined) return undefined
  const claims = {
    k: key.id,
    t: String(time),
    s: names,
  }
  const fieldsDigest = digestBoundFields(crypto, header, 0)
  const mac = stampMac(crypto, key.secret, claims, fieldsDigest, digests.sha256)
  return `v=1; k=${claims.k}; t=${claims.t}; s=${claims.s}; h=${mac.toString('base64url')}`
}
