import { createServer } from 'node:net'
import { createSemaphore } from '../../ground/flow/concurrency-limit.ts'
import { switchedOff } from '../../judge/policy.ts'
import type { MailReporter } from '../../observe/live/mail-reporter.ts'
import type { Configuration } from '../shared/configuration.ts'
import type { Door } from '../shared/door.ts'
import { refusingRules } from '../shared/judging.ts'
import { ConnectionSet } from '../shared/limits/connection-set.ts'
import { type Candidate, goesForConnection, goesForMemory } from '../shared/limits/eviction.ts'
import type { Budget, MemoryLease } from '../shared/limits/memory-budget.ts'
import { takeTurn } from '../shared/limits/turn.ts'
import { MilterConnection, type MilterTimeouts, standardTimeouts } from './connection.ts'
import { startReceiving } from './receive.ts'
import type { MilterServer } from './server.ts'
import { MilterSession } from './session.ts'

/** What the milter door needs besides its configuration. */
export interface MilterOptions {
  /** Messages that are judged at once. Others wait, if there is memory for them. */
  readonly maxClients: number
  /** Memory of the whole process for parts of messages that are not judged yet. */
  readonly budget: Budget
  /**
   * Connections at once. If one more comes, a silent one is closed. If none is silent, the new one
   * is closed, and its MTA goes on as without a milter.
   */
  readonly maxConnections?: number
  readonly timeouts?: MilterTimeouts
  /** Logs trouble of the daemon itself. */
  readonly log: (line: string) => void
  /** Logs what became of a message. */
  readonly mailLog: (line: Buffer) => void
  /** Shows to operators what is done with mail. */
  readonly reporter?: MailReporter | undefined
}

/**
 * Connections that one process keeps: Postfix has up to 100 processes of each kind that opens some.
 */
export const CONNECTIONS_MAX = 1000
/** Milliseconds between two looks at what is due. */
const TICK_MAX = 1000

/** A connection that has not been told to leave. */
interface ServedConnection {
  readonly connection: MilterConnection
  readonly peer: string
  readonly charged: ConnectionMemory
}

/** Bytes that are charged to one connection. */
interface ConnectionMemory {
  bytes: number
}

/** The milter door: sessions of MTAs on whatever the server listens on. */
export function createMilterDoor(first: Configuration, options: MilterOptions): Door {
  const { maxClients, maxConnections = CONNECTIONS_MAX, budget, log, mailLog } = options
  const { timeouts = standardTimeouts } = options
  const connections = new ConnectionSet<MilterConnection>({
    every: Math.min(TICK_MAX, Math.ceil(timeouts.progressAfter / 2)),
    look: (connection) => connection.tick(),
  })
  /** In the order in which they came. */
  const serving = new Set<ServedConnection>()
  const turns = createSemaphore(maxClients)
  let configuration = first // a message keeps the one that it began with: receive.ts
  let crowded = false
  const uptime = () => performance.now()

  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const peer = socket.remoteAddress ?? ''
    if (peer !== '') socket.setNoDelay(true) // on a unix socket the call would fail
    if (!makeRoom(peer)) {
      socket.destroy()
      return
    }
    const charged: ConnectionMemory = { bytes: 0 }
    const openLease = () => chargedTo(charged, budget.open())
    const connection = new MilterConnection(socket, {
      session: new MilterSession(serverFor(openLease, peer === '')),
      lease: openLease(),
      timeouts,
      uptime,
      log,
      left: () => serving.delete(served),
      closed() {
        connections.delete(connection)
        if (serving.size < maxConnections) crowded = false
      },
    })
    const served: ServedConnection = { connection, peer, charged }
    serving.add(served)
    connections.add(connection)
  })
  server.on('error', (error) => log(`milter: ${error.message}`))

  function serverFor(openLease: MilterServer['openLease'], isLocal: boolean): MilterServer {
    return {
      isLocal,
      get rules() {
        return refusingRules(configuration)
      },
      get quota() {
        const { quota, place } = configuration // without a lookup, no file needs to be looked for
        return quota && switchedOff(place) === undefined ? quota : undefined
      },
      receive: () => startReceiving(configuration, openLease()),
      openLease,
      turn: (gone) => takeTurn(turns, maxClients, gone),
      log: mailLog,
      begin: options.reporter?.begin,
      uptime,
    }
  }

  /**
   * Returns the lease with a count of its bytes. If there is no memory left, silent connections are
   * closed, so that theirs is free.
   */
  function chargedTo(charged: ConnectionMemory, lease: MemoryLease): MemoryLease {
    let own = 0
    const count = (bytes: number) => {
      own += bytes
      charged.bytes += bytes
    }
    return {
      charge(bytes) {
        while (bytes > budget.free && evict(goesForMemory(candidates(charged), uptime()))) {}
        lease.charge(bytes)
        count(bytes)
      },
      isPlenty: (bytes) => lease.isPlenty(bytes),
      release(bytes) {
        lease.release(bytes)
        count(-bytes)
      },
      close() {
        lease.close()
        count(-own)
      },
    }
  }

  function* candidates(asker?: ConnectionMemory): Generator<Candidate & ServedConnection> {
    for (const served of serving) {
      if (served.charged === asker) continue
      yield { ...served, ...served.connection.state(), holdsMemory: served.charged.bytes > 0 }
    }
  }

  /** Closes a connection, if there is one, and returns whether there was. */
  function evict(served: ServedConnection | undefined): boolean {
    served?.connection.evict()
    return served !== undefined
  }

  /**
   * Returns whether one more connection may come, and closes a silent one for it. Logs once, until
   * there is room again.
   */
  function makeRoom(peer: string): boolean {
    if (serving.size < maxConnections) return true
    const isRoom = evict(goesForConnection(candidates(), peer, uptime()))
    if (!crowded) {
      const who = isRoom ? 'a silent one' : 'one more'
      log(`milter: over ${maxConnections} connections at once; ${who} was closed`)
    }
    crowded = true
    return isRoom
  }

  return {
    server,
    state: () => ({ clients: connections.size, memory: budget.used }),
    configure(next) {
      configuration = next
    },
    close(grace) {
      server.close()
      for (const connection of connections) connection.finish()
      return connections.drain(grace, (connection) => connection.dismiss())
    },
  }
}
