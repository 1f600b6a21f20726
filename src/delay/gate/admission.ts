import { addressText } from '../../ground/net/ip-address.ts'
import type { AcceptedConnection } from '../../ground/net/tcp-listeners.ts'
import type { TcpSockets } from '../../ground/net/tcp-sockets.ts'
import { closingLine } from '../shared/conversation.ts'
import type { GateOptions } from '../shared/gate-options.ts'
import { clientKey } from './client-key.ts'
import type { GateLog } from './gate-log.ts'
import type { Reception } from './reception.ts'
import { Visit } from './visit.ts'
import type { WaitingRoom } from './waiting-room.ts'

/** Lets clients into the waiting room, and sends them away. */
export interface Admission {
  /** Puts a new client into the waiting room. Returns undefined if it had to be sent away. */
  admit(peer: AcceptedConnection, reception: Reception): Visit | undefined
  /** Sends a client 421 and closes its connection, and logs that. */
  sendAway(visit: Visit, why: string): undefined
  /** Closes the connection of a client that was admitted, and counts it no more. */
  end(visit: Visit, reception: Reception): void
}

export interface AdmissionOptions {
  readonly gate: GateOptions
  readonly sockets: TcpSockets
  readonly room: WaitingRoom
  readonly log: GateLog
  /** Milliseconds on a clock that nobody sets. */
  readonly uptime: () => number
}

export function createAdmission(options: AdmissionOptions): Admission {
  const { gate, sockets, room, log, uptime } = options
  /** How many connections each client has. */
  const connections = new Map<string, number>()

  function sendAway(visit: Visit, why: string): undefined {
    if (visit.isClosed) return
    log.refused(visit, 421, why)
    sockets.send(visit.fd, Buffer.from(closingLine(why), 'latin1'))
    sockets.endSending(visit.fd)
    room.leave(visit)
    visit.close()
  }

  return {
    admit(peer, reception) {
      const names = { ip: addressText(peer.address), client: clientKey(peer.address) }
      const visit = new Visit(reception.newId(), peer, names, sockets, uptime)
      const others = connections.get(visit.client) ?? 0
      if (others >= gate.perClient) return sendAway(visit, 'too many connections from your address')
      if (room.isFull) {
        const worst = gate.whenFull === 'displace' ? room.worst() : undefined
        if (worst === undefined) return sendAway(visit, 'too many clients are waiting; come again')
        sendAway(worst, 'too many clients are waiting; come again')
      }
      if (!visit.watchFromNowOn()) return sendAway(visit, 'no resources; come again')
      connections.set(visit.client, others + 1)
      room.enter(visit)
      reception.tellOf(visit.id, (event) => visit.heard(event))
      reception.pollSoon()
      return visit
    },
    sendAway,
    end(visit, reception) {
      reception.forget(visit.id)
      room.leave(visit)
      visit.close()
      const others = (connections.get(visit.client) ?? 1) - 1
      if (others > 0) connections.set(visit.client, others)
      else connections.delete(visit.client)
    },
  }
}
