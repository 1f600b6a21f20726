import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { isIPv6 } from 'node:net'
import type { UdpBackend } from './backend.ts'

export interface UdpSockets {
  /**
   * A connected socket for one question. Waits if too many sockets are open, or too many ports
   * rest; undefined if it is not wanted any more by then. Rejects with the error of the system.
   */
  take(backend: UdpBackend, isWanted: () => boolean): Promise<Socket | undefined>
  /** Closes it. Nothing is heard of it from now on. */
  giveBack(socket: Socket, backend: UdpBackend): void
}

/** Most sockets at once, including those that only wait for late answers. */
export const SOCKETS_MAX = 512
/**
 * Ports that rest at once: fewer than the system has for this (28,232, ip(7)). So a service
 * whose answers bear no mark is asked at most 1,638 questions a second for long.
 */
export const PORTS_MAX = 16_384
/** Milliseconds between looks for a port that has rested. */
const LOOK_EVERY = 100
/** How many ports in a row are passed over since they must not be used yet. */
const TRIES = 64

/**
 * Sockets on ports that the system chooses at random. If answers bear no mark, a port that served a
 * question serves no other for `rest` milliseconds: then an answer that comes late, or twice,
 * belongs to no question. `now` in milliseconds, on a clock that never goes back.
 */
export function createUdpSockets(
  now: () => number,
  rest: number,
  portsMax = PORTS_MAX,
): UdpSockets {
  const waiting: (() => void)[] = []
  const resting = new Map<number, number>()
  let open = 0

  function leave(): void {
    const next = waiting.shift()
    if (next) next()
    else open--
  }

  async function onFreshPort(
    backend: UdpBackend,
    isWanted: () => boolean,
  ): Promise<Socket | undefined> {
    const passedOver: Socket[] = [] // open meanwhile, so that the system gives another port
    try {
      while (isWanted() && passedOver.length < TRIES) {
        const socket = await connected(backend)
        if (backend.extended || !rests(socket.address().port)) return socket
        passedOver.push(socket)
      }
      return undefined
    } finally {
      for (const socket of passedOver) close(socket)
    }
  }

  function rests(port: number): boolean {
    return (resting.get(port) ?? 0) > now()
  }

  /** Forgets the ports that have rested, and waits if too many have not. */
  async function portsRest(isWanted: () => boolean): Promise<void> {
    for (;;) {
      for (const [port, until] of resting) {
        if (until > now()) break
        resting.delete(port)
      }
      if (resting.size < portsMax || !isWanted()) return
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY))
    }
  }

  function layToRest(port: number): void {
    resting.delete(port) // so that they stand in the order of their ends
    resting.set(port, now() + rest)
  }

  return {
    async take(backend, isWanted) {
      if (open < SOCKETS_MAX) open++
      else await new Promise<void>((resolve) => waiting.push(resolve))
      let socket: Socket | undefined
      try {
        if (!backend.extended) await portsRest(isWanted)
        socket = await onFreshPort(backend, isWanted)
        return socket
      } finally {
        if (socket === undefined) leave()
      }
    },
    giveBack(socket, backend) {
      if (!backend.extended) layToRest(socket.address().port)
      close(socket)
      leave()
    },
  }
}

async function connected({ host, port }: UdpBackend): Promise<Socket> {
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
  socket.on('error', () => {}) // one that was on its way
  socket.close()
}
