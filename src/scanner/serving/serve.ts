import { createServer, type Server, type Socket } from 'node:net'
import { errorText } from '../../base/errors/fault.ts'
import { afterInput } from '../../base/flow/timeout.ts'
import { onceAMinute } from '../../base/log/line-format.ts'
import { type ClientAddress, clientAddressOf, GONE, isUnixSocket } from '../../base/net/client-address.ts' // biome-ignore format: a line
import type { Configuration } from '../configuration/configuration.ts'
import type { DoorState } from '../observe/live/process-report.ts'
import { Admission } from './admission.ts'

/** A connection as the door sees it. */
export interface ServedConnection {
  /** Sends the bytes that are due, and ends requests that exceed their time limit. Called repeatedly. */
  tick(): void
  /** Accepts no more messages: ends immediately, or after the current message. */
  finish(): void
  /**
   * Ends the connection. The client is asked to connect again. Does nothing if the client must be answered.
   */
  dismiss(): void
  /** Whether this side has sent its last bytes: the connection then uses no place. */
  readonly hasHungUp: boolean
  /** Whether another server has the message, so that the client must receive that server's reply. */
  readonly mustBeAnswered?: boolean
}

/** A client that a door has accepted. */
export interface AcceptedClient {
  readonly socket: Socket
  readonly address: ClientAddress
}

/** The open connections of a door and their sockets, in order of arrival. */
export type Connections<Served> = ReadonlyMap<Served, Socket>

/** A door that serves connections on a listening socket. */
export interface Door<Settings = Configuration> {
  /** It does not listen yet. */
  readonly server: Server
  /** Sets the settings for messages or requests that arrive from now on. */
  configure(settings: Settings): void
  /**
   * Accepts no more connections, and resolves when all have ended. A connection without a pending answer ends
   * immediately, any other one after its answer. After `grace` milliseconds the remaining clients are asked
   * to connect again, except those that must be answered.
   */
  close(grace: number): Promise<void>
  /** The connections that must be answered. */
  unanswered(): number
  state(): DoorState
}

/** The options that differ between doors. */
interface ServeOptions<Served extends ServedConnection> {
  /** Milliseconds between two calls of `tick`. */
  readonly every: number
  /** Maximum number of served clients. Others wait in the kernel, if no other process accepts them. */
  readonly maxConnections: number
  /** Returns whether a connection uses a place. By default it does until this side has hung up. */
  readonly takesPlace?: (served: Served) => boolean
  /** Upper limit for open sockets, including connections that are closing. Further clients wait. */
  readonly maxSockets: number | undefined
  /**
   * Frees a place for a client that waits while all are used. Returns whether the client may be accepted, or
   * refused by `accept`. Otherwise, it continues to wait. Without this function, all clients wait.
   */
  readonly makeRoom?: (connections: Connections<Served>) => boolean
  /**
   * Serves a client, or turns it away and returns undefined. `closed` is to be called once, when nothing is left
   * to do for this client.
   */
  readonly accept: (
    client: AcceptedClient,
    others: Connections<Served>,
    closed: () => void,
  ) => Served | undefined
  /** Logs trouble with the listening socket. */
  readonly log: (line: string) => void
  /** Logs once a minute what happens to clients without a place; `log` by default. */
  readonly logCrowd?: (line: string) => void
  /** Calls back with the socket for `accept`, or not at all, by default with the incoming socket. */
  readonly secure?: (client: AcceptedClient, secured: (encrypted: Socket) => void) => void
  /** Whether the runtime must not read from a connection until the door asks for it. */
  readonly startsPaused?: boolean
  /** The bytes of their budget that the connections use. */
  readonly memory: () => number
}

/** Connections that a process keeps at a door: mail servers open one for each mail, or keep up to 100. */
const CONNECTIONS_MAX = 1000
/** Milliseconds between two calls of `tick`, or less for a short timeout. */
const TICK_MAX = 1000

/** Returns how many clients a door serves that may have this many sockets. */
export function maxConnectionsFor(maxSockets = CONNECTIONS_MAX): number {
  return Math.min(CONNECTIONS_MAX, maxSockets)
}

/** Returns the interval of `tick` by which a timeout of this many milliseconds is noticed in time. */
export function tickFor(timeout: number): number {
  return Math.min(TICK_MAX, Math.ceil(timeout / 2))
}

/** Serves each connection of a server that does not listen yet, until the door is closed. */
export function serve<Served extends ServedConnection, Settings = Configuration>(
  options: ServeOptions<Served> & Pick<Door<Settings>, 'configure'>,
): Door<Settings> {
  const server = new ConnectionServer(options)
  return {
    server: server.socket,
    configure: options.configure,
    state: () => ({ clients: server.clients, memory: options.memory() }),
    unanswered: () => server.unanswered,
    close: (grace) => server.close(grace),
  }
}

