import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { socketPath } from './stand-in.ts'

/** For CLAMDBDIR: signatures that changed before any test began. */
export const DATABASE: string = join(import.meta.dirname, 'database')

/** One command to a stand-in that knows IDSESSION. */
export interface Asked {
  readonly connection: Socket
  /** The number of the connection, from 1 on. */
  readonly connectionNumber: number
  /** The number of the command on its connection, from 1 on. */
  readonly number: number
  readonly inSession: boolean
  /** `zPING`, `zSCAN /path`, `zINSTREAM`, `zFILDES`. */
  readonly command: string
  /** The bytes of an INSTREAM. */
  readonly message: Buffer
}

export interface SessionStandIn {
  /** The address, for CLAMD. */
  readonly socket: string
  readonly connections: readonly Socket[]
  /** All commands but PING and VERSION, in the order of their coming. */
  readonly asked: readonly Asked[]
  /** Has the stand-in die: all connections break, and nobody listens any more. */
  die(): void
  /** Has the stand-in listen again. */
  revive(): void
}

/**
 * A server in clamd's place that takes session after session. PING is answered as clamd
 * does, unless `pings` is false, and VERSION with `version`; `answer` is called for every
 * other command. It takes descriptors if `descriptors` is set: what comes by them it cannot see.
 */
export async function sessionStandIn(
  t: { teardown(stop: () => unknown): void },
  answer: (asked: Asked) => void,
  { pings = true, version = (): string => 'UNKNOWN COMMAND', descriptors = false } = {},
): Promise<SessionStandIn> {
  const socket = socketPath(t)
  const connections: Socket[] = []
  const asked: Asked[] = []
  const server = createServer((connection) => {
    const connectionNumber = connections.push(connection)
    let number = 0
    let inSession = false
    let pending = Buffer.alloc(0)
    connection.on('error', () => {})
    connection.on('data', (chunk: Buffer) => {
      pending = Buffer.concat([pending, chunk])
      for (let next = takeCommand(pending); next; next = takeCommand(pending)) {
        pending = pending.subarray(next.length)
        if (next.command === 'zIDSESSION') {
          inSession = true
          continue
        }
        number++
        if (next.command === 'zFILDES' && !descriptors) connection.write('UNKNOWN COMMAND\0')
        else if (next.command === 'zVERSION') {
          connection.write(`${inSession ? `${number}: ` : ''}${version()}\0`)
        } else if (next.command === 'zPING' && pings) connection.write(`${number}: PONG\0`)
        else {
          const question = { connection, connectionNumber, number, inSession, ...next }
          if (next.command !== 'zPING') asked.push(question)
          answer(question)
        }
      }
    })
  })
  server.listen(socket)
  await once(server, 'listening')
  const die = () => {
    for (const connection of connections) connection.destroy()
    server.close()
  }
  t.teardown(die)
  return { socket, connections, asked, die, revive: () => void server.listen(socket) }
}

/** Makes an answer of such a stand-in: in a session it bears the command's number. */
export function numbered(reply: string): (asked: Asked) => void {
  return ({ connection, number, inSession }) => {
    connection.write(`${inSession ? `${number}: ` : ''}${reply}\0`)
  }
}

/** The first command with all that belongs to it, and how many bytes that is. */
function takeCommand(bytes: Buffer) {
  const end = bytes.indexOf(0)
  if (end < 0) return undefined
  const command = bytes.toString('latin1', 0, end)
  // The byte that brings the descriptor follows; nobody takes the descriptor here.
  if (command === 'zFILDES') {
    const length = end + 2
    return bytes.length < length ? undefined : { command, message: Buffer.alloc(0), length }
  }
  if (command !== 'zINSTREAM') return { command, message: Buffer.alloc(0), length: end + 1 }
  const parts: Buffer[] = []
  for (let at = end + 1; at + 4 <= bytes.length; ) {
    const length = bytes.readUInt32BE(at)
    at += 4
    if (length === 0) return { command, message: Buffer.concat(parts), length: at }
    parts.push(bytes.subarray(at, at + length))
    at += length
  }
  return undefined
}
