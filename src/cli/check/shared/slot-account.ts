import { Fault } from '../../../ground/errors/fault.ts'
import {
  type Accounts,
  findAccount,
  findGroup,
  nameOrNumber,
  ownAccount,
  type SystemAccount,
} from './account.ts'
import type { RunScript } from './run-script.ts'

/** The account of qmail's SMTP daemon, INSTALL.ids of qmail. */
const SMTP_ACCOUNT = 'qmaild'

/**
 * The account that the slot runs as: the one that `--user` names, else that of the run script, else
 * the caller's. Root is taken for the account of qmail's SMTP daemon, if there is one. Throws a
 * Fault of kind `config` if a user or group is not known.
 */
export function slotAccount(
  named: string | undefined,
  script: RunScript | undefined,
  accounts: Accounts,
): SystemAccount {
  if (named !== undefined) return mustFind(accounts, named, 'all')
  if (script?.user !== undefined) return scriptAccount(script.user, script.groups, accounts)
  const own = ownAccount(accounts)
  return own.uid === 0 ? (findAccount(accounts, SMTP_ACCOUNT, 'primary') ?? own) : own
}

function scriptAccount(
  user: NonNullable<RunScript['user']>,
  groups: readonly string[],
  accounts: Accounts,
): SystemAccount {
  if (typeof user !== 'string') {
    return { name: nameOrNumber(accounts, user.uid), uid: user.uid, groups: [user.gid] }
  }
  const account = mustFind(accounts, user, 'primary')
  const numbers = groups.map((name) => mustFindGroup(accounts, name))
  return numbers.length > 0 ? { ...account, groups: numbers } : account
}

function mustFind(accounts: Accounts, name: string, groups: 'primary' | 'all'): SystemAccount {
  const account = findAccount(accounts, name, groups)
  if (account === undefined) throw new Fault('config', `user ${name}: no such account`)
  return account
}

function mustFindGroup(accounts: Accounts, name: string): number {
  const gid = /^[0-9]{1,9}$/.test(name) ? Number(name) : findGroup(accounts, name)
  if (gid === undefined) throw new Fault('config', `group ${name}: no such group`)
  return gid
}
