import { fstatSync, readSync, writeSync } from 'node:fs'
import { errorCode, errorText, Fault } from '../../ground/errors/fault.ts'
import type { Libc } from '../../ground/runtime/libc.ts'
import { POLLIN, POLLOUT, POLLRDHUP } from '../../ground/runtime/linux.ts'
import type { ClientSign } from '../shared/wait-outcome.ts'

/** The client on fd 0 and fd 1. Every wait blocks the process and costs no CPU. Times are milliseconds. */
export interface ClientConnection {
  /**
   * What the client does within the time; answers at once when it does something. Not a byte is
   * taken.
   */
  watch(time: number): ClientSign
  /** For a client that has talked already: whether it leaves within the time. */
  watchLeaving(time: number): 'silent' | 'left'
  /** Bytes of the client; empty at the end of the stream, undefined if none came in the time. */
  read(time: number): Buffer | undefined
  /** Sends the text, latin1; false if the client does not take it in the time, or is gone. */
  write(text: string, time: number): boolean
}

const STDIN = 0
const STDOUT = 1
const READ_MAX = 16 * 1024

/**
 * Uses fd 0 and fd 1 as they are, without changing their flags. Throws a Fault if fd 0 is neither
 * socket nor pipe: there is nobody to wait for.
 */
export function openConnection(libc: Libc): ClientConnection {
  const isSocket = checkConnection()
  const buffer = Buffer.allocUnsafe(READ_MAX)

  return {
    watch(time) {
      const events = libc.poll(STDIN, POLLIN | POLLRDHUP, milliseconds(time))
      if (events === 0) return 'silent'
      // The end of the stream is readable, too, and so is a connection that broke.
      const talks = isSocket ? libc.peek(STDIN) > 0 : (events & POLLIN) !== 0
      return talks ? 'talks' : 'left'
    },
    watchLeaving(time) {
      return libc.poll(STDIN, POLLRDHUP, milliseconds(time)) === 0 ? 'silent' : 'left'
    },
    read(time) {
      if (libc.poll(STDIN, POLLIN, milliseconds(time)) === 0) return undefined
      return unlessGone(() => buffer.subarray(0, readSync(STDIN, buffer))) ?? Buffer.alloc(0)
    },
    write(text, time) {
      // When poll(2) says so there is room for more than a line: the write never blocks.
      if ((libc.poll(STDOUT, POLLOUT, milliseconds(time)) & POLLOUT) === 0) return false
      const bytes = Buffer.from(text, 'latin1')
      return unlessGone(() => writeSync(STDOUT, bytes)) === bytes.length
    },
  }
}

function checkConnection(): boolean {
  try {
    const status = fstatSync(STDIN)
    if (status.isSocket() || status.isFIFO()) return status.isSocket()
    throw new Error('is neither a socket nor a pipe; run this under tcpserver')
  } catch (error) {
    throw new Fault('read', `fd 0: ${errorText(error)}`, error)
  }
}

/** poll(2) takes whole milliseconds; a fraction of one must not become no wait at all. */
function milliseconds(time: number): number {
  return Math.max(0, Math.ceil(time))
}

/** A client may vanish at any time; that is no fault of ours. */
function unlessGone<T>(action: () => T): T | undefined {
  try {
    return action()
  } catch (error) {
    if (['EPIPE', 'ECONNRESET', 'ETIMEDOUT', 'EAGAIN'].includes(errorCode(error))) return undefined
    throw error
  }
}
