import { existsSync, readFileSync, statSync } from 'node:fs'
import { errorText, errorTextAt } from '../../base/errors/fault.ts'
import { passwdEntries } from '../../base/process/passwd.ts'
import type { LdapDirectory } from '../../base/protocol/ldap/ldap-directory.ts'
import { lowerCase } from '../../base/text/address.ts'
import type { User } from './mailbox-location.ts'
import { parseLimits, type QuotaLimits } from './mailbox-result.ts'

/** The result of a list of users about a user. */
type FoundAccount =
  | { readonly kind: 'account'; readonly home?: string; readonly limits?: QuotaLimits }
  | { readonly kind: 'nobody' }
  /** The list could not be read. */
  | { readonly kind: 'trouble'; readonly reason: string }

/** Searches a list of users: passwd(5), a file of home directories, or an LDAP directory. Never rejects. */
export type LookUpUser = (user: User) => FoundAccount | Promise<FoundAccount>

/**
 * Searches the lists in order. The answer is that of the first list which contains the user or could not be
 * read.
 */
export function askInOrder(lists: readonly LookUpUser[]): LookUpUser {
  return async (user) => {
    for (const lookUp of lists) {
      const account = await lookUp(user)
      if (account.kind !== 'nobody') return account
    }
    return { kind: 'nobody' }
  }
}

/**
 * Reads a home directory, and removes slashes at its end. Returns undefined if it is not an absolute
 * path, or if it has a `..`, which would lead elsewhere than it seems to.
 */
function parseHome(text: string): string | undefined {
  if (!text.startsWith('/') || text.includes('\0') || text.split('/').includes('..')) {
    return undefined
  }
  return text.replace(/(?<=.)\/+$/, '')
}

/**
 * Returns a look-up of users in a file in the form of passwd(5). The user of an address in a local domain is
 * its local part. No address in another domain has an account.
 */
export function passwdFile(path: string, isLocal: IsLocal, uptime: () => number): LookUpUser {
  return lookUpHome(tableFile(path, parsePasswd, uptime), ({ local, domain }) =>
    domain === '' || isLocal(domain) ? local : undefined,
  )
}

/**
 * Returns whether addresses in a domain, in lower case, are accounts of this host. Throws an Error if that
 * cannot be determined.
 */
export type IsLocal = (domain: string) => boolean

/** The domains of qmail-send(8): those of the first file that exists. */
const QMAIL_FILES = ['/var/qmail/control/locals', '/var/qmail/control/me']

/** Domains, in lower case, or a file with a domain in each line. */
export type Domains = readonly string[] | { readonly file: string }

/**
 * The local domains that a setting names: a list, or a file with a domain in each line. Without it they are those of
 * qmail, or the name of the host, `hostname`.
 */
export function localDomains(
  written: Domains | undefined,
  hostname: string,
  uptime: () => number,
  qmailFiles: readonly string[] = QMAIL_FILES,
): IsLocal {
  const domains = written ?? qmailFile(qmailFiles) ?? [lowerCase(hostname)]
  if (!('file' in domains)) return (domain) => domains.includes(domain)
  const table = tableFile(domains.file, parseDomains, uptime)
  return (domain) => table(domain) !== undefined
}

function qmailFile(files: readonly string[]): { readonly file: string } | undefined {
  const file = files.find((name) => existsSync(name))
  return file === undefined ? undefined : { file }
}

function parseDomains(text: string): ReadonlyMap<string, true> {
  const lines = text.split('\n').map((line) => lowerCase(line.trim()))
  return new Map(
    lines.filter((line) => line !== '' && !line.startsWith('#')).map((line) => [line, true]),
  )
}

/** Looks users up in a file with lines `user: home`. */
export function homesFile(path: string, uptime: () => number): LookUpUser {
  const homes = tableFile(path, (text) => parseTable(text, parseHome), uptime)
  return lookUpHome(homes, ({ name }) => lowerCase(name))
}

/** `keyOf` returns undefined for a user that cannot be in the file, and may throw as the look-up does. */
function lookUpHome(
  homes: TableFile<string>,
  keyOf: (user: User) => string | undefined,
): LookUpUser {
  return (user) => {
    try {
      const key = keyOf(user)
      const home = key === undefined ? undefined : homes(key)
      return home === undefined ? { kind: 'nobody' } : { kind: 'account', home }
    } catch (error) {
      return { kind: 'trouble', reason: errorText(error) }
    }
  }
}

