import { closeSync, constants, openSync, readSync } from 'node:fs'
import { Socket } from 'node:net'

/** The reading end of a pipe that is emptied as it fills, so that its writer never waits. */
export interface Drain {
  /** Everything, once the last writer has closed the pipe, or `close` was called. */
  toEnd(): Promise<Buffer>
  /** Everything that was written up to this call, though writers may live on. */
  soFar(): Buffer
  close(): void
}

/** Takes over the descriptor; nothing ever comes from an undefined one. */
export function drain(fd: number | undefined): Drain {
  const pieces: Buffer[] = []
  if (fd === undefined) {
    const nothing = Buffer.alloc(0)
    return { toEnd: async () => nothing, soFar: () => nothing, close: () => {} }
  }
  // The event loop may not yet have seen the last bytes when the writer's end is
  // known, so there is a second descriptor to ask for them without waiting.
  const second = openSync(`/proc/self/fd/${fd}`, constants.O_RDONLY | constants.O_NONBLOCK)
  const socket = new Socket({ fd, readable: true, writable: false })
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  socket.on('error', () => {}) // ends in 'close' as well
  socket.on('data', (piece: Buffer) => pieces.push(piece))
  let open = true

  return {
    async toEnd() {
      await closed
      return Buffer.concat(pieces)
    },
    soFar() {
      const buffer = Buffer.alloc(65_536)
      for (;;) {
        const count = open ? readNow(second, buffer) : 0
        if (count === 0) return Buffer.concat(pieces)
        pieces.push(Buffer.from(buffer.subarray(0, count)))
      }
    },
    close() {
      socket.destroy()
      if (open) closeSync(second)
      open = false
    },
  }
}

/** 0 where nothing is there, or nothing will ever be. */
function readNow(fd: number, buffer: Buffer): number {
  try {
    return readSync(fd, buffer)
  } catch {
    return 0
  }
}
