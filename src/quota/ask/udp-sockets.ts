import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { isIPv6 } from 'node:net'
import { Semaphore } from '../../ground/flow/semaphore.ts'
import type { UdpBackend } from './backend.ts'

/** Most sockets that are open at once, including those that only wait for late answers. */
export const SOCKETS_MAX = 512

/** Opens sockets on ports that the system chooses at random. */
export class UdpSockets {
  readonly #permits: Semaphore
  readonly #open = new Map<Socket, () => void>()

  constructor(most = SOCKETS_MAX) {
    this.#permits = new Semaphore(most)
  }

  /**
   * Opens a connected socket for one question. Waits while too many sockets are open, and resolves
   * to undefined if the signal comes before. Rejects with the error of the system.
   */
  async take(backend: UdpBackend, signal: AbortSignal): Promise<Socket | undefined> {
    const release = await this.#permits.acquire(signal)
    if (release === undefined) return undefined
    try {
      const socket = await connectSocket(backend)
      this.#open.set(socket, release)
      return socket
    } catch (error) {
      release()
      throw error
    }
  }

  /** Closes the socket. It calls no listener any more. */
  giveBack(socket: Socket): void {
    close(socket)
    this.#open.get(socket)?.()
    this.#open.delete(socket)
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
