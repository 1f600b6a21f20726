import type { MailAddress } from '../../mail/message/envelope/address.ts'
import type { LdapDirectory } from '../../protocol/ldap/ldap-directory.ts'
import type { LdapSettings } from '../../protocol/ldap/ldap-settings.ts'
import { namedMailboxOf } from './mailbox.ts'
import { USERS_CACHED } from './quota-cache.ts'
import { type Backend, backendFor } from './quota-settings.ts'

interface LdapBackendsOptions {
  /** Milliseconds on a monotonic clock. */
  readonly uptime: () => number
  /** Milliseconds for a look-up. */
  readonly timeout: number
}

/** Searches a directory for the host of a user (mailHost), and replaces `%h` in `template` with it. */
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
    if (entry.found === 'trouble') throw new Error(entry.reason)
    return entry.backend === undefined ? undefined : backendFor(this.#template, entry.backend)
  }

  close(): void {
    this.#directory?.then((open) => open.close()).catch(() => {})
  }

  async #open(): Promise<LdapDirectory> {
    const { LdapDirectory } = await import('../../protocol/ldap/ldap-directory.ts')
    return new LdapDirectory(this.#settings, { ...this.#options, remembered: USERS_CACHED })
  }
}
