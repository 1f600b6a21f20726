import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { readUptime } from '../../flow/uptime.ts'
import { onceAMinute } from '../../log/line-format.ts'
import { descriptorLimit, hasUnread } from '../../process/descriptors.ts'

/** Milliseconds without a complete request after which a connection may be closed for another one. */
const IDLE_AFTER = 100
/** Milliseconds for a client that is turned away to take its answer. */
const TURNED_AWAY_FOR = 1_000
/** Upper limit for clients that are turned away with an answer at the same time: each has a descriptor. */
const LEAVING_MAX = 16

const UNAVAILABLE =
  'HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n'

/**
 * The connections of an HTTP server, of which it keeps `wanted`, and no more than half of the descriptors: its
 * process needs the others. If one more arrives, the one that has been idle longest is closed, unless a request
 * of it waits to be read. If none is idle, the new one gets 503. Above half of `wanted`, each connection ends
 * with its answer. `log` receives a line about that, once a minute; `dropped` is called each time.
 */
export class HttpConnections {
  readonly #most: number
  readonly #log: (line: string) => void
  /** The responses that are not closed, by their connections. */
  readonly #answering = new Map<Socket, number>()
  /** Connections that have had an answer: no reply is due if they are closed. */
  readonly #answered = new WeakSet<Socket>()
  /** Connections without a complete request, and since when, in this order. */
  readonly #idle = new Map<Socket, number>()
  readonly #open = new Set<Socket>()
  readonly #leaving = new Set<Socket>()

  constructor(
    server: Server,
    wanted: number,
    log: (line: string) => void,
    dropped: () => void = () => {},
  ) {
    this.#most = Math.min(wanted, Math.floor(descriptorLimit() / 2))
    this.#log = onceAMinute(log)
    server.on('connection', (socket: Socket) => {
      this.#open.add(socket)
      this.#idle.set(socket, readUptime())
      socket.once('close', () => {
        this.#forget(socket)
        this.#leaving.delete(socket)
      })
      if (socket.destroyed || this.#open.size <= this.#most) return
      this.#turnAway(socket)
      dropped()
    })
  }

  /** Whether a response to this client is not closed yet. */
  isAnswering(socket: Socket): boolean {
    return this.#answering.has(socket)
  }

  /** Notes a request until its response is closed. Returns false if its client was turned away. */
  begin({ socket }: IncomingMessage, response: ServerResponse): boolean {
    if (this.#leaving.has(socket)) return false
    this.#answering.set(socket, (this.#answering.get(socket) ?? 0) + 1)
    this.#answered.add(socket)
    this.#idle.delete(socket)
    // The runtime may answer hundreds of clients before it sees that others have left.
    const isLast = this.#open.size > this.#most / 2
    if (isLast) response.setHeader('Connection', 'close')
    response.on('close', () => {
      const others = this.#answering.get(socket)! - 1
      if (others > 0) return void this.#answering.set(socket, others)
      this.#answering.delete(socket)
      if (isLast) this.#forget(socket)
      else if (this.#open.has(socket)) this.#idle.set(socket, readUptime())
    })
    return true
  }

  #turnAway(newcomer: Socket): void {
    const before = readUptime() - IDLE_AFTER
    const [idle] =
      [...this.#idle].find(([socket, since]) => since < before && !hasUnread(socket)) ?? []
    const outcome = idle ? 'one that was idle was closed' : 'another was refused'
    this.#log(`over ${this.#most} connections at once; ${outcome}`)
    this.#end(idle ?? newcomer)
  }

  #end(socket: Socket): void {
    this.#forget(socket)
    if (this.#leaving.size >= LEAVING_MAX) return void socket.destroy()
    this.#leaving.add(socket)
    // In a later iteration: a client that connects again at once would be accepted in this one.
    setImmediate(() => socket.end(this.#answered.has(socket) ? '' : UNAVAILABLE))
    setTimeout(() => socket.destroy(), TURNED_AWAY_FOR).unref()
  }

  #forget(socket: Socket): void {
    this.#open.delete(socket)
    this.#idle.delete(socket)
  }
}
