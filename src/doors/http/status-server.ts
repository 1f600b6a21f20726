import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { gzipSync } from 'node:zlib'
import { errorText } from '../../ground/errors/fault.ts'
import { hasBody, refuseBadRequests, requestLimits } from '../../ground/net/http-requests.ts'
import {
  createObserver,
  type Observer,
  type ObserverOptions,
  TRIAL_COUNTS_FOR,
} from '../../observe/live/observer.ts'
import { type AccessRefusal, type CheckAccess, checkAccessBy } from './access.ts'
import { createEvents } from './events.ts'
import { type KeptSources, viewKept } from './kept-view.ts'
import { assets } from './page-assets.ts'
import { type SnapshotOptions, snapshot } from './snapshot.ts'

/** The contents of the server, and the address that it listens on. */
export interface StatusServerOptions
  extends SnapshotOptions,
    Pick<KeptSources, 'quarantine' | 'swept'> {
  /** The IP address that the server listens on; undefined for a socket with a path. */
  readonly address: string | undefined
  readonly tokenFile: string | undefined
  /** Begins to listen, and resolves to a function that ends it. */
  readonly listen: (server: Server) => Promise<() => void>
  readonly observed: ObserverOptions
  /** Whether mail is taken: false while onescand starts or ends. */
  readonly isReady: () => boolean
  readonly log: (line: string) => void
}

export interface StatusServer {
  readonly observer: Observer
  close(): void
}

/** Connections at once. If one more comes, the one that has been idle for longest is closed. */
const CONNECTIONS_MAX = 400
/** Milliseconds until the next request, and for an answer to be taken. */
const IDLE_TIME = 30_000
const TAKE_TIME = 10_000
/** Milliseconds for which an answer is sent again: what it shows changes once a second. */
const FRESH_FOR = 1_000

/** Milliseconds before an address that could not be listened on is tried again. */
export const TRY_AGAIN_AFTER = 5_000

/**
 * Opens the server of metrics, health, history and the page. If it cannot listen, as when the port
 * is taken, or cannot tell who may look, the log says why, and it tries again: mail does not wait
 * for this. Resolves after the first attempt.
 */
