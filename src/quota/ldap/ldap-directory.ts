import { type Entry, NoSuchObjectError, SizeLimitExceededError } from 'ldapts'
import { errorText } from '../../ground/errors/fault.ts'
import { createBackOff } from '../../ground/flow/back-off.ts'
import { limitConcurrency } from '../../ground/flow/concurrency-limit.ts'
import { inTime, LATE } from '../../ground/flow/deadline.ts'
import { createInFlight } from '../../ground/flow/in-flight.ts'
import { createLruCache } from '../../ground/flow/lru-cache.ts'
import { type LdapConnection, openConnection } from './ldap-connection.ts'
import { filterFor, type LdapUser } from './ldap-filter.ts'
import type { LdapSettings } from './ldap-settings.ts'

/** What a directory says about a user. Values that the entry lacks are absent. */
export type LdapAnswer =
  | {
      readonly found: 'entry'
      /** The host that has the mailbox. */
      readonly backend?: string
      /** The home directory; latin1, a character a byte. */
      readonly home?: string
      readonly quota?: string
    }
  | { readonly found: 'nobody' }
  | { readonly found: 'trouble'; readonly why: string }

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

export interface LdapOptions {
  /** Milliseconds on a clock that nobody sets. */
  readonly uptime: () => number
  /** Milliseconds that a question may take in all, and a connection to be opened. */
  readonly timeout: number
  /** How many users are remembered. */
  readonly remembered: number
}

/** Milliseconds for which a directory that failed is not asked. */
const REST = 1000
/**
 * Most questions that wait for the directory at once. slapd ends a connection with more than 100
 * pending requests if it is anonymous (slapd.conf(5), conn_max_pending).
 */
const AT_ONCE = 50

/**
 * Asks a directory over one connection, which is opened with the first question. Each question has
 * its answer within the timeout, whatever the directory does. If a question gets no answer in time
 * and the connection received nothing meanwhile, the connection hangs, and is replaced.
 */
export function createLdapDirectory(settings: LdapSettings, options: LdapOptions): LdapDirectory {
  const { uptime, timeout } = options
  const { url } = settings
  const known = createLruCache<{ answer: LdapAnswer; until: number }>(options.remembered)
  const inFlight = createInFlight<LdapAnswer>()
  const inTurn = limitConcurrency(AT_ONCE)
  const late = `no answer in ${timeout} ms`
  let connection: Promise<LdapConnection> | undefined
  let why = ''
  const backOff = createBackOff<string>(uptime, { first: REST, longest: REST })

  async function ask(user: LdapUser): Promise<LdapAnswer> {
    const until = uptime() + timeout
    const answer = await inTime(
      inTurn(() => askUntil(until, user)),
      timeout,
    )
    return answer === LATE ? { found: 'trouble', why: `${url}: ${late}` } : answer
  }

  async function askUntil(until: number, user: LdapUser): Promise<LdapAnswer | typeof LATE> {
    const left = until - uptime()
    if (left <= 0) return LATE
    const pending: PendingSearch = {}
    const answer = await inTime(askWithRetry(pending, user), left)
    const { connection: on, heard } = pending
    if (answer === LATE && on?.isOpen() && on.heard() === heard) giveUp(on, late)
    return answer
  }

  async function askWithRetry(pending: PendingSearch, user: LdapUser): Promise<LdapAnswer> {
    for (let isFirst = true; ; isFirst = false) {
      if (backOff.isBackedOff(url)) return { found: 'trouble', why }
      let on: LdapConnection | undefined
      try {
        on = await sharedConnection()
        pending.connection = on
        pending.heard = on.heard()
        const answer = await search(on, user)
        backOff.noteAnswer(url)
        return answer
      } catch (error) {
        // A connection that was closed, perhaps while it was idle, is replaced once.
        const isClosed = on !== undefined && !on.isOpen()
        if (isClosed && isFirst) continue
        if (on !== undefined && !isClosed) giveUp(on, errorText(error))
        else noteTrouble(errorText(error))
        return { found: 'trouble', why }
      }
    }
  }

  /** Resolves to the connection that all questions share, once it is ready. */
  async function sharedConnection(): Promise<LdapConnection> {
    const shared = connection ?? openConnection(settings, timeout)
    connection = shared
    try {
      const open = await shared
      if (open.isOpen()) return open
    } catch (error) {
      forgetConnection(shared)
      throw error
    }
    forgetConnection(shared)
    return sharedConnection()
  }

  function forgetConnection(shared: Promise<LdapConnection>): void {
    if (connection === shared) connection = undefined
  }

  /** Closes a connection that failed. Other questions on it fail, too, and do not connect at once. */
  function giveUp(on: LdapConnection, error: string): void {
    noteTrouble(error)
    on.close()
  }

  function noteTrouble(error: string): void {
    if (backOff.noteFailure(url) !== undefined) why = `${url}: ${error}`
  }

  async function askAndRemember(user: LdapUser): Promise<LdapAnswer> {
    const answer = await ask(user)
    if (answer.found !== 'trouble') {
      known.set(user.name, { answer, until: uptime() + settings.remember })
    }
    return answer
  }

  async function search(on: LdapConnection, user: LdapUser): Promise<LdapAnswer> {
    const { base, attributes } = settings
    const filter = filterFor(settings.filter, user)
    if (filter === undefined) return { found: 'nobody' }
    try {
      const entries = await on.search(base, {
        scope: 'sub',
        filter,
        attributes: Object.values(attributes),
        explicitBufferAttributes: Object.values(attributes),
        sizeLimit: 2,
        timeLimit: Math.ceil(timeout / 1000),
      })
      if (entries.length > 1) return ambiguous()
      const [entry] = entries
      return entry ? answerOf(entry) : { found: 'nobody' }
    } catch (error) {
      if (error instanceof SizeLimitExceededError) return ambiguous()
      if (error instanceof NoSuchObjectError) return { found: 'nobody' }
      throw error
    }
  }

  function answerOf(entry: Entry): LdapAnswer {
    const { attributes } = settings
    const backend = firstOf(entry, attributes.backend)
    const home = firstOf(entry, attributes.home)
    const quota = firstOf(entry, attributes.quota)
    return {
      found: 'entry',
      ...(backend ? { backend } : {}),
      ...(home ? { home } : {}),
      ...(quota ? { quota } : {}),
    }
  }

  const ambiguous = (): LdapAnswer => ({
    found: 'trouble',
    why: `${settings.url}: more than one entry for one user; see QUOTALDAPFILTER`,
  })

  return {
    find(user) {
      const remembered = known.get(user.name)
      if (remembered && remembered.until > uptime()) return Promise.resolve(remembered.answer)
      return inFlight.get(user.name) ?? inFlight.begin(user.name, askAndRemember(user))
    },
    forget: () => known.clear(),
    close() {
      void Promise.all(inFlight.all()).then(() => {
        connection?.then((open) => open.close()).catch(() => {})
        connection = undefined
      })
    },
  }
}

/** The connection that a question was sent on, and how often it had received data by then. */
interface PendingSearch {
  connection?: LdapConnection
  heard?: number
}

/** The first value of an attribute. Names of attributes are compared without case (RFC 4512 2.5). */
function firstOf(entry: Entry, attribute: string): string | undefined {
  const name = Object.keys(entry).find((known) => known.toLowerCase() === attribute.toLowerCase())
  const values = name === undefined ? undefined : entry[name]
  const value = Array.isArray(values) ? values[0] : values
  return Buffer.isBuffer(value) ? value.toString('latin1') : value
}
