import { closeSync, constants, openSync, readSync } from 'node:fs'
import { errorCode } from '../../../src/base/errors/fault.ts'

/** The reading end of a pipe, which is emptied as it fills, so that its writer never waits. */
export interface Drain {
  /** All bytes, as soon as the last writer has closed the pipe, or `close` was called. */
  toEnd(): Promise<Buffer>
  /** All bytes that were written before this call, even if writers live on. */
  soFar(): Buffer
  close(): void
}

/** Milliseconds between two reads. */
const POLL_EVERY = 1

/** Takes over the descriptor, and closes it. Without a descriptor there are no bytes. */
export function drain(fd: number | undefined): Drain {
  const pieces: Buffer[] = []
  if (fd === undefined) {
    const nothing = Buffer.alloc(0)
    return { toEnd: async () => nothing, soFar: () => nothing, close: () => {} }
  }
  // The pipe is opened again: only this end must not block, and the slot's end stays as it is.
  const pipe = openSync(`/proc/self/fd/${fd}`, constants.O_RDONLY | constants.O_NONBLOCK)
  closeSync(fd)
  const buffer = Buffer.alloc(65_536)
  let open = true
  let end = () => {}
  const ended = new Promise<void>((resolve) => {
    end = resolve
  })
  const timer = setInterval(readAvailable, POLL_EVERY)

  function readAvailable(): void {
    while (open) {
      const count = readNow(pipe, buffer)
      if (count === undefined) return
      if (count === 0) close()
      pieces.push(Buffer.from(buffer.subarray(0, count)))
    }
  }

  function close(): void {
    if (!open) return
    open = false
    clearInterval(timer)
    closeSync(pipe)
    end()
  }

  return {
    async toEnd() {
      await ended
      return Buffer.concat(pieces)
    },
    soFar() {
      readAvailable()
      return Buffer.concat(pieces)
    },
    close,
  }
}

/** Returns the number of bytes that were read: 0 at the end; undefined if there is nothing to read yet. */
function readNow(fd: number, buffer: Buffer): number | undefined {
  try {
    return readSync(fd, buffer)
  } catch (error) {
    return errorCode(error) === 'EAGAIN' ? undefined : 0
  }
}
