import type { DigestsWanted } from '../message/canonical-body.ts'
import type { Header } from '../message/header-block.ts'
import { isCurrent, type Key, type Scheme } from './keyring.ts'
import { stampName } from './stamp.ts'

/**
 * The digests that signing and verifying this message may ask for: that of the key that
 * would sign, and those of the schemes that it has stamps and the ring has keys of. Of
 * large mail, hashing takes the most time here. `now` in unix seconds.
 */
export function digestsFor(header: Header, keys: readonly Key[], now: number): DigestsWanted {
  const schemes = new Set<Scheme>()
  const signing = keys.find((key) => isCurrent(key, now))
  if (signing !== undefined) schemes.add(signing.scheme)
  for (const { name } of header.fields) {
    const stamp = stampName(name)
    if (stamp && keys.some(({ scheme }) => scheme === stamp.scheme)) schemes.add(stamp.scheme)
  }
  return { md5: schemes.has('md5'), sha256: schemes.has('hmac-sha256') }
}
