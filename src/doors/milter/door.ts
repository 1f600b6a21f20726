import type { Configuration } from '../shared/configuration.ts'
import type { Door } from '../shared/door.ts'
import { serve } from '../shared/serve.ts'
import type { Wire } from '../shared/wire.ts'
import { serveMta } from './connection.ts'
import { type MilterOptions, MilterServer } from './server.ts'
import { defaultTimeouts } from './time-limits.ts'

/**
 * Connections that one process keeps: Postfix has up to 100 processes of each kind that opens some.
 */
export const CONNECTIONS_MAX = 1000
/** Milliseconds between two checks of what is due. */
const TICK_MAX = 1000

/** The milter door: sessions of MTAs on whatever the server listens on. */
export function createMilterDoor(first: Configuration, options: MilterOptions): Door {
  const { maxSockets, budget, log, timeouts = defaultTimeouts } = options
  const { maxConnections = Math.min(CONNECTIONS_MAX, maxSockets ?? CONNECTIONS_MAX) } = options
  const server = new MilterServer(first, options)
  let crowded = false
  const door = serve<Wire>({
    every: Math.min(TICK_MAX, Math.ceil(timeouts.progressAfter / 2)),
    maxSockets,
    log: (why) => log(`milter: ${why}`),
    memory: () => budget.used,
    accept(socket, connections, closed) {
      if (connections.size >= maxConnections) {
        if (!crowded) log(`milter: over ${maxConnections} connections at once; one more was closed`)
        crowded = true
        socket.destroy()
        return undefined
      }
      const isByTcp = socket.remoteAddress !== undefined
      if (isByTcp) socket.setNoDelay(true) // on a unix socket the call would fail
      return serveMta(socket, {
        server,
        lease: budget.open(),
        timeouts,
        leaving: timeouts.leaving,
        uptime: server.uptime,
        log,
        closed() {
          crowded = false
          closed()
        },
      })
    },
  })
  return {
    ...door,
    configure(next) {
      server.configuration = next
    },
  }
}
