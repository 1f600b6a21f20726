import { createServer } from 'node:net'
import { createSemaphore } from '../../ground/flow/concurrency-limit.ts'
import type { Configuration } from '../shared/configuration.ts'
import type { Door } from '../shared/door.ts'
import { ConnectionSet } from '../shared/limits/connection-set.ts'
import {
  type Candidate,
  evictedForConnection,
  evictedForMemory,
} from '../shared/limits/eviction.ts'
import { MilterConnection } from './connection.ts'
import { type ConnectionMemory, countedLease } from './counted-lease.ts'
import { createMilterServer, type MilterOptions } from './server.ts'
import { MilterSession } from './session.ts'
import { defaultTimeouts } from './time-limits.ts'

/**
 * Connections that one process keeps: Postfix has up to 100 processes of each kind that opens some.
 */
export const CONNECTIONS_MAX = 1000
/** Milliseconds between two checks of what is due. */
const TICK_MAX = 1000

/** A connection that has not been told to leave. */
interface ServedConnection {
  readonly connection: MilterConnection
  readonly peer: string
  readonly memory: ConnectionMemory
}

/** The milter door: sessions of MTAs on whatever the server listens on. */
export function createMilterDoor(first: Configuration, options: MilterOptions): Door {
  const { maxClients, maxConnections = CONNECTIONS_MAX, budget, log } = options
  const { timeouts = defaultTimeouts } = options
  const connections = new ConnectionSet<MilterConnection>({
    every: Math.min(TICK_MAX, Math.ceil(timeouts.progressAfter / 2)),
    tick: (connection) => connection.tick(),
  })
  /** In the order in which they came. */
  const serving = new Set<ServedConnection>()
  const turns = createSemaphore(maxClients)
  const current = { configuration: first } // a message keeps the one that it began with: receive.ts
  let crowded = false
  const uptime = () => performance.now()

  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const peer = socket.remoteAddress ?? ''
    if (peer !== '') socket.setNoDelay(true) // on a unix socket the call would fail
    if (!makeRoom(peer)) {
      socket.destroy()
      return
    }
    const memory: ConnectionMemory = { bytes: 0 }
    const openLease = () => countedLease(budget.open(), memory, (bytes) => makeFree(bytes, memory))
    const connection = new MilterConnection(socket, {
      session: new MilterSession(
        createMilterServer(options, current, { openLease, isLocal: peer === '', uptime, turns }),
      ),
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
    const served: ServedConnection = { connection, peer, memory }
    serving.add(served)
    connections.add(connection)
  })
  server.on('error', (error) => log(`milter: ${error.message}`))

  /** Closes silent connections until so many bytes are free, or there is none left to close. */
  function makeFree(bytes: number, asker: ConnectionMemory): void {
    while (bytes > budget.free && evict(evictedForMemory(candidates(asker), uptime()))) {}
  }

  function* candidates(asker?: ConnectionMemory): Generator<Candidate & ServedConnection> {
    for (const served of serving) {
      if (served.memory === asker) continue
      yield { ...served, ...served.connection.state(), holdsMemory: served.memory.bytes > 0 }
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
    const isRoom = evict(evictedForConnection(candidates(), peer, uptime()))
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
      current.configuration = next
    },
    close(grace) {
      server.close()
      for (const connection of connections) connection.finish()
      return connections.drain(grace, (connection) => connection.dismiss())
    },
  }
}
