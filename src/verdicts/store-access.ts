import { readSecret } from '../settings/secret-file.ts'
import type { StoreAddress } from './store-address.ts'
import type { VerdictPolicy } from './verdicts-policy.ts'

/** Where a store is, and by what it lets us in. */
export interface StoreAccess {
  readonly address: StoreAddress
  readonly password: string | undefined
  /** That of the sentinels, which may be another one. */
  readonly sentinelPassword: string | undefined
  /** File of certificates that a server's must be signed by, with TLS; undefined: the system's. */
  readonly authorities: string | undefined
}

/** Reads the files with passwords. Throws if one of them cannot be read, or is open to others. */
export function accessOf(address: StoreAddress, policy: VerdictPolicy): StoreAccess {
  const read = (file: string | undefined) => (file === undefined ? undefined : readSecret(file))
  return {
    address,
    password: read(policy.passwordFile),
    sentinelPassword: read(policy.sentinelPasswordFile),
    authorities: policy.authorities,
  }
}
