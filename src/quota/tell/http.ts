import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { errorText, Fault } from '../../ground/errors/fault.ts'
import { hasBody, refuseBadRequests, requestLimits } from '../../ground/net/http-requests.ts'
import { listenHttpOn } from '../../ground/net/listen-http.ts'
import { descriptorLimit } from '../../ground/process/descriptor-limit.ts'
import type { ActivatedSocket } from './activated-sockets.ts'
import type { MayAsk } from './allow-networks.ts'
import { metricsText, type ServiceCounters } from './counters.ts'
import { type HttpReply, readRequest, replyFor } from './http-question.ts'
import type { AnswerForName } from './mailbox-answer.ts'
import type { QuotadAddress } from './options.ts'

export interface HttpServiceOptions {
  readonly answerForName: AnswerForName
  readonly mayAsk: MayAsk
  readonly counters: ServiceCounters
  /** Connections at once; half of the descriptors stay for mailboxes and questions. */
  readonly maxClients: number
}

export interface HttpService {
  address(): AddressInfo | string | null
  /** Stops listening and drops all connections. */
  close(): void
}

/** Milliseconds between two requests on one connection. */
export const IDLE_TIME = 60_000

/**
 * Serves answers under the path of the old `quota.cgi`, the health of the service, and its
 * counters. Throws a Fault of kind `config` if it cannot listen.
 */
export async function serveHttp(
  place: QuotadAddress | ActivatedSocket,
  options: HttpServiceOptions,
): Promise<HttpService> {
  const { mayAsk, counters } = options
  const most = Math.min(options.maxClients, Math.floor(descriptorLimit() / 2))
  const server = createServer(requestLimits(IDLE_TIME), (request, response) => {
    answer(request, response, options).catch(() => response.destroy())
  })
  // Connections are counted here, since the compiled runtime has no event for those that
  // `maxConnections` drops.
  let open = 0
  server.on('connection', (socket) => {
    open++
    socket.once('close', () => open--)
    const isAllowed = mayAsk(socket.remoteAddress ?? '')
    if (isAllowed && open <= most) return
    counters[isAllowed ? 'dropped' : 'refused']++
    socket.destroy()
  })
  refuseBadRequests(server, (status) => {
    counters[status === 408 ? 'dropped' : 'malformed']++
  })

  let listening: HttpService
  try {
    listening = 'fd' in place ? await listenHttpOn(server, place.fd) : await listenAt(server, place)
  } catch (error) {
    throw new Fault('config', `--http ${place.text}: ${errorText(error)}`, error)
  }
  return {
    address: () => listening.address(),
    close() {
      listening.close()
      server.closeAllConnections()
    },
  }
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { answerForName, counters }: Pick<HttpServiceOptions, 'answerForName' | 'counters'>,
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

async function listenAt(server: Server, { port, host }: QuotadAddress): Promise<HttpService> {
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
    // The body of a request is not read, so the next request cannot be found after it.
    ...(hasBody(request) ? { Connection: 'close' } : {}),
  })
  response.end(request.method === 'HEAD' ? undefined : body)
}
