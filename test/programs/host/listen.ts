import { once } from 'node:events'
import type { AddressInfo, Server, Socket } from 'node:net'
import type { Ending } from './server.ts'

/**
 * Has a server listen at a port of its own, or at the path of a socket, until the test ends; then its
 * connections are closed, too. An error of a connection is nobody's. Resolves to the port.
 */
export async function listen(t: Ending, server: Server, path?: string): Promise<number> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket.on('error', () => {}))
    socket.on('close', () => sockets.delete(socket))
  })
  if (path === undefined) server.listen(0, '127.0.0.1')
  else server.listen(path)
  await once(server, 'listening')
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return path === undefined ? (server.address() as AddressInfo).port : 0
}
