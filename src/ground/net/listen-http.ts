import type { Server } from 'node:http'
import { type AddressInfo, createServer as createFront, type Socket } from 'node:net'
import { isCompiled } from '../runtime/compiled-program.ts'

/** An HTTP server that listens on a socket which was bound before. */
export interface HttpOnDescriptor {
  address(): AddressInfo | string | null
  /** Accepts no more connections, and drops those that it accepted itself. */
  close(): void
}

/** Has an HTTP server listen on a bound socket. Rejects with the error of listen(2). */
export async function listenHttpOn(server: Server, fd: number): Promise<HttpOnDescriptor> {
  // Bun's own HTTP server cannot take a bound socket. So a server of node:net hands it connections.
  const fronted = new Set<Socket>()
  const front = isCompiled
    ? createFront((socket) => {
        fronted.add(socket)
        socket.once('close', () => fronted.delete(socket))
        server.emit('connection', socket)
      })
    : server
  await new Promise<void>((resolve, reject) => {
    front.once('error', reject)
    front.listen({ fd }, () => {
      front.off('error', reject)
      resolve()
    })
  })
  return {
    address: () => front.address(),
    close() {
      front.close()
      for (const socket of fronted) socket.destroy()
    },
  }
}
