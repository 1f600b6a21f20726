import { Fault } from '../../../base/errors/fault.ts'
import {
  type Accounts,
  findAccount,
  groupId,
  readAccounts,
  type SystemAccount,
} from '../../readiness/host/account.ts'
import { ACCOUNT } from '../host/running-daemon.ts'
import type { RunningService } from '../host/running-services.ts'

/** The accounts under which root runs checks: none of them runs a service, and one is qmail's. */

/** Accounts that may read logs, mail and settings. Every host has `nobody`. */
const READERS = ['onescan-check', 'nobody']
/** Accounts under which a slot is checked. */
const OF_SLOT = ['qmaild', ...READERS]
/** The accounts of services, which root never uses: the service could control what it started. */
const OF_SERVICES = ['root', 'onescan', 'onescan-quotad', 'onescan-log']

/**
 * The account that is named, else the first one of these that this host has, with all of its groups. Throws
 * a Fault of kind `config` if there is none, or if it is root's or a service's.
 */
function accountFor(named: string | undefined, fallback: readonly string[]): SystemAccount {
  const accounts = readAccounts()
  const names = named === undefined ? fallback : [named]
  const [account] = names.flatMap((name) => findAccount(accounts, name, 'all') ?? [])
  if (account === undefined)
    throw new Fault(
      'config',
      `user ${names[0]}: no such account; specify an existing one with --user`,
    )
  if (!isOfService(account.uid, accounts)) return account
  const reason = 'root runs no check as root or as a service; specify another user'
  throw new Fault('config', `user ${account.name}: ${reason}`)
}

/** Returns whether an account is root, or the account of one of onescan's services. */
export function isOfService(uid: number, accounts: Accounts): boolean {
  return (
    uid === 0 || OF_SERVICES.some((name) => findAccount(accounts, name, 'primary')?.uid === uid)
  )
}

/** The groups of syslog, of multilog's files, of the journal and of onescand's LOGFILE, which the reader of logs has. */
export const LOG_GROUPS: readonly string[] = ['adm', 'systemd-journal', ACCOUNT]

/** The account that reads for root, with more groups for this command alone, if it is the usual one. */
export function reader(named?: string, more: readonly string[] = []): SystemAccount {
  const account = accountFor(named, READERS)
  if (account.name !== READERS[0] || named !== undefined) return account
  const accounts = readAccounts()
  const groups = more.flatMap((name) => groupId(accounts, name) ?? [])
  return { ...account, groups: [...new Set([...account.groups, ...groups])] }
}

/**
 * Returns the named account, or else that of qmail-smtpd, with the groups of its service. If none of these
 * runs, qmaild has its primary group alone: tcpserver(1) and setuidgid(8) set no other.
 */
export function accountOfSlot(
  named: string | undefined,
  services: readonly RunningService[],
): SystemAccount {
  const account = accountFor(named, OF_SLOT)
  const service = services.find(({ uid }) => uid === account.uid)
  if (service !== undefined) return { ...account, groups: service.groups }
  const isQmaild = account.name === OF_SLOT[0]
  return isQmaild ? { ...account, groups: account.groups.slice(0, 1) } : account
}
