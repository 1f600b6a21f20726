import { Fault } from '../../ground/errors/fault.ts'
import { type Environment, readSetting } from '../../ground/settings/settings.ts'
import { type LdapSettings, readLdapSettings } from '../../protocol/ldap/ldap-settings.ts'
import { type Backend, backendFor, readBackend } from './backend.ts'
import type { NameForm } from './mailbox-name.ts'

/** The settings that begin with QUOTA in onescan-queue(8): whom to ask about mailboxes, and how. */
export interface QuotaSettings {
  readonly where:
    | { readonly backend: Backend }
    | { readonly map: string }
    /** The template has `%h` in the place of the host, which the directory names. */
    | { readonly ldap: LdapSettings; readonly template: string }
  readonly nameForm: NameForm
  /** Characters that begin an extension of an address; if empty, there are no extensions. */
  readonly delimiters: string
  /** Milliseconds for a question. */
  readonly timeout: number
  /** How often a question is sent again within the timeout. */
  readonly retries: number
  /** The share of the quota, 0 to 1, up to which an answer holds for an hour. */
  readonly soft: number
  /** How many mailboxes are remembered. */
  readonly cacheSize: number
  /** Whether mail of relay clients is asked about, too. */
  readonly askForRelayClients: boolean
}

/** Returns undefined if QUOTAD is not set. Throws a Fault of kind `config`. */
export function readQuotaSettings(env: Environment): QuotaSettings | undefined {
  const service = env.QUOTAD
  if (!service) return undefined
  return {
    where: readService(service, env),
    nameForm: readSetting(env, 'QUOTANAME'),
    delimiters: readDelimiters(env.QUOTADELIMITER),
    timeout: readSetting(env, 'QUOTATIMEOUT'),
    retries: readSetting(env, 'QUOTARETRIES'),
    soft: readSetting(env, 'QUOTASOFT') / 100,
    cacheSize: readSetting(env, 'QUOTACACHE'),
    askForRelayClients: readSetting(env, 'QUOTARELAY') === 'ask',
  }
}

/** Delimiters are characters of an address (RFC 5322, atext) except letters, digits and `/`. */
function readDelimiters(text = ''): string {
  if (/^[-!#$%&'*+.=?^_{|}~]{0,8}$/.test(text)) return text
  throw new Fault('config', `QUOTADELIMITER ${text}: must be characters such as + or -`)
}

function readService(text: string, env: Environment): QuotaSettings['where'] {
  const [, scheme, rest = ''] = /^(map|ldap):(.*)$/s.exec(text) ?? []
  switch (scheme) {
    case 'map':
      if (rest.startsWith('/')) return { map: rest }
      throw new Fault('config', `QUOTAD ${text}: must be map: and an absolute path`)
    case 'ldap':
      return readDirectory(text, rest, env)
    default:
      return { backend: readBackend(text, 'QUOTAD') }
  }
}

function readDirectory(text: string, template: string, env: Environment): QuotaSettings['where'] {
  const ldap = readLdapSettings(env)
  if (ldap === undefined) throw new Fault('config', `QUOTAD ${text}: set QUOTALDAPURL, too`)
  if (!template.includes('%h')) {
    throw new Fault('config', `QUOTAD ${text}: must have %h, as in ldap:quotad:%h:8625`)
  }
  backendFor(template, '127.0.0.1')
  return { ldap, template }
}
