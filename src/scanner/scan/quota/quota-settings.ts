import { Fault } from '../../../base/errors/fault.ts'
import { type Endpoint, parseEndpoint } from '../../../base/net/endpoint.ts'
import type { Environment } from '../../../base/process/environment.ts'
import { type LdapSettings, readLdapSettings } from '../../../base/protocol/ldap/ldap-settings.ts'
import { readSetting } from '../../../base/settings/read-settings.ts'
import { wrongValue } from '../../../base/text/values.ts'

/** The settings that begin with QUOTA in onescan-settings(5): the quota service, and how it is used. */
export interface QuotaSettings {
  readonly where:
    | { readonly backend: Backend }
    | { readonly map: string }
    /** The template contains `%h` for the host, which the directory names. */
    | { readonly ldap: LdapSettings; readonly template: string }
  /** The name of a mailbox for a service: the whole address, or the part before its last `@`. */
  readonly nameStyle: 'address' | 'local'
  /** Characters that begin an extension of an address; an empty text disables extensions. */
  readonly delimiters: string
  /** Milliseconds for a query. */
  readonly timeout: number
  /** The fraction of the quota, 0 to 1, up to which an answer is cached for an hour. */
  readonly soft: number
  /** Whether quotas are also checked for mail of relay clients. */
  readonly asksForRelayClients: boolean
}

/** Returns undefined if QUOTAD is not set. Throws a Fault of kind `config`. */
export function readQuotaSettings(env: Environment): QuotaSettings | undefined {
  const service = env.QUOTAD
  if (!service) return undefined
  return {
    where: readService(service, env),
    nameStyle: readSetting(env, 'QUOTANAME'),
    delimiters: readDelimiters(env.QUOTADELIMITER),
    timeout: readSetting(env, 'QUOTATIMEOUT'),
    soft: readSetting(env, 'QUOTASOFT') / 100,
    asksForRelayClients: readSetting(env, 'QUOTARELAY') === 'ask',
  }
}

/** Delimiters are characters of an address (RFC 5322, atext) except letters, digits and `/`. */
function readDelimiters(text = ''): string {
  if (/^[-!#$%&'*+.=?^_{|}~]{0,8}$/.test(text)) return text
  throw wrongValue('QUOTADELIMITER', text, 'characters such as + or -')
}

function readService(text: string, env: Environment): QuotaSettings['where'] {
  const [, scheme, rest = ''] = /^(map|ldap):(.*)$/s.exec(text) ?? []
  switch (scheme) {
    case 'map':
      if (rest.startsWith('/')) return { map: rest }
      throw wrongValue('QUOTAD', text, 'map: and an absolute path')
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

/** A service that has the usage of mailboxes. */
export type Backend = UdpBackend | HttpBackend

export interface UdpBackend extends Endpoint {
  readonly kind: 'udp'
  /**
   * Whether the service accepts a size and a nonce after the name. An older service would look up "ann 4096
   * 5f1c" as a name, so it receives the name alone.
   */
  readonly isExtended: boolean
  /** The backend as the settings name it, for the log. */
  readonly text: string
}

export interface HttpBackend {
  readonly kind: 'http'
  /** The URL without the user, which is added as `u=`. */
  readonly url: URL
  readonly text: string
}

/** Returns whether the backend receives the size of the message, and takes it into account. */
export function acceptsSize(backend: Backend): boolean {
  return backend.kind === 'udp' && backend.isExtended
}

/**
 * Parses `quotad:HOST:PORT` (onescan-quotad over UDP), `udp:HOST:PORT` (an older service) or
 * `http://HOST[:PORT]/PATH`. IPv6 addresses are in brackets. Throws a Fault of kind `config` that begins with
 * `name`: the setting, or the file and line.
 */
export function readBackend(text: string, name: string): Backend {
  if (/^http:\/\/[!-~]+$/.test(text) && URL.canParse(text)) {
    return { kind: 'http', url: new URL(text), text }
  }
  const [, scheme, place = ''] = /^(udp|quotad):(.*)$/.exec(text) ?? []
  const server = parseEndpoint(place)
  if (server) return { kind: 'udp', ...server, isExtended: scheme === 'quotad', text }
  throw wrongValue(name, text, 'quotad:HOST:PORT, udp:HOST:PORT or http://HOST:PORT/PATH')
}

/** Returns the backend of a template, with `host` for `%h`. Throws a Fault of kind `config`. */
export function backendFor(template: string, host: string): Backend {
  const written = host.includes(':') ? `[${host}]` : host
  return readBackend(
    template.replaceAll('%h', () => written),
    'QUOTAD ldap:',
  )
}
