import { attempt, Fault } from '../../errors/fault.ts'
import { parseEndpoint, socketPath } from '../../net/endpoint.ts'
import type { Environment } from '../../process/environment.ts'
import { readSetting } from '../../settings/read-settings.ts'
import { wrongValue } from '../../text/values.ts'
import type { DialledServer } from '../connection/dial.ts'

/**
 * The address of a directory of users, and how it is searched; the settings QUOTALDAP… of onescan-quotad(8).
 */
export interface LdapSettings {
  /** The URL of the directory as it was written. */
  readonly url: string
  readonly server: DialledServer
  /** The base entry of the search; empty for the top. */
  readonly base: string
  /** The account for the search, or undefined for an anonymous one. */
  readonly bind: { readonly dn: string; readonly passwordFile: string } | undefined
  /** The file of certificate authorities for the server, or undefined for those of the system. */
  readonly authorities: string | undefined
  readonly filter: string
  /** The names of attributes. The defaults are those of qmail-ldap. */
  readonly attributes: Readonly<Record<'backend' | 'home' | 'quota' | 'alias', string>>
}

/** Returns undefined if QUOTALDAPURL is not set. Throws a Fault of kind `config`. */
export function readLdapSettings(env: Environment): LdapSettings | undefined {
  const url = env.QUOTALDAPURL
  if (!url) return undefined
  const directory = readUrl(url)
  if (directory === undefined) {
    const known = 'ldap://HOST[:PORT], ldaps://HOST or ldapi://%2FPATH, and /BASE if wanted'
    throw wrongValue('QUOTALDAPURL', url, known)
  }
  const filter = readSetting(env, 'QUOTALDAPFILTER')
  if (!/^\(.*%[und].*\)$/.test(filter)) {
    throw wrongValue('QUOTALDAPFILTER', filter, 'a filter in parentheses, with %u, %n or %d')
  }
  if (env.QUOTALDAPCA && !url.startsWith('ldaps:')) {
    throw new Fault(
      'config',
      `QUOTALDAPCA: needs TLS, and QUOTALDAPURL is ${url}; set it to ldaps://`,
    )
  }
  return {
    url,
    ...directory,
    bind: readBind(env),
    authorities: readSetting(env, 'QUOTALDAPCA'),
    filter,
    attributes: {
      backend: readAttributeName(env, 'QUOTALDAPBACKEND'),
      home: readAttributeName(env, 'QUOTALDAPHOME'),
      quota: readAttributeName(env, 'QUOTALDAPQUOTA'),
      alias: readAttributeName(env, 'QUOTALDAPALIAS'),
    },
  }
}

function readBind(env: Environment): LdapSettings['bind'] {
  const dn = env.QUOTALDAPBIND
  const passwordFile = readSetting(env, 'QUOTALDAPPASSWORD')
  if (dn && passwordFile) return { dn, passwordFile }
  if (!dn && !passwordFile) return undefined
  const missing = dn ? 'QUOTALDAPPASSWORD' : 'QUOTALDAPBIND'
  throw new Fault(
    'config',
    `${missing}: is not set; QUOTALDAPBIND needs QUOTALDAPPASSWORD, the path of a file`,
  )
}

/** Reads the name of an attribute: a keystring or a numeric OID (RFC 4512 1.4). */
function readAttributeName(
  env: Environment,
  name: 'QUOTALDAPBACKEND' | 'QUOTALDAPHOME' | 'QUOTALDAPQUOTA' | 'QUOTALDAPALIAS',
): string {
  const wanted = readSetting(env, name)
  if (/^[A-Za-z][A-Za-z0-9-]*$|^\d+(\.\d+)+$/.test(wanted)) return wanted
  throw wrongValue(name, wanted, 'the name of an attribute')
}

/**
 * Parses `ldap://HOST[:PORT]`, `ldaps://HOST[:PORT]` or `ldapi://%2FPATH`, followed by `/BASE` if the search
 * does not begin at the top (RFC 4516).
 */
function readUrl(url: string): Pick<LdapSettings, 'server' | 'base'> | undefined {
  const [, scheme = '', endpoint = '', dn = ''] =
    /^(ldap[si]?):\/\/([!-.0-~]+)(?:\/([^?\s]*))?$/.exec(url) ?? []
  const base = attempt(() => decodeURIComponent(dn))
  const server = readServer(scheme, endpoint)
  return base === undefined || server === undefined ? undefined : { server, base }
}

function readServer(scheme: string, endpoint: string): DialledServer | undefined {
  if (scheme === 'ldapi') {
    const path = attempt(() => decodeURIComponent(endpoint))
    return path?.startsWith('/') ? { path: socketPath(path, 'QUOTALDAPURL') } : undefined
  }
  const isSecure = scheme === 'ldaps'
  const server = parseEndpoint(endpoint, { defaultPort: isSecure ? 636 : 389 })
  return server && { ...server, isSecure }
}
