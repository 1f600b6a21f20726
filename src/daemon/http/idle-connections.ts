import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/**
 * Maximum number of connections. If one more arrives, the one that has been idle longest is closed, or else
 * the new one.
 */
const CONNECTIONS_MAX = 400

/**
 * The connections of a server that wait for an answer, and those that wait for a request. Their number is
 * limited to CONNECTIONS_MAX, and to half of the descriptors: the process needs the others for workers.
 */
export class IdleConnections {
  readonly #answering = new WeakSet<Socket>()
  /** Connections without a request, in the order in which they fell silent. */
  readonly #idle = new Set<Socket>()
  readonly #open = new Set<Socket>()

  constructor(server: Server, descriptors: number) {
    const most = Math.min(CONNECTIONS_MAX, Math.floor(descriptors / 2))
    server.on('connection', (socket: Socket) => {
      this.#open.add(socket)
      this.#idle.add(socket)
      socket.once('close', () => this.#forget(socket))
      if (this.#open.size <= most) return
      const [oldest = socket] = this.#idle
      this.#forget(oldest) // immediately, because `close` is emitted too late if many clients connect at once
      oldest.destroy()
    })
  }

  /**
   * Notes a request until its response is closed. Returns false, and hangs up, if the client has
   * not read its last answer.
   */
  begin({ socket }: IncomingMessage, response: ServerResponse): boolean {
    // If a client continues to send requests without reading the answers, all answers would be kept in
    // memory.
    if (this.#answering.has(socket)) {
      socket.destroy()
      return false
    }
    this.#answering.add(socket)
    this.#idle.delete(socket)
    response.on('close', () => {
      this.#answering.delete(socket)
      if (!socket.destroyed) this.#idle.add(socket)
    })
    return true
  }

  #forget(socket: Socket): void {
    this.#open.delete(socket)
    this.#idle.delete(socket)
  }
}
