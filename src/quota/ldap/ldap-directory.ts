import { createInFlight } from '../../ground/flow/in-flight.ts'
import { createLruCache } from '../../ground/flow/lru-cache.ts'
import { createLdapClient, type LdapClientOptions } from './ldap-client.ts'
import type { LdapUser } from './ldap-filter.ts'
import type { LdapAnswer } from './ldap-search.ts'
import type { LdapSettings } from './ldap-settings.ts'

/** A directory of users, whose answers are remembered. */
export interface LdapDirectory {
  /**
   * Looks a user up. Never rejects, and never takes longer than the timeout. Callers who ask about
   * the same user at the same time share one question.
   */
  find(user: LdapUser): Promise<LdapAnswer>
  /** Forgets all users. */
  forget(): void
  /** Closes the connection once all questions have their answers. */
  close(): void
}

export interface LdapOptions extends LdapClientOptions {
  /** How many users are remembered. */
  readonly remembered: number
}

/** Opens no connection before the first question. */
export function createLdapDirectory(settings: LdapSettings, options: LdapOptions): LdapDirectory {
  const { uptime, remembered } = options
  const client = createLdapClient(settings, options)
  const known = createLruCache<{ answer: LdapAnswer; until: number }>(remembered)
  const inFlight = createInFlight<LdapAnswer>()

  async function askAndRemember(user: LdapUser): Promise<LdapAnswer> {
    const answer = await client.ask(user)
    if (answer.found !== 'trouble') {
      known.set(user.name, { answer, until: uptime() + settings.remember })
    }
    return answer
  }

  return {
    find(user) {
      const entry = known.get(user.name)
      if (entry && entry.until > uptime()) return Promise.resolve(entry.answer)
      return inFlight.get(user.name) ?? inFlight.begin(user.name, askAndRemember(user))
    },
    forget: () => known.clear(),
    close: () => void Promise.all(inFlight.all()).then(client.close),
  }
}
