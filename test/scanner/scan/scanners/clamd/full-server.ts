import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { Worker } from 'node:worker_threads'
import type { Ending } from '../../../../programs/host/server.ts'
import { socketPath } from './stand-in.ts'

export interface FullServer {
  /** The address, for CLAMD. */
  readonly socket: string
  /** From now on the server takes connections, and calls each message clean. */
  goOn(): void
}

/**
 * A server that listens and takes no connection, with a queue of connections that is full.
 * It is in a thread of its own, which stands still until it may go on.
 */
export async function fullServer(t: Ending): Promise<FullServer> {
  const flag = new Int32Array(new SharedArrayBuffer(4))
  const path = socketPath(t)
  const worker = new Worker(
    `const { parentPort, workerData: { flag, path } } = require('node:worker_threads')
    const server = require('node:net').createServer((connection) => {
      let last = Buffer.alloc(0)
      connection.on('error', () => {})
      connection.on('data', (chunk) => {
        last = Buffer.concat([last, chunk]).subarray(-4)
        if (last.equals(Buffer.alloc(4))) connection.end('1: stream: OK\\0')
      })
    })
    server.listen({ path, backlog: 1 }, () => {
      parentPort.postMessage('listening')
      Atomics.wait(flag, 0, 0)
    })`,
    { eval: true, workerData: { flag, path } },
  )
  const goOn = () => {
    Atomics.store(flag, 0, 1)
    Atomics.notify(flag, 0)
  }
  const queued: Socket[] = []
  t.teardown(() => {
    goOn()
    for (const socket of queued) socket.destroy()
    return worker.terminate()
  })
  await once(worker, 'message')
  for (;;) {
    const socket = connect(path)
    queued.push(socket)
    const isFull = await new Promise((resolve) => {
      socket.on('connect', () => resolve(false))
      socket.on('error', () => resolve(true))
    })
    if (isFull) break
  }
  return { socket: path, goOn }
}
