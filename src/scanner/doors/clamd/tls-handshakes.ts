import { constants } from 'node:crypto'
import type { Socket } from 'node:net'
import { createServer, type TLSSocket, type TlsOptions } from 'node:tls'
import { errorCode } from '../../../base/errors/fault.ts'
import { onceAMinute } from '../../../base/log/line-format.ts'
import { type TlsIdentity, whyClientIsRefused } from '../../protocol/clamd/tls-identity.ts'
import type { AcceptedClient } from '../../serving/serve.ts'

/**
 * Concurrent handshakes of one door in one process; fewer if the door has less than four times as
 * many sockets.
 */
const HANDSHAKES_MAX = 64
/** Lines about refusals in a minute, each about another address or for another reason. */
const LOGGED_MAX = 100

/** Without tickets each connection shows a certificate that is valid now. */
const OPTIONS: TlsOptions = {
  requestCert: true,
  rejectUnauthorized: true,
  secureOptions: constants.SSL_OP_NO_TICKET,
  allowHalfOpen: true,
  pauseOnConnect: true,
}

interface HandshakeLimits {
  /** Milliseconds for a handshake. */
  readonly within: number
  /** The sockets of the door. */
  readonly maxSockets: number | undefined
}

/**
 * The handshakes of a door that serves its clients over TLS. A client whose certificate was signed by
 * an authority of this host becomes a connection of the door. Any other is disconnected. At the limit, a
 * new handshake replaces the oldest one of the address with the most handshakes.
 */
export class Handshakes {
  readonly #within: number
  readonly #atOnce: number
  readonly #log: (line: string) => void
  /** The addresses of the clients, in the order in which the handshakes began. */
  readonly #underWay = new Map<Socket, string>()
  #identity: TlsIdentity

  constructor(
    identity: TlsIdentity,
    { within, maxSockets = Number.POSITIVE_INFINITY }: HandshakeLimits,
    log: (line: string) => void,
  ) {
    this.#within = within
    this.#atOnce = Math.min(HANDSHAKES_MAX, Math.ceil(maxSockets / 4))
    this.#log = onceAMinute(log, LOGGED_MAX)
    this.#identity = identity
  }

  /** Sets the identity for handshakes that begin from now on. */
  configure(identity: TlsIdentity): void {
    this.#identity = identity
  }

  /** Begins a handshake. `secured` gets the encrypted socket, paused, if it succeeds. */
  begin({ socket, address = '' }: AcceptedClient, secured: (encrypted: Socket) => void): void {
    socket.on('error', () => socket.destroy())
    if (this.#underWay.size >= this.#atOnce) this.#makeRoom()
    const late = setTimeout(() => socket.destroy(), this.#within).unref()
    const end = () => {
      clearTimeout(late)
      this.#underWay.delete(socket)
    }
    socket.once('close', end)
    this.#underWay.set(socket, address)
    // A server of its own, which listens nowhere: so it is known which socket an encrypted one belongs to.
    const server = createServer({ ...OPTIONS, ...this.#identity })
    server.on('secureConnection', (encrypted) => {
      const isInTime = this.#underWay.has(socket)
      end()
      if (encrypted.authorized && isInTime) secured(encrypted)
      else encrypted.destroy()
    })
    server.on('tlsClientError', (error, encrypted) => this.#logRefusal(error, encrypted, address))
    server.emit('connection', socket)
  }

  /**
   * Ends the oldest handshake of an address with the most. (longestIdle() would let one address end those of all others: a
   * handshake is never silent for long.)
   */
  #makeRoom(): void {
    const counts = new Map<string, number>()
    for (const address of this.#underWay.values()) {
      counts.set(address, (counts.get(address) ?? 0) + 1)
    }
    const most = Math.max(...counts.values())
    for (const [socket, address] of this.#underWay) {
      if (counts.get(address) !== most) continue
      this.#underWay.delete(socket)
      socket.destroy()
      return
    }
  }

  #logRefusal(error: Error, encrypted: TLSSocket, address: string): void {
    // Node reports why a certificate was refused only here; Bun also in the error.
    const code = (encrypted.authorizationError as unknown as string) || errorCode(error)
    const reason = whyClientIsRefused(code)
    if (reason !== undefined) this.#log(`refused ${address}: ${reason}`)
  }
}
