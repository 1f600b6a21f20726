import { errorTextAt, Fault } from '../../../base/errors/fault.ts'
import { readForeignFile } from '../../../base/path/open.ts'
import type { LdapDirectory } from '../../../base/protocol/ldap/ldap-directory.ts'
import type { LdapSettings } from '../../../base/protocol/ldap/ldap-settings.ts'
import { type MailAddress, readAddress, withPlainDomain } from '../../../base/text/address.ts'
import { namedMailboxOf } from './mailbox.ts'
import { USERS_CACHED } from './quota-cache.ts'
import { type Backend, backendFor, type QuotaSettings, readBackend } from './quota-settings.ts'

/**
 * Finds the backend of the mailbox of an address with a plain domain. Resolves to undefined if there is none.
 * Rejects if a directory gave no answer in time.
 */
export type BackendOf = (address: MailAddress) => MappedBackend | Promise<MappedBackend>
type MappedBackend = Backend | 'no-such-user' | undefined

/** What finds the server of a mailbox: a fixed backend, a map, or a directory. */
export interface BackendSource {
  readonly backendOf: BackendOf
  close?(): void
}

/** Opens the source that QUOTAD names. Throws a Fault of kind `config` for a bad map. */
export function openBackends(
  { where, timeout }: Pick<QuotaSettings, 'where' | 'timeout'>,
  uptime: () => number,
): BackendSource {
  if ('ldap' in where) return new LdapBackends(where.ldap, where.template, { uptime, timeout })
  if ('map' in where) return { backendOf: readBackendMap(where.map) }
  return { backendOf: () => where.backend }
}

/** Upper limit, in bytes, for a map: enough for a line for each of some million mailboxes. */
const MAP_MAX = 256 * 1024 * 1024

/** Reads a map. Throws a Fault of kind `config` if the file cannot be read or has an error. */
function readBackendMap(file: string): BackendOf {
  let text: string
  try {
    text = readForeignFile(file, MAP_MAX).toString('latin1')
  } catch (error) {
    throw new Fault('config', `QUOTAD map:${file}: ${errorTextAt(file, error)}`, error)
  }
  return parseBackendMap(text, file)
}

/**
 * Parses lines of `KEY BACKEND`. A key is an address, `@domain`, a name without domain, or `*` for all
 * others. The first of these that matches applies. Empty lines and lines that begin with `#` are ignored.
 * Domains are compared without case. Throws a Fault of kind `config`.
 */
function parseBackendMap(text: string, file: string): BackendOf {
  const backends = new Map<string, Backend>()
  const byKey = new Map<string, Backend>()
  for (const [index, line] of text.split('\n').entries()) {
    const [key, backend, ...more] = line.trim().split(/[ \t]+/)
    if (!key || key.startsWith('#')) continue
    const place = `${file} line ${index + 1}:`
    if (backend === undefined || more.length > 0) {
      throw new Fault('config', `${place} ${line.trim()}: must be a key and a service`)
    }
    const known = backends.get(backend) ?? readBackend(backend, place)
    backends.set(backend, known)
    byKey.set(withPlainDomain(readAddress(key)).text, known)
  }
  return (address) => {
    const { local, domain } = address
    const ofDomain = domain === undefined ? undefined : byKey.get(`@${domain}`)
    return byKey.get(address.text) ?? ofDomain ?? byKey.get(local) ?? byKey.get('*')
  }
}

interface LdapBackendsOptions {
  /** Milliseconds on a monotonic clock. */
  readonly uptime: () => number
  /** Milliseconds for a look-up. */
  readonly timeout: number
}

/** Searches a directory for the host of a user (mailHost), and replaces `%h` in `template` with it. */
class LdapBackends implements BackendSource {
  readonly #settings: LdapSettings
  readonly #template: string
  readonly #options: LdapBackendsOptions
  #directory: Promise<LdapDirectory> | undefined

  constructor(settings: LdapSettings, template: string, options: LdapBackendsOptions) {
    this.#settings = settings
    this.#template = template
    this.#options = options
  }

  async backendOf(address: MailAddress): Promise<Backend | 'no-such-user' | undefined> {
    const name = namedMailboxOf(address, 'address')?.name
    if (name === undefined) return undefined
    this.#directory ??= this.#open()
    const { local, domain = '' } = address
    const entry = await (await this.#directory).find({ name, local, domain })
    if (entry.kind === 'nobody') return 'no-such-user'
    if (entry.kind === 'trouble') throw new Error(entry.reason)
    return entry.backend === undefined ? undefined : backendFor(this.#template, entry.backend)
  }

  close(): void {
    this.#directory?.then((open) => open.close()).catch(() => {})
  }

  async #open(): Promise<LdapDirectory> {
    const ldap = await import('../../../base/protocol/ldap/ldap-directory.ts')
    return new ldap.LdapDirectory(this.#settings, { ...this.#options, remembered: USERS_CACHED })
  }
}
