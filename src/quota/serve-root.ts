import { createServer, type Server, type Socket } from 'node:net'
import type { CheckLine } from '../base/check/check-line.ts'
import { errorText } from '../base/errors/fault.ts'
import { untilListening } from '../base/net/endpoint.ts'
import { log } from './quotad-log.ts'

/** Maximum number of connections: root uses one. */
const CLIENTS_MAX = 4

/**
 * Reports the check lines to each client of this socket, a CheckLine in JSON on each line, and hangs up. Nothing that
 * a client sends is read. systemd has made the socket for root alone: onescan-quotad-check.socket.
 */
export async function serveRoot(
  fd: number,
  find: () => Promise<readonly CheckLine[]>,
): Promise<Server> {
  const trouble = (error: unknown) =>
    log(['event', 'trouble'], ['what', 'the socket for root'], ['reason', errorText(error)])
  const answer = async (socket: Socket) => {
    const checkLines = await find()
    socket.end(checkLines.map((checkLine) => `${JSON.stringify(checkLine)}\n`).join(''))
  }
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy())
    answer(socket).catch((error) => {
      trouble(error)
      socket.destroy()
    })
  })
  server.maxConnections = CLIENTS_MAX
  await untilListening(server, (onListening) => server.listen({ fd }, onListening))
  server.on('error', trouble)
  return server
}
