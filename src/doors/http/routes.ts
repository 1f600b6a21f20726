import type { IncomingMessage, ServerResponse } from 'node:http'
import { keepFor } from '../../ground/flow/cache.ts'
import type { Observer } from '../observe/live/observer.ts'
import type { CheckAccess } from './access.ts'
import type { PageEvents } from './events.ts'
import { healthOf } from './health.ts'
import { assets } from './page-assets.ts'
import { type PackedBody, pack, sendAnswer, sendText, startEvents } from './send-answer.ts'
import { type SnapshotOptions, snapshot } from './snapshot.ts'

/** Milliseconds for which an answer is sent again: what it shows changes once a second. */
const FRESH_FOR = 1_000

export interface RouteOptions extends SnapshotOptions {
  /** Milliseconds on a clock that nobody sets. */
  readonly uptime: () => number
  /** Whether mail is taken: false while onescand starts or ends. */
  readonly isReady: () => boolean
}

/** Answers a request. `checkAccess` says whether the client may look. */
export type AnswerRequest = (
  request: IncomingMessage,
  response: ServerResponse,
  checkAccess: CheckAccess,
) => Promise<void>

/** Returns the function that answers requests by their paths. */
export function createRoutes(
  observer: Observer,
  events: PageEvents,
  options: RouteOptions,
): AnswerRequest {
  const fresh = <Value>(make: () => Value) => keepFor(FRESH_FOR, options.uptime, make)
  const metrics = fresh(() => observer.metrics())
  const data = fresh(() => pack(JSON.stringify(snapshot(observer, options))))

  return async (request, response, checkAccess) => {
    const send = (status: number, type: string, body: string | PackedBody) =>
      sendAnswer(request, response, status, type, body)
    const text = (status: number, body: string) => sendText(request, response, status, body)
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('Allow', 'GET, HEAD')
      return text(405, 'only GET and HEAD are answered\n')
    }
    const refusal = checkAccess(request.headers)
    if (refusal?.status === 401) response.setHeader('WWW-Authenticate', 'Basic realm="onescand"')
    if (refusal !== undefined) return text(refusal.status, `${refusal.text}\n`)
    const path = (request.url ?? '').replace(/\?.*$/s, '')
    const asset = pages[path]
    if (asset !== undefined) return send(200, asset.type, asset)
    switch (path) {
      case '/metrics':
        return send(200, observer.contentType, await metrics())
      case '/healthz': {
        observer.trySoon() // so that the next answer is fresh
        const { healthy, why } = healthOf(observer)
        return text(healthy ? 200 : 503, `${why}\n`)
      }
      case '/readyz':
        return options.isReady() ? text(200, 'serving\n') : text(503, 'not serving\n')
      case '/data.json':
        return send(200, 'application/json', data())
      case '/events':
        return startEvents(request, response, (page) => events.join(page))
      default:
        return text(404, 'there are /, /metrics, /healthz and /readyz\n')
    }
  }
}

const pages: Readonly<Record<string, PackedBody & { readonly type: string }>> = Object.fromEntries(
  Object.entries(assets).map(([path, { type, text }]) => [path, { type, ...pack(text) }]),
)
