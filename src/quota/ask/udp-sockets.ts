import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { isIPv6 } from 'node:net'
import { Semaphore } from '../../ground/flow/semaphore.ts'
import type { UdpBackend } from './backend.ts'

/** Most sockets that are open at once, including those that only wait for late answers. */
export const SOCKETS_MAX = 512

/** How many resting ports in a row are passed over before a question is given up. */
const TRIES = 8

/**
 * Opens sockets on ports that the system chooses at random. If answers have no nonce, a port that
 * was used for a question rests for `rest` milliseconds, so that an answer which comes late or
 * twice is not taken for the answer to another question. `uptime` is milliseconds on a clock that
 * nobody sets.
 */
export class UdpSockets {
  readonly #uptime: () => number
  readonly #rest: number
  readonly #permits: Semaphore
  readonly #open = new Map<Socket, () => void>()
  /** When each port has rested, in the order of these times. */
  readonly #resting = new Map<number, number>()

  constructor(uptime: () => number, rest: number, most = SOCKETS_MAX) {
    this.#uptime = uptime
    this.#rest = rest
    this.#permits = new Semaphore(most)
  }

  /**
   * Opens a connected socket for one question. Waits while too many sockets are open, and resolves
   * to undefined if the signal comes before. Rejects with the error of the system, or if all ports
   * rest that the system offers.
   */
  async take(backend: UdpBackend, signal: AbortSignal): Promise<Socket | undefined> {
    const release = await this.#permits.acquire(signal)
    if (release === undefined) return undefined
    try {
      const socket = await this.#openOnRestedPort(backend)
      this.#open.set(socket, release)
      return socket
    } catch (error) {
      release()
      throw error
    }
  }

  /** Closes the socket. It calls no listener any more. */
  giveBack(socket: Socket, backend: UdpBackend): void {
    if (!backend.extended) this.#startRest(socket.address().port)
    close(socket)
    this.#open.get(socket)?.()
    this.#open.delete(socket)
  }

  async #openOnRestedPort(backend: UdpBackend): Promise<Socket> {
    const passedOver: Socket[] = [] // they stay open, so that the system chooses another port
    try {
      while (passedOver.length < TRIES) {
        const socket = await connectSocket(backend)
        if (backend.extended || !this.#rests(socket.address().port)) return socket
        passedOver.push(socket)
      }
      throw new Error('too many ports were used a moment ago')
    } finally {
      for (const socket of passedOver) close(socket)
    }
  }

  #rests(port: number): boolean {
    return (this.#resting.get(port) ?? 0) > this.#uptime()
  }

  #startRest(port: number): void {
    for (const [rested, until] of this.#resting) {
      if (until > this.#uptime()) break
      this.#resting.delete(rested)
    }
    this.#resting.set(port, this.#uptime() + this.#rest)
  }
}

async function connectSocket({ host, port }: UdpBackend): Promise<Socket> {
  const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4')
  try {
    socket.connect(port, host)
    await once(socket, 'connect')
    return socket
  } catch (error) {
    close(socket)
    throw error
  }
}

function close(socket: Socket): void {
  socket.removeAllListeners()
  socket.on('error', () => {}) // an error that was reported meanwhile
  socket.close()
}
