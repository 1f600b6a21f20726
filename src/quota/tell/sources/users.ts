import { errorText } from '../../../ground/errors/fault.ts'
import { passwdEntries } from '../../../ground/process/passwd.ts'
import { lowerCase } from '../../../message/envelope/address.ts'
import type { LdapDirectory } from '../../ldap/ldap-directory.ts'
import { parseLimits, type QuotaLimits } from './limits.ts'
import { parseTable, type TableFile, tableFile } from './table-file.ts'
import type { User } from './user-name.ts'

/** What a list of users knows of one of them. */
type AccountFinding =
  | { readonly found: 'account'; readonly home?: string; readonly limits?: QuotaLimits }
  | { readonly found: 'nobody' }
  /** The list could not be asked. */
  | { readonly found: 'trouble'; readonly why: string }

/** A list of users: passwd(5), a file of the administrator's, a directory. Never rejects. */
export type LookUpUser = (user: User) => AccountFinding | Promise<AccountFinding>

/** Asks the lists in their order; the first that knows the user, or is in trouble, has said it. */
export function inOrder(lists: readonly LookUpUser[]): LookUpUser {
  return async (user) => {
    for (const lookUp of lists) {
      const account = await lookUp(user)
      if (account.found !== 'nobody') return account
    }
    return { found: 'nobody' }
  }
}

/**
 * A home directory that somebody wrote down, without slashes at its end; undefined if it
 * is not an absolute path, or one with `..`, which would lead elsewhere than it seems.
 */
function homeIn(text: string): string | undefined {
  if (!text.startsWith('/') || text.includes('\0') || text.split('/').includes('..')) {
    return undefined
  }
  return text.replace(/(?<=.)\/+$/, '')
}

/** Users and homes of a file in the form of passwd(5): of an address, the local part is the user. */
export function passwdFile(path: string, uptime: () => number): LookUpUser {
  const homeOf = tableFile(path, parsePasswd, uptime)
  return (user) => {
    try {
      const home = homeOf(user.local)
      return home === undefined ? { found: 'nobody' } : { found: 'account', home }
    } catch (error) {
      return { found: 'trouble', why: errorText(error) }
    }
  }
}

/** Name to home directory. Lines that are no entries are left out, as getpwnam(3) leaves them out. */
export function parsePasswd(text: string): ReadonlyMap<string, string> {
  const homes = new Map<string, string>()
  for (const { name, home: written } of passwdEntries(text)) {
    const home = homeIn(written)
    if (home !== undefined && !homes.has(name)) homes.set(name, home)
  }
  return homes
}

/** Users of a file with lines `user: home`. */
export function homesFile(path: string, uptime: () => number): LookUpUser {
  const homes = tableFile(path, (text) => parseTable(text, homeIn), uptime)
  return (user) => {
    try {
      const home = homes(lowerCase(user.name))
      return home === undefined ? { found: 'nobody' } : { found: 'account', home }
    } catch (error) {
      return { found: 'trouble', why: errorText(error) }
    }
  }
}

/** Limits by a file with lines `user: quota`; see `entryOf` for what `user` may be. Throws an Error if it cannot be used. */
export function limitsFile(
  path: string,
  uptime: () => number,
): (user: User) => QuotaLimits | undefined {
  const limits = tableFile(path, (text) => parseTable(text, parseLimits), uptime)
  return (user) => entryOf(limits, user)
}

/** The entry of the user, else that of the domain, `@example.org`, else that of all, `*`. */
function entryOf<Value>(file: TableFile<Value>, { name, domain }: User): Value | undefined {
  return file(lowerCase(name)) ?? (domain ? file(`@${domain}`) : undefined) ?? file('*')
}

/** Users, homes and quotas of a directory. */
export function ldapUsers(directory: LdapDirectory): LookUpUser {
  return async (user) => {
    const entry = await directory.find(user)
    if (entry.found !== 'entry') return entry
    const { quota } = entry
    const home = entry.home && homeIn(entry.home)
    if (entry.home && home === undefined) {
      return { found: 'trouble', why: `LDAP, ${user.name}: ${entry.home} is not an absolute path` }
    }
    const limits = quota === undefined ? undefined : parseLimits(quota)
    if (quota !== undefined && !limits) {
      return { found: 'trouble', why: `LDAP, ${user.name}: ${quota} is not a quota` }
    }
    return {
      found: 'account',
      ...(home ? { home } : {}),
      ...(limits ? { limits } : {}),
    }
  }
}
