import { createServer, type Server } from 'node:net'
import type { Finding } from '../lib/errors/finding.ts'

/** Connections at once: root asks by one. */
const CLIENTS_MAX = 4

/**
 * Tells whoever connects to this socket what is found, a Finding in JSON a line, and hangs up. Nothing that
 * a client sends is read. systemd has made the socket for root alone: onescan-quotad-check.socket.
 */
export async function tellRoot(
  fd: number,
  find: () => Promise<readonly Finding[]>,
): Promise<Server> {
  const server = createServer(async (socket) => {
    socket.on('error', () => socket.destroy())
    const findings = await find()
    socket.end(findings.map((finding) => `${JSON.stringify(finding)}\n`).join(''))
  })
  server.maxConnections = CLIENTS_MAX
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen({ fd }, resolve)
  })
  return server
}
