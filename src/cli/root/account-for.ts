import { findAccount, readAccounts, type SystemAccount } from '../../doors/readiness/account.ts'
import { attempt, Fault } from '../../ground/errors/fault.ts'
import { readOwnFile } from '../../ground/path/open.ts'
import { type CheckPart, ownTerminal, type RootFacts } from '../shared/root-facts.ts'
import type { RunningService } from '../shared/running-services.ts'
import { askSystemd } from '../shared/systemd-unit.ts'

/**
 * The account that is named, else the first one of these that this host has, with all of its groups. The
 * first of these gets `more` besides, as it runs nothing that is asked by strangers: who has taken over
 * another process of an account can trace this one, and has its groups (ptrace(2)). Throws a Fault of kind
 * `config` if there is none, or if it is root.
 */
export function accountFor(
  named: string | undefined,
  usual: readonly string[],
  more: readonly string[] = [],
): SystemAccount {
  const accounts = readAccounts()
  const names = named === undefined ? usual : [named]
  const [account] = names.flatMap((name) => findAccount(accounts, name, 'all') ?? [])
  if (account === undefined) {
    const missing =
      named === undefined
        ? `there is no account ${usual.join(' or ')}`
        : `user ${named}: no such account`
    throw new Fault('config', `${missing}; name the account that is to do it with --user`)
  }
  if (account.uid === 0) {
    const why = 'root does not do this itself; name another account'
    throw new Fault('config', `user ${account.name}: ${why}`)
  }
  const isOwn = named === undefined && account.name === usual[0]
  const groups = isOwn ? more.flatMap((name) => groupNumber(accounts.group, name)) : []
  return { ...account, groups: [...new Set([...account.groups, ...groups])] }
}

/** The accounts that look at the slot. */
const OF_SLOT = ['qmaild', 'onescan']

/**
 * The account that is named, else that of slots, with the groups of its service. If none of these runs,
 * qmaild has its primary group alone: tcpserver(1) and setuidgid(8) give no other. Throws as accountFor().
 */
export function slotAccountFor(
  named: string | undefined,
  services: readonly RunningService[],
): SystemAccount {
  const account = accountFor(named, OF_SLOT)
  const service = services.find(({ uid }) => uid === account.uid)
  if (service !== undefined) return { ...account, groups: service.groups }
  const isQmaild = account.name === OF_SLOT[0]
  return isQmaild ? { ...account, groups: account.groups.slice(0, 1) } : account
}

function groupNumber(group: string, name: string): number[] {
  const line = group.split('\n').find((entry) => entry.startsWith(`${name}:`))
  const gid = Number(line?.split(':')[2])
  return gid > 0 ? [gid] : []
}

/** The services, each with its account. Root reads their files of settings for them. */
const SERVICES = [
  ['onescand', 'onescan'],
  ['onescan-quotad', 'onescan-quotad'],
] as const

/** What root tells an account. */
export function factsFor(account: SystemAccount, part?: CheckPart): RootFacts {
  const settings = SERVICES.flatMap(([service, name]) => {
    const file = `/etc/default/${service}`
    const text =
      name === account.name ? attempt(() => readOwnFile(file).toString('utf8')) : undefined
    return text === undefined ? [] : [[file, text] as const]
  })
  return {
    caller: process.env.SUDO_USER || 'root',
    terminal: ownTerminal(),
    units: Object.fromEntries(SERVICES.map(([service]) => [service, askSystemd(service) ?? null])),
    settings: Object.fromEntries(settings),
    ...(part && { part }),
  }
}
