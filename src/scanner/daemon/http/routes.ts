import type { IncomingMessage, ServerResponse } from 'node:http'
import { gzipSync } from 'node:zlib'
import { cachedFor } from '../../../base/flow/cache.ts'
import type { Observer } from '../../observe/live/observer.ts'
import type { CheckAccess } from './access.ts'
import { type PageEvents, type SnapshotOptions, snapshot } from './snapshot.ts'

/** Milliseconds for which an answer is sent again: what it shows changes once a second. */
const FRESH_FOR = 1_000

/**
 * Returns the function that answers requests by their paths. `checkAccess` returns whether the client has
 * access, `isReady` whether mail is accepted: not while onescand starts or ends. `uptime` is in milliseconds,
 * on a monotonic clock. `servesQuarantine`: whether the page of the quarantine is served. Its files hold nothing of this
 * host, and need no token.
 */
export function createRoutes(
  observer: Observer,
  events: PageEvents,
  options: SnapshotOptions,
  isReady: () => boolean,
  uptime: () => number,
  servesQuarantine: boolean,
) {
  const fresh = <Value>(make: () => Value) => cachedFor(FRESH_FOR, uptime, make)
  const metrics = fresh(() => observer.metrics())
  const data = fresh(() =>
    pack(JSON.stringify({ ...snapshot(observer, options), servesQuarantine })),
  )

  return async (request: IncomingMessage, response: ServerResponse, checkAccess: CheckAccess) => {
    const send = (status: number, type: string, body: string | PackedBody) =>
      sendAnswer(request, response, status, type, body)
    const text = (status: number, body: string) => sendText(request, response, status, body)
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('Allow', 'GET, HEAD')
      return text(405, 'only GET and HEAD are answered\n')
    }
    const path = (request.url ?? '').replace(/\?.*$/s, '')
    const asset = pages[path]
    const isOfQuarantine = OF_QUARANTINE.has(path)
    if (asset !== undefined && isOfQuarantine && servesQuarantine)
      return send(200, asset.type, asset)
    const refusal = checkAccess(request.headers)
    if (refusal?.status === 401) response.setHeader('WWW-Authenticate', 'Basic realm="onescand"')
    if (refusal !== undefined) return text(refusal.status, `${refusal.text}\n`)
    if (asset !== undefined && (!isOfQuarantine || path === ICON))
      return send(200, asset.type, asset)
    switch (path) {
      case '/metrics':
        return send(200, observer.contentType, await metrics())
      case '/healthz': {
        observer.trySoon() // so that the next answer is fresh
        const { isHealthy, reason } = observer.health()
        return text(isHealthy ? 200 : 503, `${reason}\n`)
      }
      case '/readyz':
        return isReady() ? text(200, 'serving\n') : text(503, 'not serving\n')
      case '/data.json':
        return send(200, 'application/json', data())
      case '/events':
        return startEvents(request, response, (page) => events.join(page))
      default:
        return text(404, 'not found; try /, /metrics, /healthz or /readyz\n')
    }
  }
}

/** The files of page/, with uPlot and lit-html, which packaging/builds/build-bundles.mjs puts into the program. */
declare const PAGE_ASSETS: {
  readonly html: string
  readonly style: string
  readonly script: string
  readonly quarantineHtml: string
  readonly quarantineStyle: string
  readonly quarantineScript: string
}

const ICON = '/icon.svg'
const icon =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><path d="M1 4h14v9H1z" fill="none" stroke="#2b7bb9" stroke-width="1.5"/><path d="m1 4 7 5 7-5" fill="none" stroke="#2b7bb9" stroke-width="1.5"/></svg>'

/** The parts of the page by their paths on the server, with media type and content. */
const assets: Readonly<Record<string, { readonly type: string; readonly text: string }>> = {
  '/': { type: 'text/html; charset=utf-8', text: PAGE_ASSETS.html },
  '/page.css': { type: 'text/css; charset=utf-8', text: PAGE_ASSETS.style },
  [ICON]: { type: 'image/svg+xml', text: icon },
  '/quarantine': { type: 'text/html; charset=utf-8', text: PAGE_ASSETS.quarantineHtml },
  '/quarantine.css': { type: 'text/css; charset=utf-8', text: PAGE_ASSETS.quarantineStyle },
  '/quarantine.js': {
    type: 'text/javascript; charset=utf-8',
    text: PAGE_ASSETS.quarantineScript,
  },
  '/page.js': { type: 'text/javascript; charset=utf-8', text: PAGE_ASSETS.script },
}

/** The files of the quarantine. The status page has the icon, too. */
const OF_QUARANTINE: ReadonlySet<string> = new Set([
  '/quarantine',
  '/quarantine.css',
  '/quarantine.js',
  ICON,
])

const pages: Readonly<Record<string, PackedBody & { readonly type: string }>> = Object.fromEntries(
  Object.entries(assets).map(([path, { type, text }]) => [path, { type, ...pack(text) }]),
)

/** Milliseconds for an answer to be taken. */
const TAKE_TIME = 10_000
/** Bytes of an answer from which compressing is worth it. */
const COMPRESSED_FROM = 1024

/**
 * Headers of every answer. The page loads nothing from elsewhere and nothing inline, and may not be framed:
 * CSP Level 3.
 */
const HEADERS = {
  'Cache-Control': 'no-store',
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
} as const

/** A body that was compressed once for all who get it. */
interface PackedBody {
  readonly plain: Buffer
  readonly gzip: Buffer
}

function pack(text: string): PackedBody {
  const plain = Buffer.from(text)
  return { plain, gzip: gzipSync(plain) }
}

/** Sends an answer, compressed if the client accepts that. To HEAD it has no body. */
function sendAnswer(
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
  })
  response.setTimeout(TAKE_TIME, () => response.destroy())
  response.end(request.method === 'HEAD' ? undefined : bytes)
}

function sendText(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  text: string,
): void {
  sendAnswer(request, response, status, 'text/plain; charset=utf-8', text)
}

/** Begins a stream of events for a client, which `join` accepts. Refuses it if there are too many. */
function startEvents(
  request: IncomingMessage,
  response: ServerResponse,
  join: (response: ServerResponse) => boolean,
): void {
  const headers = Object.entries({ ...HEADERS, 'Content-Type': 'text/event-stream' })
  for (const [name, value] of headers) response.setHeader(name, value)
  if (request.method === 'HEAD') response.end()
  else if (!join(response)) sendText(request, response, 503, 'too many clients already\n')
}
