import { isCurrent, type Key } from '../cluster/keyring.ts'
import type { Crypto } from '../cluster/mac.ts'

/** What fingerprints and seals are made with: nobody without it can make or guess either. */
export interface Secrets {
  readonly fingerprint: Buffer
  readonly seal: Buffer
}

/** Two secrets from one, so that neither says anything of the other or of the stamps of its key. */
export function deriveSecrets(secret: Buffer, crypto: Pick<Crypto, 'createHmac'>): Secrets {
  const derive = (purpose: string) =>
    crypto.createHmac('sha256', secret).update(`onescan-verdict/1 ${purpose}\n`, 'latin1').digest()
  return { fingerprint: derive('fingerprint'), seal: derive('seal') }
}

/**
 * What a host leaves in a store, under a name that all know, so that hosts with other keys see that
 * they share nothing: it says which key this is to those alone who have it.
 */
export function keyMark(secret: Buffer, crypto: Pick<Crypto, 'createHmac'>): Buffer {
  const mac = crypto.createHmac('sha256', secret).update('onescan-verdict/1 mark\n', 'latin1')
  return Buffer.from(mac.digest().toString('base64url'))
}

/**
 * The key that the hosts of a cluster share: of the current ones of hmac-sha256, that whose id
 * comes first. Each host may sign with another one, but all of them have the same in their
 * rings. `now` in unix seconds.
 */
export function sharedKey(keys: readonly Key[], now: number): Key | undefined {
  let first: Key | undefined
  for (const key of keys) {
    if (key.scheme !== 'hmac-sha256' || !isCurrent(key, now)) continue
    if (first === undefined || key.id < first.id) first = key
  }
  return first
}
