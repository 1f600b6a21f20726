import { createServer, type RequestListener, type Server } from 'node:http'
import { type AddressInfo, createServer as createFront, type Socket } from 'node:net'
import { isCompiled } from '../runtime/compiled-program.ts'
import { LISTEN_QUEUE, untilListening } from './endpoint.ts'

/** Milliseconds for a request to arrive. */
const REQUEST_TIME = 5_000
/** Milliseconds between two searches for connections that are too slow. */
const SEARCH_EVERY = 1_000
/** Upper limit, in bytes, for the head of a request. */
const REQUEST_MAX = 8 * 1024

/**
 * Returns an HTTP server with limits. A connection may be idle for `idleTime` milliseconds between two
 * requests. Bytes that are not a request are answered with 400, and a request that does not arrive in time
 * with 408. Both close the connection, and `onRefused` receives the status.
 */
export function createHttpServer(
  idleTime: number,
  answer: RequestListener,
  onRefused: (status: 400 | 408) => void = () => {},
): Server {
  const limits = {
    headersTimeout: REQUEST_TIME,
    requestTimeout: REQUEST_TIME,
    keepAliveTimeout: idleTime,
    connectionsCheckingInterval: SEARCH_EVERY,
    maxHeaderSize: REQUEST_MAX,
  }
  const server = createServer(limits, (request, response) => {
    const { headers } = request
    // A service may leave a body unread, and the next request cannot be found after one.
    if ('transfer-encoding' in headers || Number(headers['content-length'] ?? 0) > 0) {
      response.setHeader('Connection', 'close')
    }
    answer(request, response)
  })
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    const isLate = error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
    onRefused(isLate ? 408 : 400)
    const status = isLate ? '408 Request Timeout' : '400 Bad Request'
    if (socket.writable) socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\n\r\n`)
    setTimeout(() => socket.destroy(), SEARCH_EVERY).unref()
  })
  return server
}

/** An HTTP server that listens on a socket which was bound before. */
interface HttpOnDescriptor {
  address(): AddressInfo | string | null
  /** Accepts no more connections, and drops those that it accepted itself. */
  close(): void
}

/**
 * Makes an HTTP server listen on a bound socket. Rejects with the error of listen(2). Later errors are events
 * of the server.
 */
export async function listenHttpOn(server: Server, fd: number): Promise<HttpOnDescriptor> {
  // Bun's own HTTP server cannot use a bound socket. So a server of node:net passes connections to it.
  const fronted = new Set<Socket>()
  const front = isCompiled
    ? createFront((socket) => {
        fronted.add(socket)
        socket.once('close', () => fronted.delete(socket))
        server.emit('connection', socket)
      })
    : server
  await untilListening(front, (onListening) => front.listen({ fd }, LISTEN_QUEUE, onListening))
  if (front !== server) front.on('error', (error) => server.emit('error', error))
  return {
    address: () => front.address(),
    close() {
      front.close()
      for (const socket of fronted) socket.destroy()
    },
  }
}
