import { Fault } from '../ground/errors/fault.ts'
import { readSetting } from '../ground/settings/read.ts'
import { readSecret } from '../ground/settings/secret-file.ts'
import type { Environment } from '../ground/settings/settings.ts'
import { readStoreAddress, type StoreAccess, type StoreAddress } from './valkey/address.ts'

/** Whether, where and for how long verdicts are remembered; onescan-queue(8) describes each variable. */
export interface VerdictPolicy {
  readonly store: 'off' | 'memory' | StoreAddress
  /** Seconds for which a verdict counts. */
  readonly maxAge: number
  /** Milliseconds that a message waits for an answer of a shared store. */
  readonly timeout: number
  /** File with the password of the shared store. */
  readonly passwordFile: string | undefined
  /** File with the password of the sentinels. */
  readonly sentinelPasswordFile: string | undefined
  /** File with the certificates of the authorities that sign those of the servers. */
  readonly authorities: string | undefined
}

/** Reads VERDICTS and the settings that belong to it. Throws Faults of kind `config`. */
export function readVerdictPolicy(env: Environment): VerdictPolicy {
  return {
    store: readStore(readSetting(env, 'VERDICTS')),
    maxAge: readSetting(env, 'VERDICTMAXAGE'),
    timeout: readSetting(env, 'VERDICTTIMEOUT'),
    passwordFile: env.VERDICTPASSWORD || undefined,
    sentinelPasswordFile: env.VERDICTSENTINELPASSWORD || undefined,
    authorities: env.VERDICTCA || undefined,
  }
}

function readStore(text: string): VerdictPolicy['store'] {
  if (text === 'off' || text === 'memory') return text
  const address = readStoreAddress(text)
  if (address !== undefined) return address
  const forms = 'memory, off, valkey://HOST:PORT, unix:/PATH or another form of onescan-queue(8)'
  throw new Fault('config', `VERDICTS ${text}: must be ${forms}`)
}

/** Reads the files with passwords of a store. Throws if one of them cannot be read, or is open to others. */
export function accessOf(
  address: StoreAddress,
  { passwordFile, sentinelPasswordFile, authorities }: VerdictPolicy,
): StoreAccess {
  const read = (file: string | undefined) => (file === undefined ? undefined : readSecret(file))
  return {
    address,
    password: read(passwordFile),
    sentinelPassword: read(sentinelPasswordFile),
    authorities,
  }
}
