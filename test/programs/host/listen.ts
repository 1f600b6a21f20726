import { once } from 'node:events'
import type { AddressInfo, Server, Socket } from 'node:net'
import type { Ending } from './server.ts'

/**
 * Has a server listen at a port of its own, or at the path of a socket, until the test ends; then its
 * connections are closed, too. Errors of connections are ignored: a client may leave before its answer, and without
 * a listener that would fail the test that runs then. Resolves to the port, or to 0. By default the host is 127.0.0.1,
 * and the port a free one.
 */
export async function listen(
  t: Ending,
  server: Server,
  at: string | { readonly host?: string; readonly port?: number } = {},
): Promise<number> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket.on('error', () => {}))
    socket.on('close', () => sockets.delete(socket))
  })
  if (typeof at === 'string') server.listen(at)
  else server.listen(at.port ?? 0, at.host ?? '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return typeof at === 'string' ? 0 : (server.address() as AddressInfo).port
}
