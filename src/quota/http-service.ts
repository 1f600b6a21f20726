import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { errorCode, errorText, Fault } from '../base/errors/fault.ts'
import { type Endpoint, LISTEN_QUEUE, listenFaultOf, untilListening } from '../base/net/endpoint.ts'
import { createHttpServer, listenHttpOn } from '../base/net/http-server.ts'
import { HttpConnections } from '../base/protocol/connection/http-connections.ts'
import { type HttpReply, httpReply, readRequest } from '../base/protocol/quota/quota-http.ts'
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
    const reason = listenFaultOf(errorCode(error)) ?? errorText(error)
    throw new Fault('config', `--http ${endpoint.text}: ${reason}`, error)
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
      return reply(request, response, httpReply(question.user, answer))
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
