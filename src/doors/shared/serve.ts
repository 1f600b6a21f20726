import { createServer, type Server, type Socket } from 'node:net'
import { afterInput } from '../../lib/flow/timeout.ts'
import type { DoorState } from '../../observe/live/process-report.ts'
import type { Configuration } from './configuration.ts'

/** A connection as the door sees it that serves it. */
export interface ServedConnection {
  /** Sends what is due, and ends what takes too long. It is called again and again. */
  tick(): void
  /** Takes no more messages: ends at once, or when what is under way is over. */
  finish(): void
  /** Ends the connection; the client is told to come again. Nothing happens if it must be answered. */
  dismiss(): void
  /** Whether another server has its message, so that the client must hear what that server says. */
  readonly mustBeAnswered?: boolean
}

/** What differs from door to door. */
interface ServeOptions<Served extends ServedConnection> {
  /** Milliseconds between two calls of `tick`. */
  readonly every: number
  /** Connections at once, those that end included. Any more are closed. */
  readonly maxSockets: number | undefined
  /**
   * Serves the client at a socket, or turns it away and returns undefined. `others` are the connections
   * that are open already. `closed` is to be called once, when nothing is left to do for this one.
   */
  readonly accept: (
    socket: Socket,
    others: ReadonlySet<Served>,
    closed: () => void,
  ) => Served | undefined
  /** Logs trouble with the listening socket. */
  readonly log: (line: string) => void
  /** Whether the runtime is to read nothing of a connection until the door has it do so. */
  readonly startsPaused?: boolean
  /** Bytes that the connections take of their budget. */
  readonly memory: () => number
}

/** Serves each connection to a server that does not listen yet, until the door is closed. */
export function serve<Served extends ServedConnection>({
  every,
  maxSockets = Number.POSITIVE_INFINITY,
  accept,
  log,
  startsPaused = false,
  memory,
}: ServeOptions<Served>): Omit<Door, 'configure'> {
  const connections = new Set<Served>() // in the order of their coming
  const unanswered = () => [...connections].filter((served) => served.mustBeAnswered).length
  let sockets = 0
  let timer: NodeJS.Timeout | undefined
  let emptied = () => {}
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: startsPaused }, (socket) => {
    sockets++
    socket.once('close', () => sockets--)
    if (sockets > maxSockets) return void socket.destroy()
    const served = accept(socket, connections, () => leave(served!))
    if (served === undefined) return
    connections.add(served)
    timer ??= setInterval(() => afterInput(() => each((served) => served.tick())), every)
  })
  server.on('error', (error) => log(error.message))

  function each(act: (served: Served) => void): void {
    for (const served of connections) act(served)
  }
  function leave(served: Served): void {
    connections.delete(served)
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
      server.close()
      each((served) => served.finish())
      if (connections.size === 0) return
      const late = setTimeout(() => {
        each((served) => served.dismiss())
        const count = unanswered()
        if (count > 0) log(`the next server has ${count} messages, and its replies are waited for`)
      }, grace)
      await new Promise<void>((resolve) => {
        emptied = resolve
      })
      clearTimeout(late)
    },
  }
}

/** Returns the connection that has been idle for longest, since before `time`, if there is one. */
export function longestIdle<Served extends { readonly idleSince: number | undefined }>(
  connections: Iterable<Served>,
  time = Number.POSITIVE_INFINITY,
): Served | undefined {
  let oldest: Served | undefined
  let since = time
  for (const connection of connections) {
    const { idleSince = since } = connection
    if (idleSince >= since) continue
    since = idleSince
    oldest = connection
  }
  return oldest
}

/** A door that serves connections on a listening socket. */
export interface Door<Settings = Configuration> {
  /** It does not listen yet. */
  readonly server: Server
  /** Sets what messages or requests that come from now on are judged by. */
  configure(settings: Settings): void
  /**
   * Takes no more connections, and resolves when all are over. A connection with nothing to answer
   * ends at once, any other one when it is answered. After `grace` milliseconds those that are left
   * are told to come again, but for those that must be answered.
   */
  close(grace: number): Promise<void>
  /** The connections that must be answered. */
  unanswered(): number
  state(): DoorState
}
