import { errorText } from '../../ground/errors/fault.ts'
import { BackOff } from '../../ground/flow/back-off.ts'
import { inTime, LATE } from '../../ground/flow/deadline.ts'
import { limitConcurrency } from '../../ground/flow/semaphore.ts'
import { type LdapConnection, openConnection } from './ldap-connection.ts'
import { type LdapAnswer, type LdapUser, searchUser } from './ldap-search.ts'
import type { LdapSettings } from './ldap-settings.ts'

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
 * Asks a directory, over one connection that all questions share. It connects with the first
 * question. If a question gets no answer in time and the connection received nothing meanwhile, the
 * connection hangs, and is replaced.
 */
export class LdapClient {
  readonly #settings: LdapSettings
  readonly #uptime: () => number
  readonly #timeout: number
  readonly #inTurn = limitConcurrency(AT_ONCE)
  readonly #backOff: BackOff<string>
  #connection: Promise<LdapConnection> | undefined
  #why = ''

  constructor(settings: LdapSettings, { uptime, timeout }: LdapClientOptions) {
    this.#settings = settings
    this.#uptime = uptime
    this.#timeout = timeout
    this.#backOff = new BackOff(uptime, { first: REST, longest: REST })
  }

  /** Never rejects, and never takes longer than the timeout. */
  ask(user: LdapUser): Promise<LdapAnswer> {
    const until = this.#uptime() + this.#timeout
    return this.#inTurn(() => this.#askUntil(until, user))
  }

  /** Closes the connection. */
  close(): void {
    this.#connection?.then((open) => open.close()).catch(() => {})
    this.#connection = undefined
  }

  async #askUntil(until: number, user: LdapUser): Promise<LdapAnswer> {
    const left = until - this.#uptime()
    const pending: PendingSearch = {}
    const answer = left > 0 ? await inTime(this.#askWithRetry(pending, user), left) : LATE
    if (answer !== LATE) return answer
    const late = `no answer in ${this.#timeout} ms`
    const { connection, heard } = pending
    if (connection?.isOpen && connection.heard === heard) this.#giveUp(connection, late)
    return { found: 'trouble', why: `${this.#settings.url}: ${late}` }
  }

  async #askWithRetry(pending: PendingSearch, user: LdapUser): Promise<LdapAnswer> {
    const { url } = this.#settings
    for (let isFirst = true; ; isFirst = false) {
      if (this.#backOff.isBackedOff(url)) return { found: 'trouble', why: this.#why }
      let used: LdapConnection | undefined
      try {
        used = await this.#sharedConnection()
        pending.connection = used
        pending.heard = used.heard
        const answer = await searchUser(used, user, this.#settings, this.#timeout)
        this.#backOff.noteAnswer(url)
        return answer
      } catch (error) {
        // A connection that was closed, perhaps while it was idle, is replaced once.
        const isClosed = used !== undefined && !used.isOpen
        if (isClosed && isFirst) continue
        if (used !== undefined && !isClosed) this.#giveUp(used, errorText(error))
        else this.#noteTrouble(errorText(error))
        return { found: 'trouble', why: this.#why }
      }
    }
  }

  /** Resolves to the connection that all questions share, once it is ready. */
  async #sharedConnection(): Promise<LdapConnection> {
    const shared = this.#connection ?? openConnection(this.#settings, this.#timeout)
    this.#connection = shared
    try {
      const open = await shared
      if (open.isOpen) return open
    } catch (error) {
      this.#forgetConnection(shared)
      throw error
    }
    this.#forgetConnection(shared)
    return this.#sharedConnection()
  }

  #forgetConnection(shared: Promise<LdapConnection>): void {
    if (this.#connection === shared) this.#connection = undefined
  }

  /** Closes a connection that failed. Other questions on it fail, too, and do not connect at once. */
  #giveUp(failed: LdapConnection, error: string): void {
    this.#noteTrouble(error)
    failed.close()
  }

  #noteTrouble(error: string): void {
    const { url } = this.#settings
    if (this.#backOff.noteFailure(url) !== undefined) this.#why = `${url}: ${error}`
  }
}
