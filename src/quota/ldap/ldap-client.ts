import { connect, isIP, type Socket } from 'node:net'
import { connect as connectSecurely } from 'node:tls'
import { Client } from 'ldapts'
import { errorText } from '../../ground/errors/fault.ts'
import { BackOff } from '../../ground/flow/back-off.ts'
import { limitConcurrency } from '../../ground/flow/semaphore.ts'
import { readForeignFile } from '../../ground/path/read.ts'
import { readSecret } from '../../ground/settings/secret-file.ts'
import { type LdapAnswer, type LdapUser, searchUser } from './ldap-search.ts'
import type { LdapSettings } from './ldap-settings.ts'
import { MessageStream } from './message-stream.ts'

export interface LdapClientOptions {
  /** Milliseconds on a clock that nobody sets. */
  readonly uptime: () => number
  /** Milliseconds that a search may take, and before it a connection and a bind. */
  readonly timeout: number
}

/** Milliseconds for which a directory that failed is not asked. */
const REST = 1000
/**
 * Most questions that wait for the directory at once. slapd ends a connection with more than 100
 * pending requests if it is anonymous (slapd.conf(5), conn_max_pending).
 */
const AT_ONCE = 50

/**
 * Asks a directory, over one connection that all questions share. It connects and binds with the
 * first question. A search that has no answer in time ends the connection, since that may hang; the
 * next question opens another one.
 */
export class LdapClient {
  readonly #settings: LdapSettings
  readonly #uptime: () => number
  readonly #timeout: number
  readonly #inTurn = limitConcurrency(AT_ONCE)
  readonly #backOff: BackOff<string>
  readonly #client: Client
  #stream: MessageStream | undefined
  /** While it is being opened: ldapts opens another one for each question that comes meanwhile. */
  #opening: Promise<void> | undefined
  #why = ''

  constructor(settings: LdapSettings, { uptime, timeout }: LdapClientOptions) {
    this.#settings = settings
    this.#uptime = uptime
    this.#timeout = timeout
    this.#backOff = new BackOff(uptime, { first: REST, longest: REST })
    const createConnection = () => this.#connect()
    this.#client = new Client({
      // Where the directory is, says `#connect`.
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
    return this.#inTurn(() => this.#askUntil(until, user))
  }

  /** Closes the connection. */
  async close(): Promise<void> {
    await this.#opening?.catch(() => {})
    await this.#client.unbind().catch(() => {})
  }

  async #askUntil(until: number, user: LdapUser): Promise<LdapAnswer> {
    const { url } = this.#settings
    for (let isFirst = true; ; isFirst = false) {
      if (this.#backOff.isBackedOff(url)) return { found: 'trouble', why: this.#why }
      const isLate = this.#uptime() >= until
      let stream: MessageStream | undefined
      try {
        if (isLate) throw new Error(`no answer in ${this.#timeout} ms`)
        if (!this.#client.isBound) await this.#open()
        stream = this.#stream
        const answer = await searchUser(this.#client, user, this.#settings, this.#timeout)
        this.#backOff.noteAnswer(url)
        return answer
      } catch (error) {
        // A connection that was closed, perhaps while it was idle, is replaced once.
        if (isFirst && !isLate && stream?.destroyed) continue
        // ldapts says of a connection that broke what kind of message was under way.
        const why = errorText((stream ?? this.#stream)?.errored ?? error)
        if (this.#backOff.noteFailure(url) !== undefined) this.#why = `${url}: ${why}`
        return { found: 'trouble', why: this.#why }
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
    // ldapts would open one with a search, too, and not bind.
    if (this.#opening === undefined) throw new Error('the connection was closed')
    this.#stream = new MessageStream(this.#dial())
    return this.#stream as unknown as Socket
  }

  #dial(): Socket {
    const { server, authorities } = this.#settings
    if ('path' in server) return connect(server)
    const { host, port, isSecure } = server
    if (!isSecure) return connect({ host, port })
    return connectSecurely({
      host,
      port,
      // A host with several domains chooses its certificate by this name (RFC 6066 3: no address).
      ...(isIP(host) ? {} : { servername: host }),
      ...(authorities ? { ca: readForeignFile(authorities) } : {}),
    })
  }
}
