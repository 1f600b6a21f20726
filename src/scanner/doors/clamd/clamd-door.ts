import type { Socket } from 'node:net'
import { isLoopbackHost } from '../../../base/net/server-address.ts'
import { peerOf } from '../../../base/process/descriptors.ts'
import { IDLE_AFTER, longestSilent } from '../../../base/protocol/connection/idle.ts'
import { loadSystem, type Peer } from '../../../base/runtime/system.ts'
import { type Configuration, requireIdentity } from '../../configuration/configuration.ts'
import { peerFields } from '../../log/message-lines.ts'
import {
  type AcceptedClient,
  type Connections,
  type Door,
  maxConnectionsFor,
  serve,
  tickFor,
} from '../../serving/serve.ts'
import { Wire } from '../../serving/wire.ts'
import { type ClamdOptions, ClamdServices } from './clamd-services.ts'
import { ClamdConversation, ClamdRequests } from './clamd-session.ts'
import { DescriptorStream } from './descriptor-stream.ts'
import { Handshakes } from './tls-handshakes.ts'

/** Milliseconds for a refused client to accept its answer. */
const TURNED_AWAY_FOR = 100

/**
 * Returns the door for programs that use clamd's protocol (clamd(8)), with TLS if `isSecure`. Throws a
 * Fault of kind `config` if there is no certificate for TLS.
 */
export function createClamdDoor(first: Configuration, options: ClamdOptions): Door {
  const { maxSockets, budget, makesRoomAfter = IDLE_AFTER } = options
  const { maxConnections = maxConnectionsFor(maxSockets) } = options
  const services = new ClamdServices(first, options)
  /** The user or address of each client. */
  const clients = new WeakMap<Wire, string>()
  const connectionLimit = new ConnectionLimit(Math.ceil(maxConnections / 2), services.complain)
  const makeRoom = (connections: Connections<Wire>) => {
    const oldest = longestSilent(connections, services.uptime() - makesRoomAfter)
    oldest?.dismiss(TOO_MANY)
    return oldest !== undefined
  }
  const handshakes = options.isSecure
    ? new Handshakes(
        requireIdentity(first),
        { within: services.timeouts.handshake, maxSockets },
        services.complain,
      )
    : undefined
  return serve<Wire>({
    configure(next) {
      handshakes?.configure(requireIdentity(next))
      services.configure(next)
    },
    every: tickFor(services.timeouts.firstCommand),
    maxConnections,
    maxSockets,
    log: (reason) => services.complain(reason),
    memory: () => budget.used,
    startsPaused: true,
    ...(handshakes && { secure: (client, secured) => handshakes.begin(client, secured) }),
    makeRoom,
    accept(client, connections, closed) {
      const peer = peerOf(client.socket)
      const name = peer ? `user ${peer.uid}` : (client.address ?? 'a socket')
      const wire = serveClient(client, peer, name, services, closed)
      clients.set(wire, name)
      const isOwn = ([other]: readonly [Wire, Socket]) =>
        clients.get(other) === name && !other.hasHungUp
      const own = new Map(
        connections.size < connectionLimit.limit ? [] : [...connections].filter(isOwn),
      )
      if (!connectionLimit.mayCome(name, own.size, () => makeRoom(own))) {
        wire.dismiss(TOO_MANY)
        setTimeout(() => wire.drop(), TURNED_AWAY_FOR).unref()
      }
      return wire
    },
  })
}

/** Limits the connections of one client, so that some are left for others. */
class ConnectionLimit {
  readonly limit: number
  readonly #log: (line: string) => void
  /** Clients that were refused one more connection, which is logged once. */
  readonly #crowded = new Set<string>()

  constructor(limit: number, log: (line: string) => void) {
    this.limit = limit
    this.#log = log
  }

  /** Returns whether a client with `count` connections may open one more, or a place is freed for it. */
  mayCome(client: string, count: number, makeRoom: () => boolean): boolean {
    if (count < this.limit) {
      this.#crowded.delete(client)
      return true
    }
    const hasRoom = makeRoom()
    if (!this.#crowded.has(client)) {
      const what = hasRoom ? 'an idle one was closed' : 'another was refused'
      this.#log(`over ${this.limit} connections of ${client}; ${what}`)
    }
    this.#crowded.add(client)
    return hasRoom
  }
}

function serveClient(
  client: AcceptedClient,
  peer: Peer | undefined,
  memoryOwner: string,
  services: ClamdServices,
  closed: () => void,
): Wire {
  const { timeouts, uptime, maxSize } = services
  const { socket, address: remote } = client
  const system = loadSystem()
  const stream =
    system &&
    peer &&
    new DescriptorStream(socket, system, peer.uid, () => wire.isAwaited || wire.hasHungUp)
  const lease = services.openLease(memoryOwner)
  const requests = new ClamdRequests(maxSize, lease)
  const wire: Wire = new Wire(stream ?? socket, requests, {
    leaving: timeouts.leaving,
    uptime,
    closed,
    log: services.complain,
    farewell: (reason) => session.lastWords(reason),
    // Some clients close their side as soon as they have sent everything. A client that closes it later has
    // given up.
    waitsOn: () => (wire.endedAt ?? 0) - wire.receivedAt < timeouts.halfClosing,
  })
  const isOnOtherHost = services.isSecure || !isOfThisHost(client)
  const near = stream && peer && { uid: peer.uid, takeDescriptors: () => stream.takeDescriptors() }
  const session = new ClamdConversation(wire, requests, services, {
    memoryOwner,
    remote,
    isOnOtherHost,
    fields: peerFields(peer),
    near,
  })
  void wire.converse(() => session.run().finally(() => lease.close()))
  ;(stream ?? socket).resume()
  return wire
}

/** Returns whether a client is a program of this host: on a unix socket, or at one of its addresses. */
function isOfThisHost({ address, socket }: AcceptedClient): boolean {
  return address === undefined || address === socket.localAddress || isLoopbackHost(address)
}

const TOO_MANY = 'too many connections'
