import { Fault } from '../../ground/errors/fault.ts'
import { readNumber, readText } from '../../ground/settings/read.ts'
import type { Environment } from '../../ground/settings/settings.ts'

/** Where a directory of users is, and how it is asked; onescan-quotad(8), QUOTALDAPURL. */
export interface LdapSettings {
  readonly url: string
  readonly base: string
  /** Undefined: anonymously. */
  readonly bind: { readonly dn: string; readonly passwordFile: string } | undefined
  /** Certificates that the server's is held against; undefined: the system's. */
  readonly authorities: string | undefined
  readonly filter: string
  readonly attributes: LdapAttributes
  /** Milliseconds for which an entry is remembered. */
  readonly remember: number
}

/** Names of attributes; the standard ones are those of qmail-ldap. */
export interface LdapAttributes {
  readonly backend: string
  readonly home: string
  readonly quota: string
}

/** Undefined if no directory is named. Faults are of kind `config`. */
export function readLdapSettings(env: Environment): LdapSettings | undefined {
  const url = env.QUOTALDAPURL
  if (!url) return undefined
  if (!/^(ldaps?:\/\/[\w.[\]:-]+|ldapi:\/\/%2[fF][!-~]+)\/?$/.test(url)) {
    throw new Fault(
      'config',
      `QUOTALDAPURL ${url}: must be ldap://HOST[:PORT], ldaps://HOST or ldapi://%2FPATH`,
    )
  }
  const filter = readText(env, 'QUOTALDAPFILTER')
  if (!/^\(.*%[und].*\)$/.test(filter)) {
    throw new Fault(
      'config',
      `QUOTALDAPFILTER ${filter}: must be a filter in brackets, with %u, %n or %d`,
    )
  }
  if (env.QUOTALDAPCA && !url.startsWith('ldaps:')) {
    throw new Fault(
      'config',
      `QUOTALDAPCA: needs TLS, and QUOTALDAPURL is ${url}; set it to ldaps://`,
    )
  }
  return {
    url,
    base: env.QUOTALDAPBASE ?? '',
    bind: readBind(env),
    authorities: absolute('QUOTALDAPCA', env.QUOTALDAPCA),
    filter,
    attributes: {
      backend: attribute(env, 'QUOTALDAPBACKEND'),
      home: attribute(env, 'QUOTALDAPHOME'),
      quota: attribute(env, 'QUOTALDAPQUOTA'),
    },
    remember: readNumber(env, 'QUOTALDAPREMEMBER') * 1000,
  }
}

function readBind(env: Environment): LdapSettings['bind'] {
  const dn = env.QUOTALDAPBIND
  const passwordFile = absolute('QUOTALDAPPASSWORD', env.QUOTALDAPPASSWORD)
  if (dn && passwordFile) return { dn, passwordFile }
  if (!dn && !passwordFile) return undefined
  const missing = dn ? 'QUOTALDAPPASSWORD' : 'QUOTALDAPBIND'
  throw new Fault(
    'config',
    `${missing}: is unset, and QUOTALDAPBIND needs QUOTALDAPPASSWORD, a file`,
  )
}

function absolute(name: string, path: string | undefined): string | undefined {
  if (!path) return undefined
  if (path.startsWith('/')) return path
  throw new Fault('config', `${name} ${path}: must be the absolute path of a file`)
}

/** RFC 4512 1.4: a keystring or a number. */
function attribute(
  env: Environment,
  name: 'QUOTALDAPBACKEND' | 'QUOTALDAPHOME' | 'QUOTALDAPQUOTA',
): string {
  const wanted = readText(env, name)
  if (/^[A-Za-z][A-Za-z0-9-]*$|^\d+(\.\d+)+$/.test(wanted)) return wanted
  throw new Fault('config', `${name} ${wanted}: must be the name of an attribute`)
}

/** Where a server listens, by an address that `readLdapSettings` has found good. */
export function placeOf(
  url: string,
): { readonly path: string } | { host: string; port: number; isSecure: boolean } {
  const [, scheme, place = ''] = /^(ldap[si]?):\/\/([^/]*)/.exec(url) ?? []
  if (scheme === 'ldapi') return { path: decodeURIComponent(place) }
  const isSecure = scheme === 'ldaps'
  const [, host = '', port] = /^(.*?)(?::(\d+))?$/.exec(place) ?? []
  return {
    host: host.replace(/^\[|\]$/g, ''),
    port: port ? Number(port) : isSecure ? 636 : 389,
    isSecure,
  }
}
