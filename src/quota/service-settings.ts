import { errorText, Fault } from '../base/errors/fault.ts'
import { type Endpoint, socketPath } from '../base/net/endpoint.ts'
import { parseServerAddress } from '../base/net/server-address.ts'
import type { Environment } from '../base/process/environment.ts'
import { type LdapSettings, readLdapSettings } from '../base/protocol/ldap/ldap-settings.ts'
import { readSetting } from '../base/settings/read-settings.ts'
import { lowerCase } from '../base/text/address.ts'
import { wrongValue } from '../base/text/values.ts'
import type { AliasSource } from './sources/aliases.ts'
import {
  type MailboxTemplate,
  needsHome,
  parseMailboxTemplate,
} from './sources/mailbox-location.ts'
import { parseLimits, type QuotaLimits } from './sources/mailbox-result.ts'
import type { Domains } from './sources/users.ts'

/**
 * The settings of onescan-quotad(8), ENVIRONMENT: numbers and words by their own names, and the values parsed
 * from texts.
 */
export interface ServiceSettings {
  /** Milliseconds for which a query waits for a list of users, a count or another service. */
  readonly lookupTimeout: number
  readonly source: SourceSettings
  /** Lists of users, in the order in which they are searched. If empty, every mailbox has a user. */
  readonly users: readonly UserList[]
  /** The domains whose users are accounts of passwd(5), or undefined for those of the host. */
  readonly domains: Domains | undefined
  /** The LDAP directory, or undefined if neither users nor aliases are in one. */
  readonly ldap: LdapSettings | undefined
  /** The sources of aliases, in the order in which they are searched. */
  readonly aliases: readonly AliasSource[]
  /** The path of a file with lines `user: quota`. */
  readonly limitsFile: string | undefined
  /** The limits of users without other limits. */
  readonly defaultLimits: QuotaLimits
}

type SourceSettings =
  | { readonly kind: 'maildir' | 'mbox'; readonly mailbox: MailboxTemplate }
  | {
      readonly kind: 'quota-status'
      readonly mailbox: MailboxTemplate
      readonly address: { readonly path: string } | Endpoint
      /** The address as it was written. */
      readonly text: string
    }

type UserList =
  | { readonly kind: 'passwd' | 'homes'; readonly file: string }
  | { readonly kind: 'ldap' }

/** Reads the settings. Throws a Fault of kind `config` if one is invalid. */
export function readServiceSettings(env: Environment): ServiceSettings {
  const written = readSetting(env, 'QUOTAMAILBOX')
  const source = parseSource(written)
  const home = source.kind !== 'quota-status' && needsHome(written.replace(/^\w+:/, ''))
  const ldap = readLdapSettings(env)
  const users = parseUsers(env.QUOTAUSERS || (ldap ? 'ldap' : home ? 'passwd' : ''))
  if (!ldap && users.some(({ kind }) => kind === 'ldap')) {
    throw new Fault('config', 'QUOTAUSERS ldap: needs QUOTALDAPURL; set it to ldap://HOST')
  }
  if (home && users.length === 0) {
    const remedy = 'set QUOTAUSERS to a source of home directories'
    throw new Fault('config', `QUOTAMAILBOX ${written}: needs home directories; ${remedy}`)
  }
  const aliases = parseAliasSources(env.QUOTAALIASES ?? '')
  if (!ldap && aliases.some(({ kind }) => kind === 'ldap')) {
    throw new Fault('config', 'QUOTAALIASES ldap: needs QUOTALDAPURL; set it to ldap://HOST')
  }
  return {
    source,
    users,
    domains: parseDomainList(env.QUOTADOMAINS),
    ldap,
    aliases,
    limitsFile: readSetting(env, 'QUOTAMAP'),
    defaultLimits: parseDefaultLimits(env.QUOTADEFAULT),
    // The rest of the time is for the transmission of the query and the answer.
    lookupTimeout: readSetting(env, 'QUOTATIMEOUT') * 0.8,
  }
}

function parseSource(text: string): SourceSettings {
  const [, kind = '', where = ''] = /^(maildir|mbox|quota-status):(.+)$/.exec(text) ?? []
  let address: { readonly path: string } | Endpoint | undefined
  switch (kind) {
    case 'maildir':
    case 'mbox':
      if (!/^([/~]|%h)/.test(where)) break
      return { kind, mailbox: mailboxTemplate(text, where) }
    case 'quota-status':
      address = parseServer(where)
      if (address === undefined) break
      return { kind, mailbox: parseMailboxTemplate('%u'), address, text: where }
  }
  const known = 'maildir:/PATH, mbox:/PATH, quota-status:unix:/PATH or quota-status:inet:HOST:PORT'
  throw wrongValue('QUOTAMAILBOX', text, known)
}

/** Parses `unix:/PATH` or `inet:HOST:PORT`. */
function parseServer(text: string): { readonly path: string } | Endpoint | undefined {
  const address = parseServerAddress(text)
  if (address?.kind === 'tcp') return address.isSecure ? undefined : address
  return address && { path: socketPath(address.path, 'QUOTAMAILBOX quota-status:') }
}

function mailboxTemplate(text: string, where: string): MailboxTemplate {
  try {
    return parseMailboxTemplate(where.replace(/(?<=.)\/+$/, ''))
  } catch (error) {
    throw new Fault('config', `QUOTAMAILBOX ${text}: ${errorText(error)}`, error)
  }
}

function parseUsers(text: string): UserList[] {
  return text
    .split(/\s+/)
    .filter(Boolean)
    .map((word) => {
      if (word === 'ldap') return { kind: 'ldap' }
      if (word === 'passwd') return { kind: 'passwd', file: '/etc/passwd' }
      if (word.startsWith('passwd:/')) return { kind: 'passwd', file: word.slice('passwd:'.length) }
      if (word.startsWith('/')) return { kind: 'homes', file: word }
      throw wrongValue('QUOTAUSERS', word, 'passwd, passwd:/FILE, ldap or /FILE')
    })
}

function parseAliasSources(text: string): AliasSource[] {
  return text
    .split(/\s+/)
    .filter(Boolean)
    .map((word) => {
      if (word === 'ldap') return { kind: 'ldap' }
      if (word.startsWith('/')) return { kind: 'file', path: word }
      if (/^[a-z]+:[!-~]+$/.test(word)) return { kind: 'postmap', map: word }
      throw wrongValue('QUOTAALIASES', word, 'ldap, /FILE, or TYPE:NAME as for postmap')
    })
}

function parseDomainList(text: string | undefined): Domains | undefined {
  if (!text?.trim()) return undefined
  if (text.startsWith('/')) return { file: text }
  return lowerCase(text.trim()).split(/\s+/)
}

function parseDefaultLimits(text: string | undefined): QuotaLimits {
  if (!text) return {}
  const limits = parseLimits(text)
  if (limits) return limits
  const known = 'a size such as 1G or limits such as 1000000S,1000C'
  throw wrongValue('QUOTADEFAULT', text, known)
}
