import type { Socket } from 'node:net'
import { Client, type Entry, NoSuchObjectError, SizeLimitExceededError } from 'ldapts'
import { errorText } from '../../errors/fault.ts'
import { BackOff } from '../../flow/back-off.ts'
import { LruCache, SharedWork } from '../../flow/cache.ts'
import { Semaphore } from '../../flow/semaphore.ts'
import { TIMED_OUT, withTimeout } from '../../flow/timeout.ts'
import { readSecret } from '../../path/secret-file.ts'
import { formatDuration } from '../../text/units.ts'
import { dial } from '../connection/dial.ts'
import type { LdapSettings } from './ldap-settings.ts'
import { MessageStream } from './message-stream.ts'

/** The user that a directory is searched for; latin1, one character for each byte. */
interface LdapUser {
  readonly name: string
  readonly local: string
  readonly domain: string
}

/** The answer of a directory about a user. Values that the entry lacks are absent. */
type LdapAnswer =
  | {
      readonly kind: 'entry'
      /** The host that has the mailbox. */
      readonly backend?: string
      /** The home directory; latin1, one character for each byte. */
      readonly home?: string
      readonly quota?: string
      /** The addresses to which mail goes on. */
      readonly aliases: readonly string[]
    }
  | { readonly kind: 'nobody' }
  | { readonly kind: 'trouble'; readonly reason: string }

/**
 * Milliseconds for which a search continues after its caller has stopped waiting. If the directory is only
 * slow, the result of that search answers the next request about the user.
 */
const SEARCH_TIMEOUT = 10_000
/** Milliseconds for which an entry, or the answer that there is none, is cached. */
const REMEMBERED_FOR = 60_000
/** Upper limit for concurrent searches while the directory is slow: others are not begun. */
const SLOW_MAX = 50

interface LdapOptions {
  /** Milliseconds on a monotonic clock. */
  readonly uptime: () => number
  /** Time limit of a request in milliseconds. */
  readonly timeout: number
  /** The number of cached users. */
  readonly remembered: number
}

/**
 * A directory of users, whose answers are cached. It opens no connection before the first request. After a
 * request without an answer in time, no caller waits for an answer until a search in the background has had
 * one.
 */
export class LdapDirectory {
  readonly #settings: LdapSettings
  readonly #uptime: () => number
  readonly #timeout: number
  readonly #client: LdapClient
  readonly #known: LruCache<{ answer: LdapAnswer; until: number }>
  readonly #searches = new SharedWork<LdapAnswer>()
  readonly #questions = new SharedWork<LdapAnswer>()
  #isSlow = false

  constructor(settings: LdapSettings, { uptime, timeout, remembered }: LdapOptions) {
    this.#settings = settings
    this.#uptime = uptime
    this.#timeout = timeout
    this.#client = new LdapClient(settings, uptime, Math.max(timeout, SEARCH_TIMEOUT))
    this.#known = new LruCache(remembered)
  }

  /**
   * Looks a user up. Never rejects, and never takes longer than the timeout. Concurrent callers with the same
   * user share one request.
   */
  find(user: LdapUser): Promise<LdapAnswer> {
    const entry = this.#known.get(user.name)
    if (entry && entry.until > this.#uptime()) return Promise.resolve(entry.answer)
    return this.#questions.get(user.name) ?? this.#questions.begin(user.name, this.#ask(user))
  }

  forget(): void {
    this.#known.clear()
  }

  /** Closes the connection once no caller waits for an answer. */
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
    const answer = await withTimeout(search, this.#timeout)
    if (answer !== TIMED_OUT) return answer
    this.#isSlow = true
    return this.#trouble(`no answer in ${formatDuration(this.#timeout)}`)
  }

  async #search(user: LdapUser): Promise<LdapAnswer> {
    const answer = await this.#client.ask(user)
    if (answer.kind === 'trouble') return answer
    this.#isSlow = false
    const until = this.#uptime() + REMEMBERED_FOR
    this.#known.set(user.name, { answer, until })
    return answer
  }

  #trouble(reason: string): LdapAnswer {
    return { kind: 'trouble', reason: `${this.#settings.url}: ${reason}` }
  }
}

/** Milliseconds for which a directory that failed is not used. */
const NOT_ASKED_FOR = 1000
/**
 * Upper limit for concurrent requests to the directory. slapd ends an anonymous connection with more than 100
 * pending requests (slapd.conf(5), conn_max_pending).
 */
const REQUESTS_MAX = 50

/**
 * Sends requests to a directory, over one shared connection. It connects and binds with the first request. A
 * search without an answer in time ends the connection, because that may hang; the next request opens another
 * one.
 */
class LdapClient {
  readonly #settings: LdapSettings
  readonly #uptime: () => number
  readonly #timeout: number
  readonly #permits = new Semaphore(REQUESTS_MAX)
  readonly #backOff: BackOff<string>
  readonly #client: Client
  #stream: MessageStream | undefined
  /**
   * A connection that is being opened. All queries wait for this one: ldapts would open another
   * one for each query.
   */
  #opening: Promise<void> | undefined
  #reason = ''

