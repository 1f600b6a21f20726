import { accessSync, readFileSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { attempt } from '../../../base/errors/fault.ts'
import { passwdEntryOf, userName } from '../../../base/process/passwd.ts'

/**
 * An account with its groups, and what it may reach. The scanner alone asks that. passwd.ts of the base has names and homes, which
 * the quota service and the slot read, too.
 */

/** An account that a process runs as, such as that of the slot. */
export interface SystemAccount {
  readonly name: string
  readonly uid: number
  /** All effective groups. New files belong to the first one. */
  readonly groups: readonly number[]
}

/** The contents of passwd(5) and group(5). */
export interface Accounts {
  readonly passwd: string
  readonly group: string
}

export function readAccounts(): Accounts {
  return { passwd: readOrNothing('/etc/passwd'), group: readOrNothing('/etc/group') }
}

/**
 * Finds an account by name. Returns undefined if there is none. setuidgid and tcpserver give a program only
 * its primary group. A login, cron or systemd gives it all groups.
 */
export function findAccount(
  { passwd, group }: Accounts,
  name: string,
  groups: 'primary' | 'all',
): SystemAccount | undefined {
  const entry = passwdEntryOf(name, passwd)
  if (entry === undefined || Number.isNaN(entry.uid + entry.gid)) return undefined
  const others = groups === 'all' ? groupsIn(group) : []
  const joined = others.filter(({ members }) => members.includes(name)).map(({ gid }) => gid)
  return { name, uid: entry.uid, groups: [...new Set([entry.gid, ...joined])] }
}

export function ownAccount({ passwd }: Pick<Accounts, 'passwd'>): SystemAccount {
  const uid = process.getuid!()
  return {
    name: nameOrNumber({ passwd }, uid),
    uid,
    groups: [...new Set([process.getegid!(), ...process.getgroups!()])],
  }
}

/** The name of a user, or the number if there is no name. */
export const nameOrNumber = ({ passwd }: Pick<Accounts, 'passwd'>, uid: number): string =>
  userName(uid, passwd) ?? `uid ${uid}`

export function groupName({ group }: Accounts, gid: number): string {
  return groupsIn(group).find((entry) => entry.gid === gid)?.name ?? String(gid)
}

/** The number of a group, or undefined if there is none of that name. */
export function groupId({ group }: Accounts, name: string): number | undefined {
  return groupsIn(group).find((entry) => entry.name === name)?.gid
}

/**
 * Returns the command that adds an account to the group that may use this file, such as a socket, or
 * undefined if no group may. No account should be in the group of root because of a socket.
 */
export function joinGroup(
  { name }: SystemAccount,
  accounts: Accounts,
  path: string,
): string | undefined {
  const { gid, mode } = statSync(path)
  const mayUse = gid !== 0 && (mode & 0o030) !== 0
  return mayUse ? `usermod -aG ${groupName(accounts, gid)} ${name}` : undefined
}

const BIT = { read: 4, write: 2, search: 1, execute: 1 } as const

/**
 * Returns the first path that denies the account access to `path`: a directory above it, or itself. Returns
 * undefined if none does. If this process runs under the account, the kernel decides. For another account
 * owner, group and mode decide, and access lists are not read.
 */
export function obstacle(
  account: SystemAccount,
  path: string,
  ...wants: readonly (keyof typeof BIT)[]
): string | undefined {
  if (account.uid === process.getuid!() && isAllowed(path, wants)) return undefined
  const above = dirname(path)
  const higher = above === path ? undefined : obstacle(account, above, 'search')
  if (higher !== undefined) return higher
  const status = statSync(path)
  const mask = modeOf(wants)
  if (account.uid === 0) {
    const runs = !wants.includes('execute') || (status.mode & 0o111) !== 0
    return runs ? undefined : path
  }
  const shift = status.uid === account.uid ? 6 : account.groups.includes(status.gid) ? 3 : 0
  return ((status.mode >> shift) & mask) === mask ? undefined : path
}

/** Returns whether access(2) permits this process all of that. */
function isAllowed(path: string, wants: readonly (keyof typeof BIT)[]): boolean {
  try {
    accessSync(path, modeOf(wants))
    return true
  } catch {
    return false
  }
}

/** The bits of access(2) are those of a class in the mode of a file: inode(7). */
const modeOf = (wants: readonly (keyof typeof BIT)[]) =>
  wants.reduce((bits, want) => bits | BIT[want], 0)

/** The entries of a text in group(5) format. */
function groupsIn(group: string) {
  return group.split('\n').flatMap((line) => {
    const [name = '', , gid = '', members = ''] = line.split(':')
    return gid === '' ? [] : [{ name, gid: Number(gid), members: members.split(',') }]
  })
}

const readOrNothing = (file: string): string => attempt(() => readFileSync(file, 'latin1')) ?? ''
