import { readSecret } from '../../ground/settings/secret-file.ts'
import type { StoreAddress } from './address.ts'

/** The address of a store, and what it needs to let this process in. */
export interface StoreAccess {
  readonly address: StoreAddress
  readonly password: string | undefined
  /** The password of the sentinels, which may differ. */
  readonly sentinelPassword: string | undefined
  /** With TLS, file of the authorities that must have signed a server's certificate; undefined: the system's. */
  readonly authorities: string | undefined
}

/** The names of the files with passwords and certificates. */
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
