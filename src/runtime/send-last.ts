import { writeSync } from 'node:fs'
import { Socket } from 'node:net'
import { libcFunction } from './bun-libc.ts'
import { isCompiled } from './compiled-program.ts'

/**
 * Writes `bytes` to a socket that this process was started with, and shuts it down:
 * that marks its end even where another process holds a copy of the descriptor.
 * Rejects where nobody reads any more.
 */
export function sendLast(fd: number, bytes: Buffer): Promise<void> {
  return isCompiled ? byCalls(fd, bytes) : bySocket(fd, bytes)
}

/** Bun makes no socket of a descriptor: one ends without having written. */
async function byCalls(fd: number, bytes: Buffer): Promise<void> {
  const SHUT_WR = 1
  for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done)
  const shutdown = await libcFunction('shutdown', 2)
  shutdown(fd, SHUT_WR)
}

function bySocket(fd: number, bytes: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = new Socket({ fd, readable: false })
    socket.on('error', reject)
    socket.end(bytes, () => resolve())
  })
}
