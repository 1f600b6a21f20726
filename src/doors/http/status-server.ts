import type { Server } from 'node:http'
import { errorText } from '../../ground/errors/fault.ts'
import { createHttpServer } from '../../ground/net/http-server.ts'
import { descriptorLimit } from '../../ground/process/descriptors.ts'
import { Observer, type ObserverOptions } from '../observe/live/observer.ts'
import { type CheckAccess, checkAccessBy } from './access.ts'
import { IdleConnections } from './idle-connections.ts'
import { createRoutes, type RouteOptions } from './routes.ts'
import { PageEvents } from './snapshot.ts'

/** The contents of the server, and the address that it listens on. */
interface StatusServerOptions extends Omit<RouteOptions, 'uptime'> {
  /** The IP address that the server listens on; undefined for a socket with a path. */
  readonly address: string | undefined
  readonly tokenFile: string | undefined
  /** Begins to listen, and resolves to a function that ends it. */
  readonly listen: (server: Server) => Promise<() => void>
  readonly observed: ObserverOptions
  readonly log: (line: string) => void
}

export interface StatusServer {
  readonly observer: Observer
  close(): void
}

/** Milliseconds until the next request. */
const IDLE_TIME = 30_000
/** Milliseconds before an address that could not be listened on is tried again. */
const TRY_AGAIN_AFTER = 5_000

/**
 * Opens the server of metrics, health, history and the page. If it cannot listen, as when the port
 * is taken, or cannot tell who may look, the log says why, and it tries again: mail does not wait
 * for this. Resolves after the first attempt.
 */
export async function openStatusServer(options: StatusServerOptions): Promise<StatusServer> {
  const { address, tokenFile, listen, observed, log } = options
  const observer = new Observer(observed)
  const events = new PageEvents(observer, options)
  const answer = createRoutes(observer, events, { ...options, uptime: observed.uptime })
  let checkAccess: CheckAccess = () => ({ status: 421, text: 'not yet' }) // until it is known
  const server = createHttpServer(IDLE_TIME, (request, response) => {
    if (!connections.begin(request, response)) return
    answer(request, response, checkAccess).catch(() => response.destroy())
  })
  const connections = new IdleConnections(server, descriptorLimit())

  let stopListening = () => {}
  let again: NodeJS.Timeout | undefined
  let trouble: string | undefined
  async function open(): Promise<void> {
    try {
      checkAccess = checkAccessBy(address, tokenFile)
      stopListening = await listen(server)
      server.on('error', (error) => log(`http: ${error.message}`))
      if (trouble !== undefined) log('http: is open now')
    } catch (error) {
      const why = errorText(error)
      const every = `${TRY_AGAIN_AFTER / 1000} seconds`
      if (why !== trouble)
        log(`${why}; mail is taken all the same, and this is tried every ${every}`)
      trouble = why
      again = setTimeout(open, TRY_AGAIN_AFTER)
      again.unref()
    }
  }
  await open()
  return {
    observer,
    close() {
      clearTimeout(again)
      events.close()
      observer.close()
      stopListening()
      server.closeAllConnections()
    },
  }
}
