import { type CheckLine, settingsFault } from '../../../base/check/check-line.ts'
import { attempt, errorCode, errorText } from '../../../base/errors/fault.ts'
import type { Environment } from '../../../base/process/environment.ts'
import type { ControlDirectories } from '../../../base/settings/control-directories.ts'
import { isUnderSystemd } from '../../../base/systemd/bound-paths.ts'
import { DEFAULTS } from '../../configuration/settings-of-onescand.ts'
import { readScanSettings, type ScanSettings } from '../../scan/scanners/contract/scan-settings.ts'
import {
  type Accounts,
  groupName,
  ownAccount,
  readAccounts,
  type SystemAccount,
} from './account.ts'

/** A host as onescan-queue or onescand sees it. Checks use no other data. */
export interface CheckedHost {
  readonly env: Environment
  readonly directories: ControlDirectories
  /** The account that the slot or onescand runs as. */
  readonly account: SystemAccount
  readonly accounts: Accounts
  /** Whether onescand uses these settings. Otherwise, onescan-queue does. */
  readonly isDaemon: boolean
  /** Whether onescand takes mail from a queue (--after-queue), which it never refuses. */
  readonly hasQueuedMail?: boolean
  /** Whether onescanc uses onescand, and so needs no keys itself. */
  readonly asksOnescand: boolean
  /** Paths of clamd.conf(5), if different from those of the packages. */
  readonly clamdConfigFiles?: readonly string[]
  /** The time of the check, in milliseconds as Date.now(). */
  readonly now: number
}

/** Tries one thing that mail needs to be scanned, from the settings to the signatures. */
export type Check<H = CheckedHost> = (host: H) => CheckLine[] | Promise<CheckLine[]>

/** Runs a check. An error that it throws becomes a check line, so that the others still run. */
export async function runCheck<H>(check: Check<H>, host: H): Promise<CheckLine[]> {
  try {
    return await check(host)
  } catch (error) {
    const isOfFile = [error, (error as Error).cause].some((thrown) => errorCode(thrown) !== '')
    const text = errorText(error)
    const line = settingsFault(text)
    const hasNoRemedy = line.value === text
    return [
      isOfFile && hasNoRemedy ? { ...line, remedy: 'create this file, or make it readable' } : line,
    ]
  }
}

/** The host as this process sees it. */
export function ownHost(
  env: Environment,
  directories: ControlDirectories,
  isDaemon: boolean,
): CheckedHost {
  const accounts = readAccounts()
  const account = ownAccount(accounts)
  return { env, directories, account, accounts, isDaemon, asksOnescand: false, now: Date.now() }
}

/** Returns the remedy that changes settings, such as `set SCANFAIL=defer`, with the place where that is done. */
export function inSettingsOf({ isDaemon }: Pick<CheckedHost, 'isDaemon'>, change: string): string {
  if (!isDaemon)
    return `${change} in the environment of qmail-smtpd (its run script, envdir or rules)`
  return isUnderSystemd()
    ? `${change} in ${DEFAULTS}, then run systemctl restart onescand`
    : `${change} in the environment of onescand, then restart onescand`
}

/** The scanners that QHPSI names. Undefined if it names none, or if it cannot be read. */
export function scanSettingsOf({
  env,
  directories,
}: Pick<CheckedHost, 'env' | 'directories'>): ScanSettings | undefined {
  return attempt(() => readScanSettings(env, directories))
}

/** `qmaild (nofiles, clamav)`: the account with its groups. */
export function accountText({
  account,
  accounts,
}: Pick<CheckedHost, 'account' | 'accounts'>): string {
  const groups = account.groups.map((gid) => groupName(accounts, gid)).join(', ')
  return `${account.name} (${groups})`
}
