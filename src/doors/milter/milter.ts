import { createServer, type Server } from 'node:net'
import { Fault } from '../../fault.ts'
import { switchedOff } from '../../policy/policy.ts'
import { createAttendance } from '../daemon/attendance.ts'
import type { Configuration } from '../daemon/configuration.ts'
import type { Budget } from '../daemon/memory.ts'
import { type Connection, openConnection, type Patience, standardPatience } from './connection.ts'
import type { House } from './house.ts'
import { openReception } from './reception.ts'
import { openSession } from './session.ts'

export interface MilterOptions {
  /** Messages that are received and judged at once; one more is put off. */
  readonly maxClients: number
  /** Of the whole process, for what is told of messages before they count as here. */
  readonly budget: Budget
  /** One more is closed at once, and the MTA does what it does without a filter. */
  readonly maxConnections?: number
  readonly patience?: Patience
  /** The daemon's own trouble. */
  readonly log: (line: string) => void
  /** What became of each message, a line each. */
  readonly mailLog: (line: Buffer) => void
}

export interface Milter {
  /** Not listening yet. */
  readonly server: Server
  /** For the messages that come from now on. */
  configure(configuration: Configuration): void
  /**
   * Takes no more connections, and resolves when all are over: those amid a message when it
   * is answered, or put off after `grace` milliseconds; all others at once.
   */
  close(grace: number): Promise<void>
}

/** Connections of MTAs that one process keeps: Postfix has 100 processes of a kind that talk to it. */
export const CONNECTIONS_MAX = 1000
/** Milliseconds between looks at what is due. */
const TICK_MAX = 1000

/** The milter door: sessions of MTAs on whatever the server listens on. */
export function createMilter(first: Configuration, options: MilterOptions): Milter {
  const { maxClients, maxConnections = CONNECTIONS_MAX, budget, log, mailLog } = options
  const { patience = standardPatience } = options
  const connections = createAttendance<Connection>()
  let configuration = first
  let received = 0 // messages that are here
  let crowded = false
  let ticker: NodeJS.Timeout | undefined

  const house: House = {
    get quota() {
      return switchedOff(configuration.place) === undefined ? configuration.quota : undefined
    },
    receive() {
      if (received >= maxClients) {
        throw new Fault('out-of-memory', `over ${maxClients} messages at once (--max-clients)`)
      }
      const reception = openReception(configuration)
      received++
      return reception
    },
    openAccount: budget.open,
    release() {
      received--
    },
    log: mailLog,
    now: () => performance.now(),
  }

  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    if (isCrowded()) {
      socket.destroy()
      return
    }
    const connection = openConnection(socket, {
      session: openSession(house),
      patience,
      now: house.now,
      log,
      closed() {
        connections.leave(connection)
        crowded = false
        if (connections.present.size > 0) return
        clearInterval(ticker)
        ticker = undefined
      },
    })
    connections.enter(connection)
    ticker ??= setInterval(tickAll, Math.min(TICK_MAX, Math.ceil(patience.progressAfter / 2)))
  })
  server.on('error', (error) => log(`milter: ${error.message}`))

  /** Said once, until somebody leaves. */
  function isCrowded(): boolean {
    if (connections.present.size < maxConnections) return false
    if (!crowded) log(`milter: over ${maxConnections} connections at once; one more was closed`)
    crowded = true
    return true
  }

  function tickAll(): void {
    for (const connection of connections.present) connection.tick()
  }

  return {
    server,
    configure(next) {
      configuration = next
    },
    close(grace) {
      server.close()
      for (const connection of connections.present) connection.finish()
      return connections.allGone(grace, (connection) => connection.dismiss())
    },
  }
}
