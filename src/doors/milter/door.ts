import { createServer } from 'node:net'
import { createSemaphore } from '../../ground/flow/concurrency-limit.ts'
import type { Configuration } from '../shared/configuration.ts'
import type { Door } from '../shared/door.ts'
import { ConnectionSet } from '../shared/limits/connection-set.ts'
import { MilterConnection } from './connection.ts'
import { createMilterServer, type MilterOptions } from './server.ts'
import { MilterSession } from './session.ts'
import { defaultTimeouts } from './time-limits.ts'

/**
 * Connections that one process keeps: Postfix has up to 100 processes of each kind that opens some.
 */
export const CONNECTIONS_MAX = 1000
/** Milliseconds between two checks of what is due. */
const TICK_MAX = 1000

/** The milter door: sessions of MTAs on whatever the server listens on. */
export function createMilterDoor(first: Configuration, options: MilterOptions): Door {
  const { maxClients, maxConnections = CONNECTIONS_MAX, budget, log } = options
  const { timeouts = defaultTimeouts } = options
  const connections = new ConnectionSet<MilterConnection>({
    every: Math.min(TICK_MAX, Math.ceil(timeouts.progressAfter / 2)),
    tick: (connection) => connection.tick(),
  })
  const turns = createSemaphore(maxClients)
  const current = { configuration: first } // a message keeps the one that it began with: receive.ts
  let crowded = false
  const uptime = () => performance.now()

  const server = createServer({ allowHalfOpen: true }, (socket) => {
    if (connections.size >= maxConnections) {
      if (!crowded) log(`milter: over ${maxConnections} connections at once; one more was closed`)
      crowded = true
      socket.destroy()
      return
    }
    const isLocal = socket.remoteAddress === undefined
    if (!isLocal) socket.setNoDelay(true) // on a unix socket the call would fail
    const services = { openLease: budget.open, isLocal, uptime, turns }
    const connection = new MilterConnection(socket, {
      session: new MilterSession(createMilterServer(options, current, services)),
      lease: budget.open(),
      timeouts,
      uptime,
      log,
      closed() {
        connections.delete(connection)
        crowded = false
      },
    })
    connections.add(connection)
  })
  server.on('error', (error) => log(`milter: ${error.message}`))

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
