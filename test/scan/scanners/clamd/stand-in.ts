import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { socketDirectory } from '../../../programs/socket-directory.ts'

/** What a stand-in needs of tap's test object. */
interface Test {
  teardown(stop: () => unknown): void
}

export interface StandIn {
  /** The address, for CLAMD. */
  readonly socket: string
  /** The bytes that each connection has sent so far, in the order in which connections came. */
  readonly received: readonly Buffer[]
  readonly connections: readonly Socket[]
}

const GREETING = Buffer.from('zIDSESSION\0')
const VERSION = Buffer.from('zVERSION\0')
const TRIAL = Buffer.from('zFILDES\0\0')
const PING = Buffer.from('zPING\0')

/** A new path for a socket. */
export const socketPath = (t: Test): string => join(socketDirectory(t), 's')

/**
 * A server in clamd's place, for what a real one does only on bad days. `answer` is
 * called once the client has sent `until`: the end of an INSTREAM, if nothing else.
 *
 * It answers one command on each connection: what `answer` writes first bears the number of that, and
 * whoever sends a second one finds the connection closed. It knows no version and takes no
 * descriptors, and whoever tries is told so and not shown; nor is a PING, which it answers. session-stand-in.ts has one for many commands.
 */
export async function standIn(
  t: Test,
  answer: (connection: Socket, received: Buffer) => void,
  until: (received: Buffer) => boolean = isWhole,
): Promise<StandIn> {
  const socket = socketPath(t)
  const received: Buffer[] = []
  const connections: Socket[] = []
  const all = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true }, (connection) => {
    all.add(connection)
    let index = -1
    const show = (first: Buffer) => {
      index = connections.push(connection) - 1
      received.push(first)
    }
    let answered = false
    connection.on('error', () => {})
    connection.on('end', () => index < 0 && show(Buffer.alloc(0)))
    numberFirst(connection)
    connection.on('data', (chunk: Buffer) => {
      if (answered) {
        connection.destroy()
        return
      }
      const isGreeted = index < 0 && chunk.subarray(0, GREETING.length).equals(GREETING)
      const bytes = isGreeted ? chunk.subarray(GREETING.length) : chunk
      if (index < 0 && (bytes.equals(VERSION) || bytes.equals(TRIAL))) {
        connection.removeAllListeners('end').end('UNKNOWN COMMAND\0')
        return
      }
      if (index < 0 && bytes.equals(PING)) {
        connection.removeAllListeners('end').write('PONG\0')
        return
      }
      if (index < 0) show(bytes)
      else received[index] = Buffer.concat([received[index]!, bytes])
      if (!until(received[index]!)) return
      answered = true
      answer(connection, received[index]!)
    })
  })
  server.listen(socket)
  await once(server, 'listening')
  t.teardown(() => {
    for (const connection of all) connection.destroy()
    server.close()
  })
  return { socket, received, connections }
}

/** Puts the number of the first command before what is written first. */
function numberFirst(connection: Socket): void {
  const write = connection.write.bind(connection) as (data: Buffer, done?: () => void) => boolean
  let isFirst = true
  const numbered = (data: string | Buffer) => {
    const bytes = Buffer.concat([Buffer.from(isFirst ? '1: ' : ''), Buffer.from(data)])
    isFirst = false
    return bytes
  }
  const end = connection.end.bind(connection) as (data?: Buffer) => Socket
  connection.write = (data: string | Buffer, done?: unknown) =>
    write(numbered(data), done as () => void)
  connection.end = (data?: unknown) =>
    data === undefined ? end() : end(numbered(data as string | Buffer))
}

/** Makes an answer of a stand-in: these words, then the end of the connection. */
export function says(reply: string): (connection: Socket) => void {
  return (connection) => void connection.end(reply)
}

/** The closing zero of an INSTREAM, or the NUL of another command. */
function isWhole(received: Buffer): boolean {
  const command = received.indexOf(0)
  if (command < 0 || !received.toString('latin1', 0, command).startsWith('zINSTREAM')) {
    return command >= 0
  }
  let at = command + 1
  while (at + 4 <= received.length) {
    const length = received.readUInt32BE(at)
    at += 4 + length
    if (length === 0) return true
  }
  return false
}

/** Flags that a server in a thread of its own and its client share. */
const CLOSED = 0
const CONNECTED = 1

/**
 * A server in a thread of its own that sends `reply` and closes as soon as it is
 * connected, having read nothing. `waitForClose` stops the calling thread until that is
 * done, so that its next write hits a closed connection and the reply was not seen yet.
 */
export async function closesAtOnce(t: Test, reply: string, place: 'unix' | 'tcp') {
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
