import type { Socket } from 'node:net'
import type { ClientAddress } from '../../../base/net/client-address.ts'
import { addressKey, type Network, parseIpAddress } from '../../../base/net/ip-address.ts'
import { longestIdle } from '../../../base/protocol/connection/idle.ts'
import type { Configuration } from '../../configuration/configuration.ts'
import type { RawReply } from '../../protocol/smtp/smtp-replies.ts'
import { ownReply } from '../../scan/replies/own-replies.ts'
import { type Connections, type Door, serve, tickFor } from '../../serving/serve.ts'
import { SmtpConnection, smtpTimeouts } from './client/smtp-connection.ts'
import { type SmtpOptions, type SmtpRoute, SmtpServices } from './next-server/smtp-services.ts'
import { SmtpSession } from './smtp-session.ts'

/** Returns the SMTP door, which serves sessions of mail servers. */
export function createSmtpDoor(first: Configuration, route: SmtpRoute, options: SmtpOptions): Door {
  const { maxClients, maxSockets, budget, timeouts = smtpTimeouts } = options
  const services = new SmtpServices(first, route, options)
  const { complain, uptime } = services
  const connections = new ClientConnections(maxClients, timeouts.makesRoomAfter, services)
  const door = serve<SmtpConnection>({
    configure(next) {
      services.configuration = next
    },
    every: tickFor(timeouts.silence),
    maxConnections: maxClients,
    maxSockets,
    log: complain,
    logCrowd: () => {}, // `connections` does
    makeRoom: () => true,
    memory: () => budget.used,
    accept({ socket, address }, clients, closed) {
      if (!mayConnect(address, route.from)) {
        complain(`${address} may not connect (--from)`)
        return turnAway(socket, ownReply.mayNotConnect)
      }
      if (!connections.makeRoom(clients, address)) {
        return turnAway(socket, ownReply.tooManyConnections)
      }
      const client = new SmtpConnection(socket, { uptime, closed, log: complain }, timeouts)
      client.serve(new SmtpSession(services, client, address))
      return client
    },
  })
  return {
    ...door,
    close(grace) {
      services.isStopping = true
      return door.close(grace)
    },
  }
}

type SmtpClient = readonly [SmtpConnection, Socket]

/** The connections of clients: `--max-clients` at once. */
class ClientConnections {
  readonly #max: number
  readonly #makesRoomAfter: number
  readonly #services: Pick<SmtpServices, 'complain' | 'uptime'>
  /** Whether there was no place for the last client that connected, which is logged once. */
  #isCrowded = false

  constructor(
    max: number,
    makesRoomAfter: number,
    services: Pick<SmtpServices, 'complain' | 'uptime'>,
  ) {
    this.#max = max
    this.#makesRoomAfter = makesRoomAfter
    this.#services = services
  }

  /**
   * Returns whether one more client may be accepted. If all places are used, it closes a client:
   *
   * 1. The one without progress for the longest time; a client within content only if there is no other.
   * 2. If all make progress, one client of another address than the new one's that has more than half of the
   *    connections.
   *
   * That is logged once, until a place is free again.
   */
  makeRoom(clients: Connections<SmtpConnection>, newcomer: ClientAddress): boolean {
    const served = [...clients].filter(([{ hasHungUp }]) => !hasHungUp)
    if (served.length < this.#max) {
      this.#isCrowded = false
      return true
    }
    const before = this.#services.uptime() - this.#makesRoomAfter
    const outside = served.filter(([{ isAmidContent }]) => !isAmidContent)
    const idle = longestIdle(outside, before) ?? longestIdle(served, before)
    const closable = idle ?? longestIdle(this.#largestCrowd(served, newcomer))
    if (!this.#isCrowded) {
      const who = closable ? 'one of them was closed' : 'another was deferred'
      this.#services.complain(`over ${this.#max} connections at once (--max-clients); ${who}`)
    }
    this.#isCrowded = true
    closable?.turnAway(idle ? ownReply.madeRoom : ownReply.tooManyOfAddress)
    return closable !== undefined
  }

  /** Returns the clients of the address that has more than half of the connections, unless it is this one. */
  #largestCrowd(clients: readonly SmtpClient[], newcomer: ClientAddress): readonly SmtpClient[] {
    const byAddress = new Map<string, SmtpClient[]>()
    for (const client of clients) {
      const address = addressKey(client[0].clientAddress)
      const crowd = byAddress.get(address)
      if (crowd === undefined) byAddress.set(address, [client])
      else crowd.push(client)
    }
    byAddress.delete(addressKey(newcomer))
    return [...byAddress.values()].find(({ length }) => length > this.#max / 2) ?? []
  }
}

/**
 * Sends a reply and closes the socket immediately, so that a refused client uses no socket, whatever it
 * sends. A client that waits for the greeting receives the reply.
 */
function turnAway(socket: Socket, { bytes }: RawReply): undefined {
  socket.on('error', () => socket.destroy())
  socket.end(bytes)
  socket.destroySoon()
}

/**
 * Returns whether a client may connect: over TCP if a network contains its address, and always by a unix
 * socket.
 */
export function mayConnect(client: ClientAddress, from: readonly Network[]): boolean {
  if (client === undefined) return true
  const address = parseIpAddress(client)
  return address !== undefined && from.some((network) => network.has(address))
}
