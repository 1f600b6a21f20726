import type { Socket } from 'node:net'
import { descriptorOf } from '../../ground/net/descriptor-of.ts'
import type { PassedDescriptors } from '../../ground/net/passed-descriptors.ts'

/**
 * Milliseconds until a connection on which nothing has come yet is looked at again: twice as many
 * each time.
 */
const SOON = 1
const LATER = 50
/** Bytes that are taken at first; what is behind them the runtime reads. */
const ROOM = 64 * 1024

/** Used by one call at a time: what is in it is copied, or used up, before the next. */
const room = Buffer.alloc(ROOM)

/**
 * Takes the first bytes of a connection, with the descriptor that came with them, before the
 * runtime reads from it: that would drop the descriptor. The server that accepted it must have
 * `pauseOnConnect`. Nearly always the bytes are there already; if not, they are looked for again
 * and again. `take` is called once, without bytes if none came. Whoever takes a descriptor closes
 * it.
 */
export function takeFirstBytes(
  socket: Socket,
  passing: PassedDescriptors,
  take: (bytes: Buffer, descriptor: number | undefined) => void,
): void {
  let timer: NodeJS.Timeout | undefined
  let turn: NodeJS.Immediate | undefined
  let wait = SOON

  function look(): void {
    const fd = descriptorOf(socket)
    if (socket.destroyed) return
    const received = fd === undefined ? NOTHING : passing.receive(fd, room)
    if (received === undefined) {
      timer = setTimeout(look, wait)
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
  turn = setImmediate(look)
}

const NOTHING = { length: 0, descriptor: undefined }
