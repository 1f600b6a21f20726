import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/**
 * Connections at once. If one more comes, the one that has been idle for longest is closed, or else
 * the new one.
 */
export const CONNECTIONS_MAX = 400

/** Which connections of a server wait for an answer, and which for a request. */
export interface IdleConnections {
  /**
   * Notes a request until its response is closed. Returns false, and hangs up, if the client has
   * not read its last answer.
   */
  begin(request: IncomingMessage, response: ServerResponse): boolean
}

/**
 * Keeps the number of the server's connections at CONNECTIONS_MAX, and at half of the descriptors: the
 * process needs the others for workers.
 */
export function watchConnections(server: Server, descriptors: number): IdleConnections {
  const most = Math.min(CONNECTIONS_MAX, Math.floor(descriptors / 2))
  const answering = new WeakSet<Socket>()
  /** Connections without a request, in the order in which they fell silent. */
  const idle = new Set<Socket>()
  const open = new Set<Socket>()
  const forget = (socket: Socket) => {
    open.delete(socket)
    idle.delete(socket)
  }
  server.on('connection', (socket: Socket) => {
    open.add(socket)
    idle.add(socket)
    socket.once('close', () => forget(socket))
    if (open.size <= most) return
    const [oldest = socket] = idle
    forget(oldest) // now: of many that come together none is closed by then
    oldest.destroy()
  })
  return {
    begin({ socket }, response) {
      // If a client asks on without reading the answers, all of them would be kept in memory.
      if (answering.has(socket)) {
        socket.destroy()
        return false
      }
      answering.add(socket)
      idle.delete(socket)
      response.on('close', () => {
        answering.delete(socket)
        if (!socket.destroyed) idle.add(socket)
      })
      return true
    },
  }
}
