import { answerInTime } from '../../ground/flow/deadline.ts'
import { LruCache } from '../../ground/flow/lru-cache.ts'
import type { MailAddress } from '../../message/envelope/address.ts'
import type { LdapDirectory } from '../ldap/ldap-directory.ts'
import type { LdapSettings } from '../ldap/ldap-settings.ts'
import { type Backend, backendFor } from './backend.ts'
import type { BackendOf } from './backend-map.ts'
import { createCircuits } from './circuit.ts'
import { namedMailboxOf } from './mailbox-name.ts'

/** How many users are remembered with their hosts, each for QUOTALDAPREMEMBER. */
const REMEMBERED = 20_000
/** How many hosts are remembered; a site has a few. */
const HOSTS_MAX = 1000

export interface LdapBackends {
  readonly backendOf: BackendOf
  close(): void
}

export interface LdapBackendsOptions {
  /** Milliseconds on a clock that nobody sets. */
  readonly uptime: () => number
  /** Milliseconds for a look-up. */
  readonly timeout: number
}

/**
 * Asks a directory for the host of a user (mailHost), and puts that into `template` in the place of
 * `%h`. If the directory does not answer in time, no mail waits for it until a look-up in the
 * background has had an answer.
 */
export function ldapBackends(
  settings: LdapSettings,
  template: string,
  { uptime, timeout }: LdapBackendsOptions,
): LdapBackends {
  const backends = new LruCache<Backend>(HOSTS_MAX)
  const circuits = createCircuits(uptime)
  let directory: Promise<LdapDirectory> | undefined

  async function lookUp(address: MailAddress): Promise<Backend | 'no-such-user' | undefined> {
    const name = namedMailboxOf(address, 'address')?.name
    if (name === undefined) return undefined
    directory ??= open()
    const { local, domain = '' } = address
    const entry = await (await directory).find({ name, local, domain })
    if (entry.found === 'nobody') return 'no-such-user'
    if (entry.found === 'trouble') throw new Error(entry.why)
    return entry.backend === undefined ? undefined : backendAt(entry.backend)
  }

  async function open(): Promise<LdapDirectory> {
    const { createLdapDirectory } = await import('../ldap/ldap-directory.ts')
    return createLdapDirectory(settings, { uptime, timeout, remembered: REMEMBERED })
  }

  function backendAt(host: string): Backend {
    const known = backends.get(host)
    if (known !== undefined) return known
    const backend = backendFor(template, host)
    backends.set(host, backend)
    return backend
  }

  /**
   * Looks an address up, and notes whether the directory answered. An error that comes early costs
   * next to no time, so only a late one counts as a failure.
   */
  async function timed(address: MailAddress): ReturnType<typeof lookUp> {
    const began = uptime()
    try {
      const found = await answerInTime(lookUp(address), timeout)
      circuits.answered(settings.url)
      return found
    } catch (error) {
      if (uptime() - began < timeout / 2) circuits.answered(settings.url)
      else circuits.failed(settings.url)
      throw error
    }
  }

  return {
    async backendOf(address) {
      const state = circuits.state(settings.url)
      if (state === 'closed') return timed(address)
      if (state === 'probe') timed(address).catch(() => {}) // it only finds out about the directory
      throw new Error(`${settings.url} does not answer`)
    },
    close() {
      directory?.then((open) => open.close()).catch(() => {})
    },
  }
}
