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

/** What a directory knows of a user; absent values are unknown. */
export type LdapAnswer =
  | {
      readonly found: 'entry'
      /** Host that has the mailbox. */
      readonly backend?: string
      /** Latin1, a byte a character. */
      readonly home?: string
      readonly quota?: string
    }
  | { readonly found: 'nobody' }
  | { readonly found: 'trouble'; readonly why: string }

export interface LdapDirectory {
  /** Never rejects, and never takes longer than the timeout. Questions for one user at the same time are one question. */
  find(user: LdapUser): Promise<LdapAnswer>
  forget(): void
  /** Closes the connection when all questions have their answers. */
  close(): void
}

export interface LdapOptions {
  /** Milliseconds on a clock that nobody sets. */
  readonly now: () => number
  /** Milliseconds for a question in all cases, and for a connection. */
  readonly timeout: number
  /** Users that are remembered. */
  readonly remembered: number
}

/** Milliseconds for which a directory that failed is left alone. */
const REST = 1000
/**
 * Questions that wait for the directory at once. slapd ends a connection on which more than 100
 * requests of a nobody are pending (slapd.conf(5), conn_max_pending).
 */
const AT_ONCE = 50

/**
 * Asks a directory over one connection, which is opened when it is wanted. Each question has its
 * answer within the timeout, whatever the directory does. A connection on which nothing was heard
 * while a question waited hangs: it is replaced.
 */
export function createLdapDirectory(settings: LdapSettings, options: LdapOptions): LdapDirectory {
  const { now, timeout } = options
  const { url } = settings
  const known = createLruCache<{ answer: LdapAnswer; until: number }>(options.remembered)
  const underWay = createInFlight<LdapAnswer>()
  const inTurn = limitConcurrency(AT_ONCE)
  const late = `no answer in ${timeout} ms`
  let connection: Promise<LdapConnection> | undefined
  let why = ''
  const rests = createBackOff<string>(now, { first: REST, longest: REST })

  async function ask(user: LdapUser): Promise<LdapAnswer> {
    const until = now() + timeout
    const answer = await inTime(
      inTurn(() => askUntil(until, user)),
      timeout,
    )
    return answer === LATE ? { found: 'trouble', why: `${url}: ${late}` } : answer
  }

  async function askUntil(until: number, user: LdapUser): Promise<LdapAnswer | typeof LATE> {
    const left = until - now()
    if (left <= 0) return LATE
    const asked: PendingSearch = {}
    const answer = await inTime(askOn(asked, user), left)
    const { connection: on, heard } = asked
    if (answer === LATE && on?.isOpen() && on.heard() === heard) giveUp(on, late)
    return answer
  }

  async function askOn(asked: PendingSearch, user: LdapUser): Promise<LdapAnswer> {
    for (let isFirst = true; ; isFirst = false) {
      if (rests.isBackedOff(url)) return { found: 'trouble', why }
      let on: LdapConnection | undefined
      try {
        on = await connect()
        asked.connection = on
        asked.heard = on.heard()
        const answer = await search(on, user)
        rests.noteAnswer(url)
        return answer
      } catch (error) {
        // It was closed while it was idle, or under the question; a new connection may do better.
        const isClosed = on !== undefined && !on.isOpen()
        if (isClosed && isFirst) continue
        if (on !== undefined && !isClosed) giveUp(on, errorText(error))
        else isTroubled(errorText(error))
        return { found: 'trouble', why }
      }
    }
  }

  /** The connection of all, once it is ready for questions. */
  async function connect(): Promise<LdapConnection> {
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
    return connect()
  }

  function forgetConnection(shared: Promise<LdapConnection>): void {
    if (connection === shared) connection = undefined
  }

  /** Other questions that wait on it are rejected, too, and do not connect again at once. */
  function giveUp(on: LdapConnection, error: string): void {
    isTroubled(error)
    on.close()
  }

  function isTroubled(error: string): void {
    if (rests.noteFailure(url) !== undefined) why = `${url}: ${error}`
  }

  async function askAndRemember(user: LdapUser): Promise<LdapAnswer> {
    const answer = await ask(user)
    if (answer.found !== 'trouble') {
      known.set(user.name, { answer, until: now() + settings.remember })
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
      if (remembered && remembered.until > now()) return Promise.resolve(remembered.answer)
      return underWay.get(user.name) ?? underWay.begin(user.name, askAndRemember(user))
    },
    forget: () => known.clear(),
    close() {
      void Promise.all(underWay.all()).then(() => {
        connection?.then((open) => open.close()).catch(() => {})
        connection = undefined
      })
    },
  }
}

/** Where a question was sent, and how often that connection had been heard by then. */
interface PendingSearch {
  connection?: LdapConnection
  heard?: number
}

/** Names of attributes are compared without case (RFC 4512 2.5). */
function firstOf(entry: Entry, attribute: string): string | undefined {
  const name = Object.keys(entry).find((known) => known.toLowerCase() === attribute.toLowerCase())
  const values = name === undefined ? undefined : entry[name]
  const value = Array.isArray(values) ? values[0] : values
  return Buffer.isBuffer(value) ? value.toString('latin1') : value
}
