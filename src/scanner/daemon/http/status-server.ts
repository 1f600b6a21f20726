import type { Server } from 'node:http'
import { errorText } from '../../../base/errors/fault.ts'
import { createHttpServer } from '../../../base/net/http-server.ts'
import { HttpConnections } from '../../../base/protocol/connection/http-connections.ts'
import { formatDuration } from '../../../base/text/units.ts'
import { Observer, type ObserverOptions } from '../../observe/live/observer.ts'
import { API_PATH } from '../../protocol/quarantine-api/exchange.ts'
import { type CheckAccess, checkAccessBy, readToken } from './access.ts'
import { QuarantineApi } from './quarantine-api.ts'
import { createRoutes } from './routes.ts'
import { PageEvents, type SnapshotOptions } from './snapshot.ts'

/** The contents of the server, and the address that it listens on. */
interface StatusServerOptions extends SnapshotOptions {
  /** Whether mail is accepted: false while onescand starts or ends. */
  readonly isReady: () => boolean
  /** The IP address that the server listens on, or undefined for a unix socket. */
  readonly address: string | undefined
  readonly tokenFile: string | undefined
  /** The file with the tokens for the quarantine, and the server for releases; undefined: it is not served. */
  readonly quarantine: { readonly tokenFile: string; readonly releaseBy: string } | undefined
  /** Begins to listen, and resolves to a function that ends it. */
  readonly listen: (server: Server) => Promise<() => void>
  readonly observed: ObserverOptions
  readonly log: (line: string) => void
}

/** Upper limit for connections. */
const CONNECTIONS_MAX = 400
/** Milliseconds until the next request. */
const IDLE_TIME = 30_000
/** Milliseconds before an address that could not be listened on is tried again. */
const TRY_AGAIN_AFTER = 5_000

/** The server of metrics, health, history and the page. */
export class StatusServer {
  readonly observer: Observer
  readonly #options: StatusServerOptions
  readonly #events: PageEvents
  readonly #server: Server
  #checkAccess: CheckAccess = () => ({ status: 421, text: 'not yet' })
  #quarantine: QuarantineApi | undefined
  #stopListening = () => {}
  #again: NodeJS.Timeout | undefined
  #trouble: string | undefined
  /** Why the tokens of persons could not be used. */
  #refusal: string | undefined
  #tokensAgain: NodeJS.Timeout | undefined

  constructor(options: StatusServerOptions) {
    const { observed, isReady } = options
    this.#options = options
    this.observer = new Observer(observed)
    this.#events = new PageEvents(this.observer, options)
    const answer = createRoutes(
      this.observer,
      this.#events,
      options,
      isReady,
      observed.uptime,
      options.quarantine !== undefined,
    )
    this.#server = createHttpServer(IDLE_TIME, (request, response) => {
      // If a client continues to send requests without reading the answers, all answers would be kept in memory.
      if (connections.isAnswering(request.socket)) return void request.socket.destroy()
      if (!connections.begin(request, response)) return
      const quarantine = request.url?.startsWith(API_PATH) ? this.#quarantine : undefined
      const answered =
        quarantine?.answer(request, response) ?? answer(request, response, this.#checkAccess)
      answered.catch(() => response.destroy())
    })
    const log = (line: string) => options.log(`http: ${line}`)
    const connections = new HttpConnections(this.#server, CONNECTIONS_MAX, log)
  }

  /**
   * Begins to listen. If that fails, for example because the port is used, it logs the reason and tries
   * again: mail does not wait for this. Resolves after the first attempt.
   */
  async open(): Promise<void> {
    const { address, tokenFile, listen, log } = this.#options
    try {
      this.#checkAccess = checkAccessBy(address, tokenFile)
      this.#openQuarantine()
      this.#stopListening = await listen(this.#server)
      this.#server.on('error', (error) => log(`http: ${errorText(error)}`))
      if (this.#trouble !== undefined) log('http: now listening')
    } catch (error) {
      const reason = errorText(error)
      const every = formatDuration(TRY_AGAIN_AFTER)
      if (reason !== this.#trouble)
        log(`the status page is not served, and onescand retries every ${every}: ${reason}`)
      this.#trouble = reason
      this.#again = setTimeout(() => this.open(), TRY_AGAIN_AFTER)
      this.#again.unref()
    }
  }

  /** Reads the tokens of persons until they can be used. Metrics and health do not wait for them. */
  #openQuarantine(): void {
    const { quarantine, observed, log, address } = this.#options
    if (quarantine === undefined) return
    clearTimeout(this.#tokensAgain)
    this.#quarantine ??= new QuarantineApi({
      ...quarantine,
      isAtUnixSocket: address === undefined,
      uptime: observed.uptime,
      log,
    })
    try {
      this.#quarantine.readTokens(this.#readPageToken())
      if (this.#refusal !== undefined) log('http: the quarantine is now served')
      this.#refusal = undefined
    } catch (error) {
      const reason = errorText(error)
      const every = formatDuration(TRY_AGAIN_AFTER)
      if (reason !== this.#refusal)
        log(`the quarantine is not served, and onescand retries every ${every}: ${reason}`)
      this.#refusal = reason
      this.#tokensAgain = setTimeout(() => this.#openQuarantine(), TRY_AGAIN_AFTER)
      this.#tokensAgain.unref()
    }
  }

  #readPageToken(): string | undefined {
    const { tokenFile } = this.#options
    return tokenFile === undefined ? undefined : readToken(tokenFile)
  }

  /** Reads all tokens again. If they cannot be used, the old ones stay in use, and the reason is logged. */
  reload(): void {
    const { address, tokenFile, log } = this.#options
    try {
      const checkAccess = checkAccessBy(address, tokenFile)
      this.#quarantine?.readTokens(this.#readPageToken())
      this.#checkAccess = checkAccess
    } catch (error) {
      log(`the old tokens remain in use: ${errorText(error)}`)
    }
  }

  close(): void {
    clearTimeout(this.#again)
    clearTimeout(this.#tokensAgain)
    this.#events.close()
    this.observer.close()
    this.#stopListening()
    this.#server.closeAllConnections()
  }
}
