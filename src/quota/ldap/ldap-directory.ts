import { inTime, LATE } from '../../ground/flow/deadline.ts'
import { InFlight } from '../../ground/flow/in-flight.ts'
import { LruCache } from '../../ground/flow/lru-cache.ts'
import { LdapClient, type LdapClientOptions } from './ldap-client.ts'
import type { LdapAnswer, LdapUser } from './ldap-search.ts'
import type { LdapSettings } from './ldap-settings.ts'

/**
 * Milliseconds for which a search goes on, though nobody waits for it any more. A directory that is
 * slow, but lives, answers the next question about the user with it.
 */
const SEARCH_WITHIN = 10_000
/** Most searches at once while the directory is slow: others are not begun. */
const SLOW_MAX = 50

export interface LdapOptions extends LdapClientOptions {
  /** How many users are remembered. */
  readonly remembered: number
}

/**
 * A directory of users, whose answers are remembered. It opens no connection before the first
 * question. After a question that had no answer in time nobody waits, until a search in the
 * background has had an answer.
 */
export class LdapDirectory {
  readonly #settings: LdapSettings
  readonly #uptime: () => number
  readonly #timeout: number
  readonly #client: LdapClient
  readonly #known: LruCache<{ answer: LdapAnswer; until: number }>
  readonly #searches = new InFlight<LdapAnswer>()
  readonly #questions = new InFlight<LdapAnswer>()
  #isSlow = false

  constructor(settings: LdapSettings, { uptime, timeout, remembered }: LdapOptions) {
    this.#settings = settings
    this.#uptime = uptime
    this.#timeout = timeout
    this.#client = new LdapClient(settings, { uptime, timeout: Math.max(timeout, SEARCH_WITHIN) })
    this.#known = new LruCache(remembered)
  }

  /**
   * Looks a user up. Never rejects, and never takes longer than the timeout. Callers who ask about
   * the same user at the same time share one question.
   */
  find(user: LdapUser): Promise<LdapAnswer> {
    const entry = this.#known.get(user.name)
    if (entry && entry.until > this.#uptime()) return Promise.resolve(entry.answer)
    return this.#questions.get(user.name) ?? this.#questions.begin(user.name, this.#ask(user))
  }

  /** Forgets all users. */
  forget(): void {
    this.#known.clear()
  }

  /** Closes the connection once nobody waits for an answer. */
  close(): void {
    void Promise.all(this.#questions.all()).then(() => this.#client.close())
  }

  async #ask(user: LdapUser): Promise<LdapAnswer> {
    const underWay = this.#searches.get(user.name)
    if (this.#isSlow && underWay === undefined && this.#searches.all().length >= SLOW_MAX) {
      return this.#trouble('does not answer')
    }
    const search = underWay ?? this.#searches.begin(user.name, this.#search(user))
    if (this.#isSlow) return this.#trouble('does not answer')
    const answer = await inTime(search, this.#timeout)
    if (answer !== LATE) return answer
    this.#isSlow = true
    return this.#trouble(`no answer in ${this.#timeout} ms`)
  }

  async #search(user: LdapUser): Promise<LdapAnswer> {
    const answer = await this.#client.ask(user)
    if (answer.found === 'trouble') return answer
    this.#isSlow = false
    const until = this.#uptime() + this.#settings.remember
    this.#known.set(user.name, { answer, until })
    return answer
  }

  #trouble(why: string): LdapAnswer {
    return { found: 'trouble', why: `${this.#settings.url}: ${why}` }
  }
}