/** A listening socket, and the connections of those who are served on it. */
class ConnectionServer<Served extends ServedConnection> {
  readonly socket: Server
  readonly #options: ServeOptions<Served>
  readonly #admission: Admission
  readonly #logFull: (line: string) => void
  readonly #connections = new Map<Served, Socket>()
  /** The number of sockets, including those of connections that have ended. */
  #sockets = 0
  #isClosed = false
  /** Known when it listens. */
  #isUnixSocket = false
  /** Set while there are connections. */
  #ticks: NodeJS.Timeout | undefined
  /** Called when the last connection has ended. */
  #emptied = () => {}

  constructor(options: ServeOptions<Served>) {
    const { startsPaused = false, log, logCrowd = log } = options
    this.#options = options
    this.#logFull = onceAMinute(logCrowd)
    this.socket = createServer({ allowHalfOpen: true, pauseOnConnect: startsPaused }, (socket) =>
      this.#take(socket),
    )
    this.socket.on('error', (error) => log(errorText(error)))
    this.socket.once('listening', () => {
      this.#isUnixSocket = isUnixSocket(this.socket)
    })
    this.#admission = new Admission(this.socket, {
      isFull: () => this.#isFull(),
      makeRoom: () => this.#hasMadeRoom(),
    })
  }

  get clients(): number {
    return this.#connections.size
  }

  get unanswered(): number {
    return [...this.#connections.keys()].filter((served) => served.mustBeAnswered).length
  }

  /** Closes the socket, and resolves when all connections have ended, as `Door.close` describes. */
  async close(grace: number): Promise<void> {
    this.#isClosed = true
    this.socket.close()
    this.#admission.close()
    this.#each((served) => served.finish())
    if (this.clients === 0) return
    const late = setTimeout(() => this.#dismissAll(), grace)
    await new Promise<void>((resolve) => {
      this.#emptied = resolve
    })
    clearTimeout(late)
  }

  /** Takes a socket that was accepted. */
  #take(socket: Socket): void {
    const { secure = ({ socket: plain }, secured) => secured(plain) } = this.#options
    const address = clientAddressOf(socket, this.#isUnixSocket)
    if (address === GONE) return void socket.destroy()
    if (!this.#admission.canWait && this.#isFull() && !this.#hasMadeRoom()) {
      return void socket.destroy()
    }
    this.#sockets++
    socket.once('close', () => {
      this.#sockets--
      this.#admission.changed()
    })
    if (!this.#isUnixSocket) socket.setNoDelay(true) // on a unix socket the call would fail
    secure({ socket, address }, (secured) => this.#admit({ socket: secured, address }))
    this.#admission.accepted()
  }

  #admit(newcomer: AcceptedClient): void {
    const { socket } = newcomer
    if (this.#isClosed) return void socket.destroy() // during the handshake
    const { accept, every } = this.#options
    const served = accept(newcomer, this.#connections, () => this.#leave(served!))
    if (served === undefined) return
    this.#connections.set(served, socket)
    this.#ticks ??= setInterval(
      () => afterInput(() => this.#each((client) => client.tick())),
      every,
    )
  }

  #isFull(): boolean {
    const { maxConnections, maxSockets, takesPlace = hasNotHungUp } = this.#options
    if (maxSockets !== undefined && this.#sockets >= maxSockets) return true
    if (this.#connections.size < maxConnections) return false
    let places = 0
    for (const served of this.#connections.keys()) if (takesPlace(served)) places++
    return places >= maxConnections
  }

  #hasMadeRoom(): boolean {
    const { maxConnections, makeRoom } = this.#options
    const hasRoom = makeRoom?.(this.#connections) === true
    const outcome = hasRoom ? 'an idle one was closed' : 'others wait'
    this.#logFull(`over ${maxConnections} connections at once; ${outcome}`)
    return hasRoom
  }

  #leave(served: Served): void {
    this.#connections.delete(served)
    this.#admission.changed()
    if (this.#connections.size > 0) return
    clearInterval(this.#ticks)
    this.#ticks = undefined
    this.#emptied()
  }

  #dismissAll(): void {
    this.#each((served) => served.dismiss())
    const count = this.unanswered
    if (count === 0) return
    this.#options.log(`waiting for the replies of the next server to ${count} messages`)
  }

  #each(act: (served: Served) => void): void {
    for (const served of this.#connections.keys()) act(served)
  }
}

function hasNotHungUp({ hasHungUp }: ServedConnection): boolean {
  return !hasHungUp
}
