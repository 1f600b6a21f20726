import type { DigestsWanted } from '../../mail/message/canonical-body.ts'
import type { Header } from '../../mail/message/header-block.ts'
import { isCurrent, type Key, type Scheme } from './keyring.ts'
import { stampName } from './stamp.ts'

/**
 * Returns the digests that signing and verifying this message may need: that of the key that would sign
 * it, and those of schemes of which the message has stamps and the keyring has keys. Others are not
 * computed, since hashing a large body takes time. `now` is in unix seconds.
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
