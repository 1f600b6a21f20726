import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** Connections at once. If one more comes, the one that has been idle for longest is closed. */
const CONNECTIONS_MAX = 400

/** Which connections of a server wait for an answer, and which for a request. */
export interface IdleConnections {
  /**
   * Notes a request until its response is closed. Returns false, and hangs up, if the client has
   * not read its last answer.
   */
  begin(request: IncomingMessage, response: ServerResponse): boolean
}

/** Keeps the number of the server's connections below CONNECTIONS_MAX. */
export function watchConnections(server: Server): IdleConnections {
  const answering = new WeakSet<Socket>()
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
