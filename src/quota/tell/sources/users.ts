import { errorText } from '../../../ground/errors/fault.ts'
import { passwdEntries } from '../../../ground/process/passwd.ts'
import { lowerCase } from '../../../message/envelope/address.ts'
import type { LdapDirectory } from '../../ldap/ldap-directory.ts'
import { parseLimits, type QuotaLimits } from './limits.ts'
import { parseTable, type TableFile, tableFile } from './table-file.ts'
import type { User } from './user-name.ts'

/** What a list of users says about a user. */
type FoundAccount =
  | { readonly found: 'account'; readonly home?: string; readonly limits?: QuotaLimits }
  | { readonly found: 'nobody' }
  /** The list could not be read or asked. */
  | { readonly found: 'trouble'; readonly why: string }

/** Asks a list of users: passwd(5), a file of homes, or a directory. Never rejects. */
export type LookUpUser = (user: User) => FoundAccount | Promise<FoundAccount>

/**
 * Asks the lists in their order. The answer is that of the first list which knows the user or
 * could not be asked.
 */
export function askInOrder(lists: readonly LookUpUser[]): LookUpUser {
  return async (user) => {
    for (const lookUp of lists) {
      const account = await lookUp(user)
      if (account.found !== 'nobody') return account
    }
    return { found: 'nobody' }
  }
}

/**
 * Reads a home directory, and removes slashes at its end. Returns undefined if it is not an absolute
 * path, or if it has a `..`, which would lead elsewhere than it seems to.
 */
function readHome(text: string): string | undefined {
  if (!text.startsWith('/') || text.includes('\0') || text.split('/').includes('..')) {
    return undefined
  }
  return text.replace(/(?<=.)\/+$/, '')
}

/**
 * Looks users up in a file in the form of passwd(5). The user of an address is its local part.
 */
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

/** Returns home directories by user name. Malformed lines are left out, as by getpwnam(3). */
export function parsePasswd(text: string): ReadonlyMap<string, string> {
  const homes = new Map<string, string>()
  for (const { name, home: written } of passwdEntries(text)) {
    const home = readHome(written)
    if (home !== undefined && !homes.has(name)) homes.set(name, home)
  }
  return homes
}

/** Looks users up in a file with lines `user: home`. */
export function homesFile(path: string, uptime: () => number): LookUpUser {
  const homes = tableFile(path, (text) => parseTable(text, readHome), uptime)
  return (user) => {
    try {
      const home = homes(lowerCase(user.name))
      return home === undefined ? { found: 'nobody' } : { found: 'account', home }
    } catch (error) {
      return { found: 'trouble', why: errorText(error) }
    }
  }
}

/**
 * Looks limits up in a file with lines `user: quota`; `entryOf` says what `user` may be. The
 * look-up throws an Error if the file cannot be used.
 */
export function limitsFile(
  path: string,
  uptime: () => number,
): (user: User) => QuotaLimits | undefined {
  const limits = tableFile(path, (text) => parseTable(text, parseLimits), uptime)
  return (user) => entryOf(limits, user)
}

/** The entry of the user, else of the user's domain (`@example.org`), else of everybody (`*`). */
function entryOf<Value>(file: TableFile<Value>, { name, domain }: User): Value | undefined {
  return file(lowerCase(name)) ?? (domain ? file(`@${domain}`) : undefined) ?? file('*')
}

/** Looks users, their homes and their quotas up in an LDAP directory. */
export function ldapUsers(directory: LdapDirectory): LookUpUser {
  return async (user) => {
    const entry = await directory.find(user)
    if (entry.found !== 'entry') return entry
    const { quota } = entry
    const home = entry.home && readHome(entry.home)
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