export async function openStatusServer(options: StatusServerOptions): Promise<StatusServer> {
  const { address, tokenFile, listen, observed, isReady, log } = options
  let refusalOf: CheckAccess = () => notReadyYet
  const observer = createObserver(observed)
  const events = createEvents(observer, options)
  const fresh = <Value>(make: () => Value) => keptFor(FRESH_FOR, observed.uptime, make)
  const metrics = fresh(() => observer.metrics())
  const kept = viewKept({ ...options, uptime: observed.uptime })
  const data = fresh(() => pack(JSON.stringify(snapshot(observer, options))))

  const server = createServer(requestLimits(IDLE_TIME), (request, response) => {
    const { socket } = request
    // If a client asks on without reading the answers, all of them would be kept in memory.
    if (asking.has(socket)) return void socket.destroy()
    asking.add(socket)
    idle.delete(socket)
    response.on('close', () => {
      asking.delete(socket)
      if (!socket.destroyed) idle.add(socket)
    })
    answer(request, response).catch(() => response.destroy())
  })
  /** Connections whose request is not answered yet. */
  const asking = new WeakSet<Socket>()
  /** Connections without a request, in the order in which they fell silent. */
  const idle = new Set<Socket>()
  let connections = 0
  server.on('connection', (socket: Socket) => {
    connections++
    idle.add(socket)
    socket.once('close', () => {
      connections--
      idle.delete(socket)
    })
    if (connections <= CONNECTIONS_MAX) return
    const [oldest] = idle
    oldest?.destroy()
  })
  refuseBadRequests(server)

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? '').replace(/\?.*$/s, '')
    const send = (status: number, type: string, body: string | PackedBody) =>
      reply(request, response, status, type, body)
    const text = (status: number, body: string) => send(status, 'text/plain; charset=utf-8', body)
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('Allow', 'GET, HEAD')
      return text(405, 'only GET and HEAD are answered\n')
    }
    const refusal = refusalOf(request.headers)
    if (refusal?.status === 401) response.setHeader('WWW-Authenticate', 'Basic realm="onescand"')
    if (refusal !== undefined) return text(refusal.status, `${refusal.text}\n`)
    const asset = pages[path]
    if (asset !== undefined) return send(200, asset.type, asset)
    switch (path) {
      case '/metrics':
        return send(200, observer.contentType, await metrics())
      case '/healthz': {
        observer.trySoon() // so that the next answer is fresh
        const { healthy, why } = health(observer)
        return text(healthy ? 200 : 503, `${why}\n`)
      }
      case '/readyz':
        return isReady() ? text(200, 'serving\n') : text(503, 'not serving\n')
      case '/data.json':
        return send(200, 'application/json', data())
      case '/quarantine.json':
        return send(200, 'application/json', JSON.stringify(await kept()))
      case '/events':
        return follow(request, response, events.join)
      case '/decisions':
        return follow(request, response, events.joinDecisions)
      default:
        return text(404, 'there are /, /metrics, /healthz and /readyz\n')
    }
  }

  function follow(
    request: IncomingMessage,
    response: ServerResponse,
    join: (response: ServerResponse) => boolean,
  ): void {
    const headers = Object.entries({ ...HEADERS, 'Content-Type': 'text/event-stream' })
    for (const [name, value] of headers) response.setHeader(name, value)
    if (request.method === 'HEAD') response.end()
    else if (!join(response)) {
      reply(request, response, 503, 'text/plain; charset=utf-8', 'too many are told already\n')
    }
  }

  let stopListening = () => {}
  let again: NodeJS.Timeout | undefined
  let why: string | undefined
  async function open(): Promise<void> {
    try {
      refusalOf = checkAccessBy(address, tokenFile)
      stopListening = await listen(server)
      server.on('error', (error) => log(`http: ${error.message}`))
      if (why !== undefined) log('http: is open now')
    } catch (error) {
      const reason = errorText(error)
      const every = `${TRY_AGAIN_AFTER / 1000} seconds`
      if (reason !== why)
        log(`${reason}; mail is taken all the same, and this is tried every ${every}`)
      why = reason
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

/** The answer until it is known who may look. */
const notReadyYet: AccessRefusal = { status: 421, text: 'not yet' }

/** Returns a function that makes a value, and returns the same value for `time` milliseconds. */
function keptFor<Value>(time: number, uptime: () => number, make: () => Value): () => Value {
  let kept: { readonly value: Value; readonly at: number } | undefined
  return () => {
    const at = uptime()
    if (kept === undefined || at - kept.at >= time) kept = { value: make(), at }
    return kept.value
  }
}

/**
 * Returns whether mail is scanned. It is if, within the last minute, a trial has found EICAR and
 * found nothing in a clean message, and all processes that judge mail have lately reported.
 */
function health({ trial, workers }: Observer): { readonly healthy: boolean; readonly why: string } {
  if (workers.late.length > 0) {
    const which = workers.late.length === 1 ? 'worker' : 'workers'
    return { healthy: false, why: `nothing is heard of ${which} ${workers.late.join(', ')}` }
  }
  if (trial === undefined) return { healthy: false, why: 'mail has not been tried yet' }
  const age = Date.now() - trial.at
  if (age > TRIAL_COUNTS_FOR) {
    return { healthy: false, why: `the last trial is ${Math.round(age / 1000)} seconds old` }
  }
  return { healthy: trial.right, why: trial.why }
}

/**
 * Headers of every answer. The page loads nothing from elsewhere and nothing inline, and stands in
 * no frame: CSP Level 3.
 */
const HEADERS = {
  'Cache-Control': 'no-store',
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
} as const

interface PackedBody {
  readonly plain: Buffer
  readonly gzip: Buffer
}

function pack(text: string): PackedBody {
  const plain = Buffer.from(text)
  return { plain, gzip: gzipSync(plain) }
}

const pages: Readonly<Record<string, PackedBody & { readonly type: string }>> = Object.fromEntries(
  Object.entries(assets).map(([path, { type, text }]) => [path, { type, ...pack(text) }]),
)

/** Bytes of an answer from which compressing is worth it. */
const COMPRESSED_FROM = 1024

function reply(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  type: string,
  body: string | PackedBody,
): void {
  const takesGzip = /\bgzip\b/.test(String(request.headers['accept-encoding'] ?? ''))
  const isText = typeof body === 'string'
  const plain = isText ? Buffer.from(body) : body.plain
  const isPacked = takesGzip && plain.length >= COMPRESSED_FROM
  const bytes = isPacked ? (isText ? gzipSync(plain) : body.gzip) : plain
  response.writeHead(status, {
    ...HEADERS,
    'Content-Type': type,
    'Content-Length': bytes.length,
    Vary: 'Accept-Encoding',
    ...(isPacked && { 'Content-Encoding': 'gzip' }),
    ...(hasBody(request) && { Connection: 'close' }),
  })
  response.setTimeout(TAKE_TIME, () => response.destroy())
  response.end(request.method === 'HEAD' ? undefined : bytes)
}
