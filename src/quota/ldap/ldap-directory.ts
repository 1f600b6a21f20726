import { inTime, LATE } from '../../ground/flow/deadline.ts'
import { InFlight } from '../../ground/flow/in-flight.ts'
import { LruCache } from '../../ground/flow/lru-cache.ts'
import { createLdapClient, type LdapClientOptions } from './ldap-client.ts'
import type { LdapUser } from './ldap-filter.ts'
import type { LdapAnswer } from './ldap-search.ts'
import type { LdapSettings } from './ldap-settings.ts'

/**
 * Milliseconds for which a search goes on, though nobody waits for it any more. A directory that is
 * slow, but lives, answers the next question about the user with it.
 */
const SEARCH_WITHIN = 10_000
/** Most searches at once while the directory is slow: others are not begun. */
const SLOW_MAX = 50

/** A directory of users, whose answers are remembered. */
export interface LdapDirectory {
  /**
   * Looks a user up. Never rejects, and never takes longer than the timeout. Callers who ask about
   * the same user at the same time share one question.
   */
  find(user: LdapUser): Promise<LdapAnswer>
  /** Forgets all users. */
  forget(): void
  /** Closes the connection once nobody waits for an answer. */
  close(): void
}

export interface LdapOptions extends LdapClientOptions {
  /** How many users are remembered. */
  readonly remembered: number
}

/**
 * Opens no connection before the first question. After a question that had no answer in time nobody
 * waits, until a search has ended.
 */
export function createLdapDirectory(settings: LdapSettings, options: LdapOptions): LdapDirectory {
  const { uptime, timeout, remembered } = options
  const client = createLdapClient(settings, { uptime, timeout: Math.max(timeout, SEARCH_WITHIN) })
  const known = new LruCache<{ answer: LdapAnswer; until: number }>(remembered)
  const searches = new InFlight<LdapAnswer>()
  const questions = new InFlight<LdapAnswer>()
  const late: LdapAnswer = { found: 'trouble', why: `${settings.url}: no answer in ${timeout} ms` }
  let isSlow = false

  async function searchAndRemember(user: LdapUser): Promise<LdapAnswer> {
    const answer = await client.ask(user)
    isSlow = false
    if (answer.found !== 'trouble') {
      known.set(user.name, { answer, until: uptime() + settings.remember })
    }
    return answer
  }

  async function ask(user: LdapUser): Promise<LdapAnswer> {
    const underWay = searches.get(user.name)
    if (isSlow && underWay === undefined && searches.all().length >= SLOW_MAX) return late
    const search = underWay ?? searches.begin(user.name, searchAndRemember(user))
    if (isSlow) return late
    const answer = await inTime(search, timeout)
    if (answer !== LATE) return answer
    isSlow = true
    return late
  }

  return {
    find(user) {
      const entry = known.get(user.name)
      if (entry && entry.until > uptime()) return Promise.resolve(entry.answer)
      return questions.get(user.name) ?? questions.begin(user.name, ask(user))
    },
    forget: () => known.clear(),
    close: () => void Promise.all(questions.all()).then(client.close),
  }
}
