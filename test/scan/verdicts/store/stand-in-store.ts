import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import type { Test } from 'tap'

export interface StandIn {
  readonly port: number
  readonly connections: readonly Socket[]
}

/** Starts a stand-in for a server; `answer` returns its reply to a command; '' if it sends none. */
export async function standIn(
  t: Test,
  answer: (command: string, connection: Socket) => string,
): Promise<StandIn> {
  const connections: Socket[] = []
  const server = createServer((connection) => {
    connections.push(connection)
    connection.on('error', () => {})
    connection.on('data', (chunk) => {
      for (const command of chunk.toString('latin1').split(/(?=\*\d+\r\n)/)) {
        connection.write(answer(command, connection))
      }
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    for (const connection of connections) connection.destroy()
    server.close()
  })
  return { port: (server.address() as { port: number }).port, connections }
}
