import { isCurrent, type Key } from '../cluster/keyring.ts'
import type { Crypto } from '../ground/runtime/crypto.ts'

/**
 * The secrets that fingerprints and seals are made with: without them nobody can make or guess
 * either.
 */
export interface Secrets {
  readonly fingerprint: Buffer
  readonly seal: Buffer
}

/**
 * Derives two secrets from one, so that neither tells anything about the other or about the stamps
 * of its key.
 */
export function deriveSecrets(secret: Buffer, crypto: Pick<Crypto, 'createHmac'>): Secrets {
  const derive = (purpose: string) =>
    crypto.createHmac('sha256', secret).update(`onescan-verdict/1 ${purpose}\n`, 'latin1').digest()
  return { fingerprint: derive('fingerprint'), seal: derive('seal') }
}

/**
 * What a host leaves in a store under a name that all hosts know, so that hosts with different keys
 * notice that they share nothing. Only who has the key can tell which key it is.
 */
export function keyMark(secret: Buffer, crypto: Pick<Crypto, 'createHmac'>): Buffer {
  const mac = crypto.createHmac('sha256', secret).update('onescan-verdict/1 mark\n', 'latin1')
  return Buffer.from(mac.digest().toString('base64url'))
}

/**
 * The key that the hosts of a cluster share: of the current hmac-sha256 keys the one whose id sorts
 * first. Each host may sign with another key, but all have the same ones in their rings. `now` in
 * unix seconds.
 */
export function sharedKey(keys: readonly Key[], now: number): Key | undefined {
  let first: Key | undefined
  for (const key of keys) {
    if (key.scheme !== 'hmac-sha256' || !isCurrent(key, now)) continue
    if (first === undefined || key.id < first.id) first = key
  }
  return first
}
