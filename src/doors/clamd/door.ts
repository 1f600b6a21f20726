import type { Socket } from 'node:net'
import type { LogField } from '../../lib/errors/log.ts'
import { descriptorOf } from '../../lib/process/descriptors.ts'
import { loadSystem } from '../../lib/runtime/system.ts'
import type { Configuration } from '../shared/configuration.ts'
import { type Door, longestIdle, serve } from '../shared/serve.ts'
import { Wire } from '../shared/wire.ts'
import { DescriptorStream } from './descriptor-stream.ts'
import { type ClamdOptions, ClamdServices } from './services.ts'
import { ClamdConversation, ClamdRequests } from './session.ts'

/** Connections that one process keeps: clients have one for each mail. */
const CONNECTIONS_MAX = 1000
/** Milliseconds between two checks of what is due. */
const TICK_MAX = 1000

/** Makes the door for programs that ask clamd, in clamd's protocol (clamd(8)). */
export function createClamdDoor(first: Configuration, options: ClamdOptions): Door {
  const { maxSockets, budget } = options
  const { maxConnections = Math.min(CONNECTIONS_MAX, maxSockets ?? CONNECTIONS_MAX) } = options
  const services = new ClamdServices(first, options)
  const door = serve<Wire>({
    every: Math.min(TICK_MAX, Math.ceil(services.timeouts.silence / 2)),
    maxSockets,
    log: (why) => services.complain(why),
    memory: () => budget.used,
    startsPaused: true,
    accept(socket, connections, closed) {
      const oldest = longestIdle(connections)
      if (connections.size >= maxConnections && oldest === undefined) {
        socket.destroy()
        return undefined
      }
      if (connections.size >= maxConnections) oldest!.drop()
      return serveClient(socket, services, closed)
    },
  })
  return { ...door, configure: (next) => services.configure(next) }
}

function serveClient(socket: Socket, services: ClamdServices, closed: () => void): Wire {
  const { timeouts, uptime, maxSize } = services
  const remote = socket.remoteAddress
  const system = remote === undefined ? loadSystem() : undefined
  const peer = system?.peerOf(descriptorOf(socket) ?? -1)
  const stream = system && peer && new DescriptorStream(socket, system, peer.uid)
  if (remote !== undefined) socket.setNoDelay(true) // on a unix socket the call would fail
  const lease = services.openLease()
  const requests = new ClamdRequests(maxSize, lease)
  const wire: Wire = new Wire(stream ?? socket, requests, {
    leaving: timeouts.leaving,
    uptime,
    closed,
    log: services.complain,
    // Some close their side as soon as they have said all. Who does that later has given up.
    waitsOn: () => (wire.endedAt ?? 0) - wire.receivedAt < timeouts.halfClosing,
  })
  if (stream === undefined) socket.resume()
  const fields: LogField[] = peer
    ? [
        ['peer_uid', peer.uid],
        ['peer_pid', peer.pid],
      ]
    : []
  const near = stream && peer && { uid: peer.uid, takeDescriptors: () => stream.takeDescriptors() }
  const session = new ClamdConversation(wire, requests, services, { remote, fields, near })
  void wire.converse(() => session.run().finally(() => lease.close()))
  return wire
}
