import { createServer, type Server, type Socket } from 'node:net'
import type { Configuration } from '../../configuration/configuration.ts'
import { afterInput } from '../../lib/flow/timeout.ts'
import { onceAMinute } from '../../lib/log/line-format.ts'
import { hasUnread } from '../../lib/process/descriptors.ts'
import type { DoorState } from '../../observe/live/process-report.ts'
import { Admission } from './admission.ts'

/** A connection as the interface sees it. */
export interface ServedConnection {
  /** Sends the bytes that are due, and ends requests that exceed their time limit. Called repeatedly. */
  tick(): void
  /** Accepts no more messages: ends immediately, or after the current message. */
  finish(): void
  /**
   * Ends the connection. The client is asked to connect again. Does nothing if the client must be answered.
   */
  dismiss(): void
  /** Whether this side has sent its last bytes: the connection then uses no slot. */
  readonly hasHungUp: boolean
  /** Whether another server has the message, so that the client must receive that server's reply. */
  readonly mustBeAnswered?: boolean
}

/** The open connections of an interface and their sockets, in order of arrival. */
export type Connections<Served> = ReadonlyMap<Served, Socket>

/** The options that differ between interfaces. */
interface ServeOptions<Served extends ServedConnection> {
  /** Milliseconds between two calls of `tick`. */
  readonly every: number
  /** Maximum number of served clients. Others wait in the kernel, if no other process accepts them. */
  readonly maxConnections: number
  /** Returns whether a connection uses a slot. By default it does until this side has hung up. */
  readonly takesPlace?: (served: Served) => boolean
  /** Sockets at once, of connections that end, too. */
  readonly maxSockets: number | undefined
  /**
   * Frees a slot for a client that waits while all are used. Returns whether the client may be accepted, or
   * refused by `accept`. Otherwise, it continues to wait. Without this function, all clients wait.
   */
  readonly makeRoom?: (connections: Connections<Served>) => boolean
  /**
   * Serves the client at a socket, or turns it away and returns undefined. `closed` is to be called once,
   * when nothing is left to do for this client.
   */
  readonly accept: (
    socket: Socket,
    others: Connections<Served>,
    closed: () => void,
  ) => Served | undefined
  /** Logs trouble with the listening socket. */
  readonly log: (line: string) => void
  /** Logs once a minute what happens to clients without a slot; `log` by default. */
  readonly logCrowd?: (line: string) => void
  /** Calls back with the socket for `accept`, or not at all, by default with the incoming socket. */
  readonly secure?: (socket: Socket, secured: (encrypted: Socket) => void) => void
  /** Whether the runtime must not read from a connection until the interface asks for it. */
  readonly startsPaused?: boolean
  /** The bytes of their budget that the connections use. */
  readonly memory: () => number
}

/** Serves each connection of a server that does not listen yet, until the interface is closed. */
export function serve<Served extends ServedConnection>({
  every,
  maxConnections,
  maxSockets = Number.POSITIVE_INFINITY,
  takesPlace = ({ hasHungUp }) => !hasHungUp,
  makeRoom = () => false,
  accept,
  log,
  logCrowd = log,
  secure = (socket, secured) => secured(socket),
  startsPaused = false,
  memory,
}: ServeOptions<Served>): Omit<Door, 'configure'> {
  const connections = new Map<Served, Socket>()
  const unanswered = () => [...connections.keys()].filter((served) => served.mustBeAnswered).length
  let sockets = 0
  const logFull = onceAMinute(logCrowd)
  let isClosed = false
  let timer: NodeJS.Timeout | undefined
  let emptied = () => {}
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: startsPaused }, (socket) => {
    if (!admission.canWait && isFull() && !hasMadeRoom()) return void socket.destroy()
    sockets++
    socket.once('close', () => {
      sockets--
      admission.changed()
    })
    secure(socket, admit)
    admission.accepted()
  })
  server.on('error', (error) => log(error.message))
  const admission = new Admission(server, { isFull, makeRoom: hasMadeRoom })

  function admit(socket: Socket): void {
    if (isClosed) return void socket.destroy() // during the handshake
    const served = accept(socket, connections, () => leave(served!))
    if (served === undefined) return
    connections.set(served, socket)
    timer ??= setInterval(() => afterInput(() => each((served) => served.tick())), every)
  }
  function isFull(): boolean {
    if (sockets >= maxSockets) return true
    if (connections.size < maxConnections) return false
    let places = 0
    for (const served of connections.keys()) if (takesPlace(served)) places++
    return places >= maxConnections
  }
  function hasMadeRoom(): boolean {
    const hasRoom = makeRoom(connections)
    const what = hasRoom ? 'an idle one was closed' : 'others wait'
    logFull(`over ${maxConnections} connections at once; ${what}`)
    return hasRoom
  }
  function each(act: (served: Served) => void): void {
    for (const served of connections.keys()) act(served)
  }
  function leave(served: Served): void {
    connections.delete(served)
    admission.changed()
    if (connections.size > 0) return
    clearInterval(timer)
    timer = undefined
    emptied()
  }
  return {
    server,
    state: () => ({ clients: connections.size, memory: memory() }),
    unanswered,
    async close(grace) {
      isClosed = true
      server.close()
      admission.close()
      each((served) => served.finish())
      if (connections.size === 0) return
      const late = setTimeout(() => {
        each((served) => served.dismiss())
        const count = unanswered()
        if (count > 0) log(`waiting for the replies of the next server to ${count} messages`)
      }, grace)
      await new Promise<void>((resolve) => {
        emptied = resolve
      })
      clearTimeout(late)
    },
  }
}

/** The open connections of an interface, or some of them, each with its socket. */
type Entries<Served> = Iterable<readonly [Served, Socket]>

/**
 * Returns the connection that has been idle longest, since before `time`, if there is one. One with unread
 * data is returned only if all have some: a client that talks without progress must not keep its slot indefinitely.
 */
export function longestIdle<Served extends Idle>(
  connections: Entries<Served>,
  time = Number.POSITIVE_INFINITY,
): Served | undefined {
  const idle = idleFirst(connections, time)
  return (idle.find(isSilent) ?? idle[0])?.[0]
}

/** Returns the same among clients without unread data. */
export function longestSilent<Served extends Idle>(
  connections: Entries<Served>,
  time = Number.POSITIVE_INFINITY,
): Served | undefined {
  return idleFirst(connections, time).find(isSilent)?.[0]
}

interface Idle {
  /** Undefined for a client that waits for an answer, or has its last one. */
  readonly idleSince: number | undefined
}

function idleFirst<Served extends Idle>(connections: Entries<Served>, time: number) {
  const since = ([{ idleSince = time }]: readonly [Served, Socket]) => idleSince
  const idle = [...connections].filter((entry) => since(entry) < time)
  return idle.sort((one, other) => since(one) - since(other))
}

function isSilent([, socket]: readonly [unknown, Socket]): boolean {
  return !hasUnread(socket)
}

/** An interface that serves connections on a listening socket. */
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
