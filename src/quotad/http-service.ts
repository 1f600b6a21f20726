import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { errorCode, errorText, Fault } from '../lib/errors/fault.ts'
import { type Endpoint, LISTEN_QUEUE, listenFaultOf, untilListening } from '../lib/net/endpoint.ts'
import { createHttpServer, listenHttpOn } from '../lib/net/http-server.ts'
import { HttpConnections } from '../protocol/connection/http-connections.ts'
import type { QuotaAnswer } from '../scan/quota/quota-answer.ts'
import type { QuotaService } from './mailbox-answer.ts'
import { log, type ServiceCounters } from './quotad-log.ts'
import type { ServiceEndpoint } from './quotad-options.ts'

interface HttpService {
  address(): AddressInfo | string | null
  /** Stops listening and drops all connections. */
  close(): void
}

/** Milliseconds between two requests on one connection. */
const IDLE_TIME = 60_000

/**
 * Serves answers under the path of the old `quota.cgi`, the health of the service, and its
 * counters. Throws a Fault of kind `config` if it cannot listen.
 */
export async function serveHttp(
  endpoint: ServiceEndpoint,
  service: QuotaService,
): Promise<HttpService> {
  const { mayAsk, counters } = service
  const server = createHttpServer(
    IDLE_TIME,
    (request, response) => {
      if (!connections.begin(request, response)) return
      handle(request, response, service).catch(() => response.destroy())
    },
    (status) => {
      counters[status === 408 ? 'dropped' : 'malformed']++
    },
  )
  server.on('connection', (socket) => {
    if (mayAsk(socket.remoteAddress ?? '')) return
    counters.refused++
    socket.destroy()
  })
  const trouble = (reason: string) =>
    log(['event', 'trouble'], ['what', `--http ${endpoint.text}`], ['reason', reason])
  const connections = new HttpConnections(
    server,
    service.maxClients,
    trouble,
    () => counters.dropped++,
  )

  let listening: HttpService
  try {
    listening =
      'fd' in endpoint ? await listenHttpOn(server, endpoint.fd) : await listenAt(server, endpoint)
  } catch (error) {
    const why = listenFaultOf(errorCode(error)) ?? errorText(error)
    throw new Fault('config', `--http ${endpoint.text}: ${why}`, error)
  }
  server.on('error', (error) => trouble(errorText(error)))
  return {
    address: () => listening.address(),
    close() {
      listening.close()
      server.closeAllConnections()
    },
  }
}

async function handle(
  request: IncomingMessage,
  response: ServerResponse,
  { answerForName, counters }: QuotaService,
): Promise<void> {
  const question = readRequest(request.method ?? '', request.url ?? '')
  switch (question.asks) {
    case 'quota': {
      counters.http++
      const { answer, source } = await answerForName(question.user, 0)
      if (source) response.setHeader('X-Quota-Source', source)
      return reply(request, response, replyFor(question.user, answer))
    }
    case 'health':
      return reply(request, response, { status: 200, text: 'serving\n' })
    case 'metrics':
      return reply(request, response, { status: 200, text: metricsText(counters) })
    case 'nothing':
      counters.malformed++
      if (question.status === 405) response.setHeader('Allow', 'GET, HEAD')
      return reply(request, response, { ...question, text: `${question.text}\n` })
  }
}

async function listenAt(server: Server, { port, host }: Endpoint): Promise<HttpService> {
  await untilListening(server, (onListening) =>
    server.listen(port, host, LISTEN_QUEUE, onListening),
  )
  return { address: () => server.address(), close: () => server.close() }
}

function reply(request: IncomingMessage, response: ServerResponse, { status, text }: HttpReply) {
  const body = Buffer.from(text, 'latin1')
  response.writeHead(status, {
    'Content-Type': 'text/plain',
    'Content-Length': body.length,
    'Cache-Control': 'no-store',
  })
  response.end(request.method === 'HEAD' ? undefined : body)
}

/** The subject of an HTTP request. */
type HttpQuestion =
  | { readonly asks: 'quota'; readonly user: string }
  | { readonly asks: 'health' | 'metrics' }
  /** The request cannot be answered. `status` and `text` are the reply. */
  | { readonly asks: 'nothing'; readonly status: 400 | 404 | 405; readonly text: string }

/** Reads method and target of a request. The user is latin1, one character for each byte. */
export function readRequest(method: string, target: string): HttpQuestion {
  if (method !== 'GET' && method !== 'HEAD') return unanswerable(405, 'only GET and HEAD')
  const [path, query = ''] = target.split('?', 2)
  switch (path) {
    case '/cgi-bin/quota.cgi': {
      const written = query.split('&').find((field) => field.startsWith('u='))
      const user = written === undefined ? '' : decodeFormValue(written.slice(2))
      if (user) return { asks: 'quota', user }
      return unanswerable(400, user === '' ? 'u=USER is missing' : 'u is malformed')
    }
    case '/health':
      return { asks: 'health' }
    case '/metrics':
      return { asks: 'metrics' }
    default:
      return unanswerable(404, 'page not found')
  }
}

/** Decodes a value of a form (application/x-www-form-urlencoded). Undefined if it is malformed. */
function decodeFormValue(written: string): string | undefined {
  const plain = written.replaceAll('+', ' ')
  if (/%(?![\da-f]{2})/i.test(plain)) return undefined
  return plain.replace(/%(..)/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)))
}

function unanswerable(status: 400 | 404 | 405, text: string): HttpQuestion {
  return { asks: 'nothing', status, text }
}

/** The status and the body of a reply, in latin1. */
interface HttpReply {
  readonly status: number
  readonly text: string
}

/**
 * Returns `OK user size quota` or `OVERQUOTA user size quota`, in bytes. An unlimited quota is 0.
 * Size and quota are both 0 if another service compared them and did not report them.
 */
function replyFor(user: string, answer: QuotaAnswer): HttpReply {
  switch (answer.status) {
    case 'room':
    case 'full': {
      const word = answer.status === 'room' ? 'OK' : 'OVERQUOTA'
      const { size = 0, quota = 0 } = answer.usage ?? {}
      return { status: 200, text: `${word} ${user} ${size} ${quota}\n` }
    }
    case 'no-such-user':
      return { status: 404, text: 'no such user\n' }
    case 'unknown':
      return { status: 503, text: 'unknown; the log shows the reason\n' }
  }
}

/** Returns the counters in the text format of Prometheus, version 0.0.4. */
function metricsText(counters: ServiceCounters): string {
  const row = (name: string, label: string, value: number) =>
    `onescan_quota_${name}_total${label} ${value}\n`
  const type = (name: string, help: string) =>
    `# HELP onescan_quota_${name}_total ${help}\n# TYPE onescan_quota_${name}_total counter\n`
  return [
    type('questions', 'Requests by protocol.'),
    row('questions', '{protocol="udp"}', counters.udp),
    row('questions', '{protocol="http"}', counters.http),
    type('answers', 'Answers by result.'),
    row('answers', '{answer="room"}', counters.room),
    row('answers', '{answer="full"}', counters.full),
    row('answers', '{answer="no-such-user"}', counters.noSuchUser),
    row('answers', '{answer="unknown"}', counters.unknown),
    type('malformed', 'Invalid datagrams and requests.'),
    row('malformed', '', counters.malformed),
    type('refused', 'Datagrams and connections of clients outside of the allowed networks.'),
    row('refused', '', counters.refused),
    type('dropped', 'Connections closed because they were too slow or too many.'),
    row('dropped', '', counters.dropped),
  ].join('')
}