/** Returns home directories by user name. Malformed lines are skipped, as by getpwnam(3). */
function parsePasswd(text: string): ReadonlyMap<string, string> {
  const homes = new Map<string, string>()
  for (const { name, home: written } of passwdEntries(text)) {
    const home = parseHome(written)
    if (home !== undefined && !homes.has(name)) homes.set(name, home)
  }
  return homes
}

/**
 * Returns a look-up of limits in a file with lines `user: quota`. `entryOf` describes the possible values of
 * `user`. The look-up throws an Error if the file cannot be used.
 */
export function limitsFile(
  path: string,
  uptime: () => number,
): (user: User) => QuotaLimits | undefined {
  const limits = tableFile(path, (text) => parseTable(text, parseLimits), uptime)
  return (user) => entryOf(limits, user)
}

/**
 * Returns the entry of the user, of the user's domain (`@example.org`), or of all users (`*`), in this order.
 */
function entryOf<Value>(file: TableFile<Value>, { name, domain }: User): Value | undefined {
  return file(lowerCase(name)) ?? (domain ? file(`@${domain}`) : undefined) ?? file('*')
}

/** Looks users, their homes and their quotas up in an LDAP directory. */
export function ldapUsers(directory: LdapDirectory): LookUpUser {
  return async (user) => {
    const entry = await directory.find(user)
    if (entry.kind !== 'entry') return entry
    const { quota } = entry
    const home = entry.home && parseHome(entry.home)
    if (entry.home && home === undefined) {
      return {
        kind: 'trouble',
        reason: `LDAP, ${user.name}: ${entry.home} is not an absolute path`,
      }
    }
    const limits = quota === undefined ? undefined : parseLimits(quota)
    if (quota !== undefined && !limits) {
      return { kind: 'trouble', reason: `LDAP, ${user.name}: ${quota} is not a quota` }
    }
    return { kind: 'account', ...(home && { home }), ...(limits && { limits }) }
  }
}

/**
 * Looks a key up in a file. Throws an Error that names the file and the trouble if it cannot be
 * used.
 */
type TableFile<Value> = (key: string) => Value | undefined

/** Milliseconds between two checks whether the file has changed. */
const FRESH = 1000

/**
 * Reads a file with the first request, and again after it has changed. If the new file cannot be read or
 * parsed, every request fails until it can: the old list could still contain users who were removed since.
 */
export function tableFile<Value>(
  path: string,
  parse: (text: string) => ReadonlyMap<string, Value>,
  uptime: () => number,
): TableFile<Value> {
  let state = ''
  let checked = Number.NEGATIVE_INFINITY
  let table: ReadonlyMap<string, Value> | undefined
  let trouble = ''

  function refresh(): void {
    checked = uptime()
    try {
      const { ino, size, mtimeMs } = statSync(path)
      const current = `${ino} ${size} ${mtimeMs}`
      if (current === state) return
      table = undefined
      table = parse(readFileSync(path, 'latin1'))
      state = current
      trouble = ''
    } catch (error) {
      table = undefined
      state = ''
      trouble = `${path}: ${errorTextAt(path, error)}`
    }
  }

  return (key) => {
    if (uptime() - checked >= FRESH) refresh()
    if (!table) throw new Error(trouble)
    return table.get(key)
  }
}

/**
 * Parses lines `key: value`, and ignores empty lines and lines that begin with `#`. Keys are compared in
 * lower case. Throws an Error that names the line if it is malformed or repeats a key.
 */
function parseTable<Value>(
  text: string,
  read: (text: string) => Value | undefined,
): ReadonlyMap<string, Value> {
  const table = new Map<string, Value>()
  for (const [index, line] of text.split('\n').entries()) {
    const entry = line.replace(/^#.*/, '').trim()
    if (entry === '') continue
    const [, key, written] = /^([^:\s]+)\s*:\s*(.+)$/.exec(entry) ?? []
    const value = written === undefined ? undefined : read(written)
    if (key === undefined || value === undefined) {
      throw new Error(`line ${index + 1}: ${entry} is not understood`)
    }
    if (table.has(lowerCase(key))) throw new Error(`line ${index + 1}: ${key} occurs twice`)
    table.set(lowerCase(key), value)
  }
  return table
}
