import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { readUptime } from '../../flow/uptime.ts'
import { onceAMinute } from '../../log/line-format.ts'
import { descriptorLimit } from '../../process/descriptors.ts'
import { IDLE_AFTER, longestSilent } from './idle.ts'

/** Milliseconds for a client that is turned away to take its answer. */
const TURNED_AWAY_FOR = 1_000
/** Upper limit for clients that are turned away with an answer at the same time: each has a descriptor. */
const LEAVING_MAX = 16

const UNAVAILABLE =
  'HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n'

interface HttpConnection {
  /** Since when it has no complete request; undefined while it has. */
  idleSince: number | undefined
  /** The responses that are not closed. */
  answering: number
  /** Whether it has had an answer: no reply is due if it is closed. */
  wasAnswered: boolean
}

/**
 * The connections of an HTTP server, of which it keeps `wanted`, and no more than half of the descriptors: its
 * process needs the others. If one more arrives, the one that has been idle longest is closed, unless a request
 * of it waits to be read. If none is idle, the new one gets 503. Above half of `wanted`, each connection ends
 * with its answer. `log` receives a line about that, once a minute; `dropped` is called each time.
 */
export class HttpConnections {
  readonly #most: number
  readonly #log: (line: string) => void
  readonly #known = new WeakMap<Socket, HttpConnection>()
  /** The connections that have a place, in the order in which they came. */
  readonly #open = new Map<HttpConnection, Socket>()
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
      const connection = this.#of(socket)
      this.#open.set(connection, socket)
      socket.once('close', () => {
        this.#open.delete(connection)
        this.#leaving.delete(socket)
      })
      if (socket.destroyed || this.#open.size <= this.#most) return
      this.#turnAway(socket)
      dropped()
    })
  }

  /** Whether a response to this client is not closed yet. */
  isAnswering(socket: Socket): boolean {
    return this.#of(socket).answering > 0
  }

  /** Notes a request until its response is closed. Returns false if its client was turned away. */
  begin({ socket }: IncomingMessage, response: ServerResponse): boolean {
    if (this.#leaving.has(socket)) return false
    const connection = this.#of(socket)
    connection.answering++
    connection.wasAnswered = true
    connection.idleSince = undefined
    // The runtime may answer hundreds of clients before it sees that others have left.
    const isLast = this.#open.size > this.#most / 2
    if (isLast) response.setHeader('Connection', 'close')
    response.on('close', () => {
      connection.answering--
      if (connection.answering > 0) return
      connection.idleSince = readUptime()
      if (isLast) this.#open.delete(connection)
    })
    return true
  }

  #of(socket: Socket): HttpConnection {
    const known = this.#known.get(socket)
    if (known !== undefined) return known
    const connection = { idleSince: readUptime(), answering: 0, wasAnswered: false }
    this.#known.set(socket, connection)
    return connection
  }

  #turnAway(newcomer: Socket): void {
    const idle = longestSilent(this.#open, readUptime() - IDLE_AFTER)
    const outcome = idle ? 'one that was idle was closed' : 'another was refused'
    this.#log(`over ${this.#most} connections at once; ${outcome}`)
    this.#end((idle && this.#open.get(idle)) ?? newcomer)
  }

  #end(socket: Socket): void {
    const connection = this.#of(socket)
    this.#open.delete(connection)
    if (this.#leaving.size >= LEAVING_MAX) return void socket.destroy()
    this.#leaving.add(socket)
    // In a later iteration: a client that connects again at once would be accepted in this one.
    setImmediate(() => socket.end(connection.wasAnswered ? '' : UNAVAILABLE))
    setTimeout(() => socket.destroy(), TURNED_AWAY_FOR).unref()
  }
}
