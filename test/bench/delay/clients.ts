import { once } from 'node:events'
import { createConnection, type Socket } from 'node:net'

/** Clients of a bench, each from an address of 127.0.0.0/8 of its own, as far as these go. */

const HOSTS = 200
const NETWORKS = 250

export function addressOf(number: number): string {
  return `127.${10 + Math.floor(number / (HOSTS * NETWORKS))}.${Math.floor(number / HOSTS) % NETWORKS}.${1 + (number % HOSTS)}`
}

/** Connections that are open and silent; rejects if one of them fails. */
export async function openSilent(port: number, count: number): Promise<Socket[]> {
  const sockets: Socket[] = []
  while (sockets.length < count) {
    const some = Array.from({ length: Math.min(100, count - sockets.length) }, (_, at) =>
      createConnection({ port, host: '127.0.0.1', localAddress: addressOf(sockets.length + at) }),
    )
    await Promise.all(some.map((socket) => once(socket, 'connect')))
    sockets.push(...some)
  }
  return sockets
}

/** Milliseconds from the connection to the first byte, which must be a greeting. */
export async function greetingTime(port: number, from: string): Promise<number> {
  const start = performance.now()
  const socket = createConnection({ port, host: '127.0.0.1', localAddress: from })
  const [bytes] = (await once(socket, 'data')) as [Buffer]
  const time = performance.now() - start
  if (!bytes.toString('latin1').startsWith('220')) throw new Error(`not greeted: ${bytes}`)
  const closed = new Promise((resolve) => socket.on('close', resolve))
  socket.on('error', () => {}) // the program may be gone before it hears that
  socket.end('QUIT\r\n')
  socket.resume()
  await closed
  return time
}
