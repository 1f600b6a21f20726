import { answerInTime } from '../../ground/flow/deadline.ts'
import { createLruCache } from '../../ground/flow/lru-cache.ts'
import type { MailAddress } from '../../message/envelope/address.ts'
import type { LdapDirectory } from '../ldap/ldap-directory.ts'
import type { LdapSettings } from '../ldap/ldap-settings.ts'
import { type Backend, backendFor } from './backend.ts'
import type { BackendOf } from './backend-map.ts'
import { createCircuits } from './circuit.ts'
import { mailboxOf } from './mailbox-name.ts'

/** Users whose host is remembered, for as long as QUOTALDAPREMEMBER says. */
const REMEMBERED = 20_000
/** Hosts; a site has a few. */
const HOSTS_MAX = 1000

export interface LdapBackends {
  readonly backendOf: BackendOf
  close(): void
}

export interface LdapBackendsOptions {
  /** Milliseconds on a clock that never goes back. */
  readonly now: () => number
  /** Milliseconds for a look-up. */
  readonly timeout: number
}

/**
 * The backend that a directory names as the host of a user (mailHost), put for `%h` into
 * `template`. If the directory does not answer in time, no mail waits for it until one
 * look-up in the background did better.
 */
export function ldapBackends(
  settings: LdapSettings,
  template: string,
  { now, timeout }: LdapBackendsOptions,
): LdapBackends {
  const backends = createLruCache<Backend>(HOSTS_MAX)
  const circuits = createCircuits(now)
  let directory: Promise<LdapDirectory> | undefined

  async function lookUp(address: MailAddress): Promise<Backend | 'no-such-user' | undefined> {
    const name = mailboxOf(address, 'address')?.name
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
    return createLdapDirectory(settings, { now, timeout, remembered: REMEMBERED })
  }

  function backendAt(host: string): Backend {
    const known = backends.get(host)
    if (known !== undefined) return known
    const backend = backendFor(template, host)
    backends.set(host, backend)
    return backend
  }

  /** A refusal costs next to nothing and says nothing about other users; only a timeout does. */
  async function timed(address: MailAddress): ReturnType<typeof lookUp> {
    const began = now()
    try {
      const found = await answerInTime(lookUp(address), timeout)
      circuits.answered(settings.url)
      return found
    } catch (error) {
      if (now() - began < timeout / 2) circuits.answered(settings.url)
      else circuits.failed(settings.url)
      throw error
    }
  }

  return {
    async backendOf(address) {
      const state = circuits.state(settings.url)
      if (state === 'closed') return timed(address)
      if (state === 'probe') timed(address).catch(() => {}) // the next failure is logged again
      throw new Error(`${settings.url} does not answer`)
    },
    close() {
      directory?.then((open) => open.close()).catch(() => {})
    },
  }
}
