import { Fault } from '../runtime/fault.ts'
import { type Environment, wholeNumber } from '../settings/settings.ts'
import { readStoreAddress, type StoreAddress } from './valkey/address.ts'

/** Whether, where and for how long verdicts are remembered; onescan-queue(8) has each variable. */
export interface VerdictPolicy {
  readonly store: 'off' | 'memory' | StoreAddress
  /** Seconds. */
  readonly maxAge: number
  /** Milliseconds that a message waits for a store that hosts share. */
  readonly timeout: number
  /** Scans that a message may kill or outlast, before there is none for a while; 0: any number. */
  readonly poisonTries: number
  /** File with its password. */
  readonly passwordFile: string | undefined
  /** File with that of its sentinels. */
  readonly sentinelPasswordFile: string | undefined
  /** File with the certificates of those who sign its own. */
  readonly authorities: string | undefined
}

export const DEFAULT_VERDICT_AGE = 3600
export const DEFAULT_VERDICT_TIMEOUT = 20
export const DEFAULT_POISON_TRIES = 3
/** A day: whatever was not known yesterday may be known today. */
const LONGEST = 86_400

/** Reads VERDICTS and what belongs to it. Faults are of kind `config`. */
export function readVerdictPolicy(env: Environment): VerdictPolicy {
  return {
    store: readStore(env.VERDICTS || 'memory'),
    maxAge: wholeNumber(env, 'VERDICTMAXAGE', DEFAULT_VERDICT_AGE, {
      max: LONGEST,
      unit: 'seconds',
    }),
    timeout: wholeNumber(env, 'VERDICTTIMEOUT', DEFAULT_VERDICT_TIMEOUT, {
      min: 1,
      max: 1000,
      unit: 'milliseconds',
    }),
    poisonTries: wholeNumber(env, 'POISONTRIES', DEFAULT_POISON_TRIES, { max: 100 }),
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
