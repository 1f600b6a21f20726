import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { isIPv6 } from 'node:net'
import type { UdpBackend } from './backend.ts'

export interface UdpSockets {
  /**
   * Opens a connected socket for one question. Waits while too many sockets are open or too many
   * ports rest, and resolves to undefined if `isWanted` is false by then. Rejects with the error of
   * the system.
   */
  take(backend: UdpBackend, isWanted: () => boolean): Promise<Socket | undefined>
  /** Closes the socket. It calls no listener any more. */
  giveBack(socket: Socket, backend: UdpBackend): void
}

/** Most sockets that are open at once, including those that only wait for late answers. */
export const SOCKETS_MAX = 512
/**
 * Most ports that rest at once: fewer than the 28,232 that the system has for this (ip(7)). With a
 * rest of ten seconds, a service whose answers have no nonce is asked at most 1,638 questions a
 * second.
 */
export const PORTS_MAX = 16_384
export interface UdpLimits {
  /** Most sockets that are open at once. */
  readonly sockets: number
  /** Most ports that rest at once. */
  readonly ports: number
}

/** Milliseconds between two polls for a port that has rested. */
const POLL_EVERY = 100
/** How many resting ports in a row are passed over before a question is given up. */
const TRIES = 64

/**
 * Opens sockets on ports that the system chooses at random. If answers have no nonce, a port that
 * was used for a question rests for `rest` milliseconds, so that an answer which comes late or
 * twice is not taken for the answer to another question. `uptime` is milliseconds on a clock that
 * nobody sets.
 */
export function createUdpSockets(
  uptime: () => number,
  rest: number,
  most: UdpLimits = { sockets: SOCKETS_MAX, ports: PORTS_MAX },
): UdpSockets {
  const waiting: (() => void)[] = []
  const resting = new Map<number, number>()
  let open = 0

  function releaseSocket(): void {
    const next = waiting.shift()
    if (next) next()
    else open--
  }

  async function onFreshPort(
    backend: UdpBackend,
    isWanted: () => boolean,
  ): Promise<Socket | undefined> {
    const passedOver: Socket[] = [] // they stay open, so that the system chooses another port
    try {
      while (isWanted() && passedOver.length < TRIES) {
        const socket = await connectSocket(backend)
        if (backend.extended || !rests(socket.address().port)) return socket
        passedOver.push(socket)
      }
      return undefined
    } finally {
      for (const socket of passedOver) close(socket)
    }
  }

  function rests(port: number): boolean {
    return (resting.get(port) ?? 0) > uptime()
  }

  /** Forgets the ports that have rested, and waits while too many others rest. */
  async function portsRest(isWanted: () => boolean): Promise<void> {
    for (;;) {
      for (const [port, until] of resting) {
        if (until > uptime()) break
        resting.delete(port)
      }
      if (resting.size < most.ports || !isWanted()) return
      await new Promise((resolve) => setTimeout(resolve, POLL_EVERY))
    }
  }

  function startRest(port: number): void {
    resting.delete(port) // so that the port is inserted anew, in the order of the ends of rests
    resting.set(port, uptime() + rest)
  }

  return {
    async take(backend, isWanted) {
      if (open < most.sockets) open++
      else await new Promise<void>((resolve) => waiting.push(resolve))
      let socket: Socket | undefined
      try {
        if (!backend.extended) await portsRest(isWanted)
        socket = await onFreshPort(backend, isWanted)
        return socket
      } finally {
        if (socket === undefined) releaseSocket()
      }
    },
    giveBack(socket, backend) {
      if (!backend.extended) startRest(socket.address().port)
      close(socket)
      releaseSocket()
    },
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
