import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { EICAR } from '../../../../../src/scanner/scan/scanners/eicar/eicar.ts'
import type { Ending } from '../../../../programs/host/server.ts'
import { socketDirectory } from '../../../../programs/host/socket-directory.ts'

/** For CLAMDBDIR: signatures that changed before any test began. */
export const DATABASE: string = join(import.meta.dirname, 'database')

/** A new path for a socket. */
export const socketPath = (t: Ending): string => join(socketDirectory(t), 's')

/** One command to a stand-in, which knows IDSESSION. */
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

export interface StandIn {
  /** The address, for CLAMD. */
  readonly socket: string
  readonly connections: readonly Socket[]
  /** All commands but PING, VERSION and the test virus alone, in the order of their coming. */
  readonly asked: readonly Asked[]
  /** Has the stand-in die: all connections break, and nothing listens any more. */
  die(): void
  /** Has the stand-in listen again. */
  revive(): void
}

/**
 * A server in clamd's place, for what a real one does only on bad days. PING is answered as clamd does,
 * unless `pings` is false, and VERSION with `version`; `answer` is called for every other command, once it
 * is whole, or `early` accepts the bytes that have come of it. It takes descriptors if `descriptors` is
 * set: what comes by them it cannot see. It finds the test virus, as every scanner must, unless `findsEicar` is false.
 * `place` is a path, or a socket that listens already.
 */
export async function standIn(
  t: Ending,
  answer: (asked: Asked) => void,
  {
    pings = true,
    version = (): string => 'UNKNOWN COMMAND',
    descriptors = false,
    early = (_: Buffer): boolean => false,
    findsEicar = true,
    place = socketPath(t) as string | { readonly fd: number },
  } = {},
): Promise<StandIn> {
  const socket = typeof place === 'string' ? place : ''
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
      for (let next = takeCommand(pending, early); next; next = takeCommand(pending, early)) {
        pending = pending.subarray(next.length)
        if (!next.isWhole) connection.removeAllListeners('data') // the rest of it is not a command
        if (next.command === 'zIDSESSION') {
          inSession = true
          continue
        }
        number++
        if (next.command === 'zFILDES' && !descriptors) connection.write('UNKNOWN COMMAND\0')
        else if (next.command === 'zVERSION') {
          connection.write(`${inSession ? `${number}: ` : ''}${version()}\0`)
        } else if (next.command === 'zPING' && pings) connection.write(`${number}: PONG\0`)
        else if (findsEicar && next.message.equals(TEST_VIRUS)) {
          numbered('stream: EICAR-Test FOUND')({ connection, number, inSession })
        } else {
          const question = { connection, connectionNumber, number, inSession, ...next }
          if (next.command !== 'zPING') asked.push(question)
          answer(question)
        }
      }
    })
  })
  server.listen(place)
  await once(server, 'listening')
  const die = () => {
    for (const connection of connections) connection.destroy()
    server.close()
  }
  t.teardown(die)
  return { socket, connections, asked, die, revive: () => void server.listen(socket) }
}

const TEST_VIRUS = Buffer.from(EICAR)

/** Makes an answer of a stand-in: in a session it bears the command's number. */
export function numbered(
  reply: string,
): (asked: Pick<Asked, 'connection' | 'number' | 'inSession'>) => void {
  return ({ connection, number, inSession }) => {
    connection.write(`${inSession ? `${number}: ` : ''}${reply}\0`)
  }
}

/** Makes an answer that ends the connection, with these words behind its number. */
export function replyingWith(reply: string): (asked: Asked) => void {
  return ({ connection, number }) => {
    connection.end(`${number}: ${reply}`)
    connection.removeAllListeners('data').on('data', () => connection.destroy())
  }
}

/** The first command with all that belongs to it, or as much of it as is enough, and how many bytes that is. */
function takeCommand(bytes: Buffer, early: (bytes: Buffer) => boolean) {
  const end = bytes.indexOf(0)
  if (end < 0) return undefined
  const command = bytes.toString('latin1', 0, end)
  const message = Buffer.alloc(0)
  // The byte that brings the descriptor follows; nobody takes the descriptor here.
  if (command === 'zFILDES') {
    const length = end + 2
    return bytes.length < length ? undefined : { command, message, length, isWhole: true }
  }
  if (command !== 'zINSTREAM') return { command, message, length: end + 1, isWhole: true }
  const parts: Buffer[] = []
  for (let at = end + 1; at + 4 <= bytes.length; ) {
    const length = bytes.readUInt32BE(at)
    at += 4
    if (length === 0) return { command, message: Buffer.concat(parts), length: at, isWhole: true }
    parts.push(bytes.subarray(at, at + length))
    at += length
  }
  return early(bytes) ? { command, message, length: bytes.length, isWhole: false } : undefined
}

/** Flags that a server in a thread of its own and its client share. */
const CLOSED = 0
const CONNECTED = 1

/**
 * A server in a thread of its own that sends `reply` and closes as soon as it is
 * connected, having read nothing. `waitForClose` stops the calling thread until that is
 * done, so that its next write hits a closed connection and the reply was not seen yet.
 */
export async function closesAtOnce(t: Ending, reply: string, place: 'unix' | 'tcp') {
  const flags = new Int32Array(new SharedArrayBuffer(8))
  const path = socketPath(t)
  const where = place === 'unix' ? { path } : { port: 0, host: '127.0.0.1' }
  const worker = new Worker(
    `const { parentPort, workerData: { flags, reply, where } } = require('node:worker_threads')
    const server = require('node:net').createServer({ pauseOnConnect: true }, (connection) => {
      connection.on('error', () => {})
      connection.on('readable', () => {})
      Atomics.wait(flags, ${CONNECTED}, 0, 10_000)
      connection.write(reply, () => {
        if (where.path) connection.destroy()
        else connection.resetAndDestroy()
        Atomics.store(flags, ${CLOSED}, 1)
        Atomics.notify(flags, ${CLOSED})
      })
    })
    server.listen(where, () => parentPort.postMessage(server.address().port))`,
    {
      eval: true,
      workerData: { flags, reply, where },
    },
  )
  t.teardown(() => worker.terminate())
  const [port] = await once(worker, 'message')
  return {
    address: port === undefined ? path : `127.0.0.1:${port}`,
    /** Called by the client when it is connected. */
    waitForClose() {
      Atomics.store(flags, CONNECTED, 1)
      Atomics.notify(flags, CONNECTED)
      Atomics.wait(flags, CLOSED, 0, 10_000)
    },
  }
}
