import type { Socket } from 'node:net'
import { descriptorOf } from '../../ground/net/descriptor-of.ts'
import type { PassedDescriptors } from '../../ground/net/passed-descriptors.ts'

/**
 * Milliseconds before the next poll of a connection on which nothing has come yet. They double each
 * time.
 */
const SOON = 1
const LATER = 50
/** The most bytes that are taken. The runtime reads those after them. */
const ROOM = 64 * 1024

/** Shared by all connections: `take` copies or uses up the bytes before it returns. */
const room = Buffer.alloc(ROOM)

/**
 * Takes the first bytes of a connection, with the descriptor that came with them. This happens
 * before the runtime reads from the connection, which would drop the descriptor; so the server must
 * have `pauseOnConnect`. Nearly always the bytes are there at once. If not, this polls it. `take` is called at most once, and must close the descriptor.
 */
export function takeFirstBytes(
  socket: Socket,
  passing: PassedDescriptors,
  take: (bytes: Buffer, descriptor: number | undefined) => void,
): void {
  let timer: NodeJS.Timeout | undefined
  let turn: NodeJS.Immediate | undefined
  let wait = SOON

  function poll(): void {
    const fd = descriptorOf(socket)
    if (socket.destroyed) return
    const received = fd === undefined ? NOTHING : passing.receive(fd, room)
    if (received === undefined) {
      timer = setTimeout(poll, wait)
      wait = Math.min(LATER, wait * 2)
      return
    }
    if (received.length > 0) take(room.subarray(0, received.length), received.descriptor)
    socket.resume()
  }

  socket.on('close', () => {
    clearImmediate(turn)
    clearTimeout(timer)
  })
  turn = setImmediate(poll)
}

const NOTHING = { length: 0, descriptor: undefined }
