import type { Crypto } from '../../../../base/runtime/crypto.ts'
import { isCurrent, type Key } from '../../stamps/keyring.ts'

/** The secrets of fingerprints and seals, without which neither can be forged or guessed. */
export interface Secrets {
  readonly fingerprint: Buffer
  readonly seal: Buffer
}

/**
 * Derives two secrets from one, so that neither reveals anything about the other or about the stamps
 * of its key.
 */
export function deriveSecrets(secret: Buffer, crypto: Pick<Crypto, 'createHmac'>): Secrets {
  const derive = (purpose: string) =>
    crypto.createHmac('sha256', secret).update(`onescan-verdict/1 ${purpose}\n`, 'latin1').digest()
  return { fingerprint: derive('fingerprint'), seal: derive('seal') }
}

/**
 * Returns the mark that a host leaves in a store, under a name known to all hosts. The mark shows hosts with
 * different keys that they share nothing. It reveals the key only to hosts that have it.
 */
export function keyMark(secret: Buffer, crypto: Pick<Crypto, 'createHmac'>): Buffer {
  const mac = crypto.createHmac('sha256', secret).update('onescan-verdict/1 mark\n', 'latin1')
  return Buffer.from(mac.digest().toString('base64url'))
}

/**
 * Returns the key that the hosts of a cluster share: of the current hmac-sha256 keys the one whose id
 * sorts first. Hosts may sign with different keys, but all have the same ones in their keyrings. `now`
 * is in Unix seconds.
 */
export function sharedKey(keys: readonly Key[], now: number): Key | undefined {
  let first: Key | undefined
  for (const key of keys) {
    if (key.scheme !== 'hmac-sha256' || !isCurrent(key, now)) continue
    if (first === undefined || key.id < first.id) first = key
  }
  return first
}
