import { createServer, type Server, type Socket } from 'node:net'
import { errorText } from '../lib/errors/fault.ts'
import type { Finding } from '../lib/errors/finding.ts'
import { untilListening } from '../lib/net/endpoint.ts'
import { log } from './quotad-log.ts'

/** Maximum number of connections: root uses one. */
const CLIENTS_MAX = 4

/**
 * Reports the findings to each client of this socket, a Finding in JSON a line, and hangs up. Nothing that
 * a client sends is read. systemd has made the socket for root alone: onescan-quotad-check.socket.
 */
export async function serveRoot(
  fd: number,
  find: () => Promise<readonly Finding[]>,
): Promise<Server> {
  const trouble = (error: unknown) =>
    log(['event', 'trouble'], ['what', 'the socket for root'], ['reason', errorText(error)])
  const answer = async (socket: Socket) => {
    const findings = await find()
    socket.end(findings.map((finding) => `${JSON.stringify(finding)}\n`).join(''))
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
