import type { IncomingMessage, Server, ServerOptions } from 'node:http'

/** Milliseconds for a request to arrive. */
export const REQUEST_TIME = 5_000
/** Milliseconds between two searches for connections that are too slow. */
const SEARCH_EVERY = 1_000
/** Bytes of a request; the services here take none with a body. */
const REQUEST_MAX = 8 * 1024

/**
 * Options of node:http's createServer. A connection may be idle for `idleTime` milliseconds between
 * two requests.
 */
export function requestLimits(idleTime: number): ServerOptions {
  return {
    headersTimeout: REQUEST_TIME,
    requestTimeout: REQUEST_TIME,
    keepAliveTimeout: idleTime,
    connectionsCheckingInterval: SEARCH_EVERY,
    maxHeaderSize: REQUEST_MAX,
  }
}

/**
 * Answers bytes that are not a request with 400, and a request that does not arrive in time with 408,
 * and ends the connection. Reports the status to `onRefused`.
 */
export function refuseBadRequests(
  server: Server,
  onRefused: (status: 400 | 408) => void = () => {},
): void {
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    const isLate = error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
    onRefused(isLate ? 408 : 400)
    const status = isLate ? '408 Request Timeout' : '400 Bad Request'
    if (socket.writable) socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\n\r\n`)
    setTimeout(() => socket.destroy(), SEARCH_EVERY).unref()
  })
}

/**
 * Whether a request announces a body. The services here read none, so they close the connection.
 */
export function hasBody({ headers }: IncomingMessage): boolean {
  return 'transfer-encoding' in headers || Number(headers['content-length'] ?? 0) > 0
}
