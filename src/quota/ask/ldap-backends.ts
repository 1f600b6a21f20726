import type { MailAddress } from '../../message/envelope/address.ts'
import type { LdapDirectory } from '../ldap/ldap-directory.ts'
import type { LdapSettings } from '../ldap/ldap-settings.ts'
import { type Backend, backendFor } from './backend.ts'
import { namedMailboxOf } from './mailbox-name.ts'

/** How many users are remembered with their hosts, each for QUOTALDAPREMEMBER. */
const REMEMBERED = 20_000

export interface LdapBackendsOptions {
  /** Milliseconds on a clock that nobody sets. */
  readonly uptime: () => number
  /** Milliseconds for a look-up. */
  readonly timeout: number
}

/**
 * Asks a directory for the host of a user (mailHost), and puts that into `template` in the place of
 * `%h`.
 */
export class LdapBackends {
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
    if (entry.found === 'nobody') return 'no-such-user'
    if (entry.found === 'trouble') throw new Error(entry.why)
    return entry.backend === undefined ? undefined : backendFor(this.#template, entry.backend)
  }

  close(): void {
    this.#directory?.then((open) => open.close()).catch(() => {})
  }

  async #open(): Promise<LdapDirectory> {
    const { LdapDirectory } = await import('../ldap/ldap-directory.ts')
    return new LdapDirectory(this.#settings, { ...this.#options, remembered: REMEMBERED })
  }
}
