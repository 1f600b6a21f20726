import { readSecret } from '../../ground/settings/secret-file.ts'
import type { StoreAddress } from './address.ts'

/** Where a store is, and what lets us in. */
export interface StoreAccess {
  readonly address: StoreAddress
  readonly password: string | undefined
  /** The password of the sentinels, which may be another one. */
  readonly sentinelPassword: string | undefined
  /** File of certificates that a server's must be signed by, with TLS; undefined: the system's. */
  readonly authorities: string | undefined
}

/** Names of files. */
export interface AccessFiles {
  readonly passwordFile: string | undefined
  readonly sentinelPasswordFile: string | undefined
  readonly authorities: string | undefined
}

/** Reads the files with passwords. Throws if one of them cannot be read, or is open to others. */
export function accessOf(address: StoreAddress, files: AccessFiles): StoreAccess {
  const read = (file: string | undefined) => (file === undefined ? undefined : readSecret(file))
  return {
    address,
    password: read(files.passwordFile),
    sentinelPassword: read(files.sentinelPasswordFile),
    authorities: files.authorities,
  }
}
