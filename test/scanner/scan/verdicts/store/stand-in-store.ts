import { createServer, type Socket } from 'node:net'
import type { Test } from 'tap'
import { listen } from '../../../../programs/host/listen.ts'

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
    connection.on('data', (chunk) => {
      for (const command of chunk.toString('latin1').split(/(?=\*\d+\r\n)/)) {
        connection.write(answer(command, connection))
      }
    })
  })
  return { port: await listen(t, server), connections }
}
