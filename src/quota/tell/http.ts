import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { errorText, Fault } from '../../ground/errors/fault.ts'
import { listenHttpOn } from '../../ground/net/listen-http.ts'
import type { ActivatedSocket } from './activated-sockets.ts'
import type { IsAllowed } from './allow-networks.ts'
import { metricsText, type ServiceCounters } from './counters.ts'
import { type HttpReply, readRequest, replyFor } from './http-question.ts'
import type { AnswerForName } from './mailbox-answer.ts'
import type { ListenAddress } from './options.ts'

export interface HttpServiceOptions {
  readonly answerForName: AnswerForName
  readonly allowed: IsAllowed
  readonly counters: ServiceCounters
  /** Connections at once. */
  readonly maxClients: number
}

export interface HttpService {
  address(): AddressInfo | string | null
  /** Stops listening and drops all connections. */
  close(): void
}

/** Milliseconds for a request to arrive, and for the next one on the same connection. */
export const REQUEST_TIME = 5_000
export const IDLE_TIME = 60_000
/** Milliseconds between looks at who is too slow. */
const LOOKS = 1_000
/** Bytes of a request; it has no body. */
const REQUEST_MAX = 8 * 1024

/** Serves the old `quota.cgi`, the health of the service, and its counters. */
export async function serveHttp(
  place: ListenAddress | ActivatedSocket,
  options: HttpServiceOptions,
): Promise<HttpService> {
  const { answerForName, allowed, counters, maxClients } = options
  const limits = {
    headersTimeout: REQUEST_TIME,
    requestTimeout: REQUEST_TIME,
    keepAliveTimeout: IDLE_TIME,
    connectionsCheckingInterval: LOOKS,
    maxHeaderSize: REQUEST_MAX,
  }

  const server = createServer(limits, (request, response) => {
    answer(request, response).catch(() => response.destroy())
  })
  // Counted here: the compiled runtime tells of no connection that `maxConnections` drops.
  let open = 0
  server.on('connection', (socket) => {
    open++
    socket.once('close', () => open--)
    const isAllowed = allowed(socket.remoteAddress ?? '')
    if (isAllowed && open <= maxClients) return
    counters[isAllowed ? 'dropped' : 'refused']++
    socket.destroy()
  })
  server.on('clientError', (error, socket) => {
    counters[isLate(error) ? 'dropped' : 'malformed']++
    const status = isLate(error) ? '408 Request Timeout' : '400 Bad Request'
    if (socket.writable) socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\n\r\n`)
    setTimeout(() => socket.destroy(), LOOKS).unref()
  })

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const question = readRequest(request.method ?? '', request.url ?? '')
    switch (question.asks) {
      case 'quota': {
        counters.http++
        const { answer, source, stale } = await answerForName(question.user, 0)
        if (source) response.setHeader('X-Quota-Source', source)
        if (stale) response.setHeader('X-Quota-Stale', 'yes')
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

  let held: HttpService
  try {
    held = 'fd' in place ? await listenHttpOn(server, place.fd) : await listenAt(server, place)
  } catch (error) {
    throw new Fault('config', `--http ${place.text}: ${errorText(error)}`, error)
  }
  return {
    address: () => held.address(),
    close() {
      held.close()
      server.closeAllConnections()
    },
  }
}

async function listenAt(server: Server, { port, host }: ListenAddress): Promise<HttpService> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, resolve)
  })
  return { address: () => server.address(), close: () => server.close() }
}

function reply(request: IncomingMessage, response: ServerResponse, { status, text }: HttpReply) {
  const body = Buffer.from(text, 'latin1')
  response.writeHead(status, {
    'Content-Type': 'text/plain',
    'Content-Length': body.length,
    'Cache-Control': 'no-store',
    // A body, which nobody asked for, is not read to its end.
    ...(hasBody(request) ? { Connection: 'close' } : {}),
  })
  response.end(request.method === 'HEAD' ? undefined : body)
}

function hasBody({ headers }: IncomingMessage): boolean {
  return 'transfer-encoding' in headers || Number(headers['content-length'] ?? 0) > 0
}

function isLate(error: NodeJS.ErrnoException): boolean {
  return error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
}
