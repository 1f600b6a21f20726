import { errorText } from '../../ground/errors/fault.ts'
import { BackOff } from '../../ground/flow/back-off.ts'
import { limitConcurrency } from '../../ground/flow/concurrency-limit.ts'
import { inTime, LATE } from '../../ground/flow/deadline.ts'
import { type LdapConnection, openConnection } from './ldap-connection.ts'
import type { LdapUser } from './ldap-filter.ts'
import { type LdapAnswer, searchUser } from './ldap-search.ts'
import type { LdapSettings } from './ldap-settings.ts'

/** Asks a directory, over one connection that all questions share. */
export interface LdapClient {
  /** Never rejects, and never takes longer than the timeout. */
  ask(user: LdapUser): Promise<LdapAnswer>
  /** Closes the connection. */
  close(): void
}

export interface LdapClientOptions {
  /** Milliseconds on a clock that nobody sets. */
  readonly uptime: () => number
  /** Milliseconds that a question may take in all, and a connection to be opened. */
  readonly timeout: number
}

/** The connection that a question was sent on, and how often it had received data by then. */
interface PendingSearch {
  connection?: LdapConnection
  heard?: number
}

/** Milliseconds for which a directory that failed is not asked. */
const REST = 1000
/**
 * Most questions that wait for the directory at once. slapd ends a connection with more than 100
 * pending requests if it is anonymous (slapd.conf(5), conn_max_pending).
 */
const AT_ONCE = 50

/**
 * Makes a client, which connects with the first question. If a question gets no answer in time and
 * the connection received nothing meanwhile, the connection hangs, and is replaced.
 */
export function createLdapClient(
  settings: LdapSettings,
  { uptime, timeout }: LdapClientOptions,
): LdapClient {
  const { url } = settings
  const limited = limitConcurrency(AT_ONCE)
  const late = `no answer in ${timeout} ms`
  const backOff = new BackOff<string>(uptime, { first: REST, longest: REST })
  let connection: Promise<LdapConnection> | undefined
  let why = ''

  async function askUntil(until: number, user: LdapUser): Promise<LdapAnswer | typeof LATE> {
    const left = until - uptime()
    if (left <= 0) return LATE
    const pending: PendingSearch = {}
    const answer = await inTime(askWithRetry(pending, user), left)
    const { connection: used, heard } = pending
    if (answer === LATE && used?.isOpen() && used.heard() === heard) giveUp(used, late)
    return answer
  }

  async function askWithRetry(pending: PendingSearch, user: LdapUser): Promise<LdapAnswer> {
    for (let isFirst = true; ; isFirst = false) {
      if (backOff.isBackedOff(url)) return { found: 'trouble', why }
      let used: LdapConnection | undefined
      try {
        used = await sharedConnection()
        pending.connection = used
        pending.heard = used.heard()
        const answer = await searchUser(used, user, settings, timeout)
        backOff.noteAnswer(url)
        return answer
      } catch (error) {
        // A connection that was closed, perhaps while it was idle, is replaced once.
        const isClosed = used !== undefined && !used.isOpen()
        if (isClosed && isFirst) continue
        if (used !== undefined && !isClosed) giveUp(used, errorText(error))
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
  function giveUp(failed: LdapConnection, error: string): void {
    noteTrouble(error)
    failed.close()
  }

  function noteTrouble(error: string): void {
    if (backOff.noteFailure(url) !== undefined) why = `${url}: ${error}`
  }

  return {
    async ask(user) {
      const until = uptime() + timeout
      const answer = await inTime(
        limited(() => askUntil(until, user)),
        timeout,
      )
      return answer === LATE ? { found: 'trouble', why: `${url}: ${late}` } : answer
    },
    close() {
      connection?.then((open) => open.close()).catch(() => {})
      connection = undefined
    },
  }
}