  /** `timeout` is milliseconds for a search, and before it for a connection and a bind. */
  constructor(settings: LdapSettings, uptime: () => number, timeout: number) {
    this.#settings = settings
    this.#uptime = uptime
    this.#timeout = timeout
    this.#backOff = new BackOff(uptime, { first: NOT_ASKED_FOR, longest: NOT_ASKED_FOR })
    const createConnection = () => this.#connect()
    this.#client = new Client({
      // `#connect` sets the address of the directory.
      url: settings.url.startsWith('ldaps:') ? 'ldaps://localhost' : 'ldap://localhost',
      connectTimeout: timeout,
      timeout,
      createConnection,
      createSecureConnection: createConnection as never,
    })
  }

  /** Never rejects. */
  ask(user: LdapUser): Promise<LdapAnswer> {
    const until = this.#uptime() + this.#timeout
    return this.#permits.run(() => this.#askUntil(until, user))
  }

  async close(): Promise<void> {
    await this.#opening?.catch(() => {})
    await this.#client.unbind().catch(() => {})
  }

  async #askUntil(until: number, user: LdapUser): Promise<LdapAnswer> {
    const { url } = this.#settings
    for (let isFirst = true; ; isFirst = false) {
      if (this.#backOff.isBackedOff(url)) return { kind: 'trouble', reason: this.#reason }
      const isLate = this.#uptime() >= until
      let stream: MessageStream | undefined
      try {
        if (isLate) throw new Error(`no answer in ${formatDuration(this.#timeout)}`)
        if (!this.#client.isBound) await this.#open()
        stream = this.#stream
        const answer = await searchUser(this.#client, user, this.#settings, this.#timeout)
        this.#backOff.noteAnswer(url)
        return answer
      } catch (error) {
        // A connection that was closed, perhaps while it was idle, is replaced once.
        if (isFirst && !isLate && stream?.destroyed) continue
        // For a broken connection, ldapts reports only the kind of message that was under way.
        const reason = errorText((stream ?? this.#stream)?.errored ?? error)
        if (this.#backOff.noteFailure(url) !== undefined) this.#reason = `${url}: ${reason}`
        return { kind: 'trouble', reason: this.#reason }
      }
    }
  }

  /** Resolves when there is a connection that is bound. */
  #open(): Promise<void> {
    this.#opening ??= Promise.resolve()
      .then(() => this.#bind())
      .finally(() => {
        this.#opening = undefined
      })
    return this.#opening
  }

  async #bind(): Promise<void> {
    const { bind } = this.#settings
    if (!this.#client.isConnected) this.#stream = undefined
    const password = bind ? readSecret(bind.passwordFile) : ''
    await this.#client.bind(bind?.dn ?? '', password) // without a name: anonymously (RFC 4513 5.1.1)
  }

  #connect(): Socket {
    // With a search, too, ldapts would open a connection, and not bind.
    if (this.#opening === undefined) throw new Error('the connection was closed')
    this.#stream = new MessageStream(dial(this.#settings.server, this.#settings.authorities))
    return this.#stream as unknown as Socket
  }
}

/**
 * Searches the entry of a user. More than one entry is trouble. Rejects with other errors of the
 * directory, or if the connection ends. `timeout` is milliseconds for the directory.
 */
async function searchUser(
  client: Client,
  user: LdapUser,
  settings: LdapSettings,
  timeout: number,
): Promise<LdapAnswer> {
  const { url, base, attributes } = settings
  const ambiguous: LdapAnswer = {
    kind: 'trouble',
    reason: `${url}: more than one entry for ${user.name}; see QUOTALDAPFILTER`,
  }
  const filter = filterFor(settings.filter, user)
  if (filter === undefined) return { kind: 'nobody' }
  try {
    const { searchEntries: entries } = await client.search(base, {
      scope: 'sub',
      filter,
      attributes: Object.values(attributes),
      explicitBufferAttributes: Object.values(attributes),
      sizeLimit: 2,
      timeLimit: Math.ceil(timeout / 1000),
    })
    if (entries.length > 1) return ambiguous
    const [entry] = entries
    return entry ? answerOf(entry, attributes) : { kind: 'nobody' }
  } catch (error) {
    if (error instanceof SizeLimitExceededError) return ambiguous
    if (error instanceof NoSuchObjectError) return { kind: 'nobody' }
    throw error
  }
}

function answerOf(entry: Entry, attributes: LdapSettings['attributes']): LdapAnswer {
  const [backend] = valuesOf(entry, attributes.backend)
  const [home] = valuesOf(entry, attributes.home)
  const [quota] = valuesOf(entry, attributes.quota)
  return {
    kind: 'entry',
    ...(backend ? { backend } : {}),
    ...(home ? { home } : {}),
    ...(quota ? { quota } : {}),
    aliases: valuesOf(entry, attributes.alias),
  }
}

/** The values of an attribute. Names of attributes are compared without case (RFC 4512 2.5). */
function valuesOf(entry: Entry, attribute: string): string[] {
  const name = Object.keys(entry).find((known) => known.toLowerCase() === attribute.toLowerCase())
  const values = name === undefined ? [] : [entry[name]!].flat()
  return values.map((value) => (Buffer.isBuffer(value) ? value.toString('latin1') : value))
}

/** The variables of a filter: the whole name, the local part and the domain. */
const VARIABLES = /%([und])/g

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Fills a user into a template with `%u`, `%n` and `%d`. Returns undefined if the name is not UTF-8: no entry
 * can have it, because the values of a directory are UTF-8 (RFC 4517 3.3.6).
 */
export function filterFor(template: string, { name, local, domain }: LdapUser): string | undefined {
  const values: Record<string, string> = { u: name, n: local, d: domain }
  try {
    return template.replace(VARIABLES, (_, letter: string) => escapeValue(values[letter]!))
  } catch {
    return undefined
  }
}

/**
 * Escapes a value (RFC 4515 3): ASCII characters that might have a meaning become `\` and two hex digits.
 * Characters beyond ASCII stay unchanged, because ldapts decodes the digits as a character and not as a byte.
 */
function escapeValue(value: string): string {
  const text = utf8.decode(Buffer.from(value, 'latin1'))
  return text.replace(/[\0-\x7f]/g, (sign) => {
    if (/[\w@.+-]/.test(sign)) return sign
    return `\\${sign.charCodeAt(0).toString(16).padStart(2, '0')}`
  })
}
