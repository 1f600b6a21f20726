import type { Environment } from '../../../ground/settings/settings.ts'
import type { ControlDirectories } from '../../../judge/policy.ts'
import { readScanPolicy, type ScanPolicy } from '../../../scan/shared/scan-policy.ts'
import { type Accounts, groupName, type SystemAccount } from './account.ts'

/** The limits in bytes at which a runtime can fail, by setrlimit(2). Undefined is no limit. */
export interface MemoryLimits {
  readonly addressSpace: number | undefined
  readonly data: number | undefined
  readonly stack: number | undefined
}

export const noLimits: MemoryLimits = {
  addressSpace: undefined,
  data: undefined,
  stack: undefined,
}

/** The host as the slot or onescand sees it. Checks look at nothing else. */
export interface Host {
  readonly env: Environment
  readonly directories: ControlDirectories
  /** The account that the slot or onescand runs as. */
  readonly account: SystemAccount
  readonly accounts: Accounts
  readonly limits: MemoryLimits
  /** The slot program: QMAILQUEUE, else the onescan-queue of this onescan. */
  readonly program: string
  /** The clients whose mail is handled so, by tcpserver's rules; undefined: all clients. */
  readonly clients?: string | undefined
  /** The time of the check, in milliseconds as Date.now(). */
  readonly now: number
  /** The command line of onescand; undefined if the host is checked for the slot. */
  readonly daemon?: DaemonWords | undefined
}

export interface DaemonWords {
  /** The words of its command line. */
  readonly words: readonly string[]
  /** The addresses at which the running onescand listens, as its options have them. */
  readonly held: readonly string[]
  /** The file with its settings, for remedies. */
  readonly file: string
}

/**
 * The scanners that QHPSI names. Undefined if it names none, or if it cannot be read, which the
 * check of the settings reports.
 */
export function scanPolicyOf({ env, directories }: Host): ScanPolicy | undefined {
  try {
    return readScanPolicy(env, directories)
  } catch {
    return undefined
  }
}

/** `qmaild (nofiles, clamav)`: the account with its groups. */
export function accountText({ account, accounts }: Host): string {
  const groups = account.groups.map((gid) => groupName(accounts, gid)).join(', ')
  return `${account.name} (${groups})`
}
