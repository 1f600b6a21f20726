import { fstatSync, readSync, writeSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { errorCode, errorText, Fault } from '../../ground/errors/fault.ts'
import type { ClientSign, System } from '../../ground/runtime/system.ts'

/**
 * The client on fd 0 and fd 1. Every wait blocks the process, and costs no processor time. Times
 * are milliseconds.
 */
export interface ClientConnection {
  /** Returns what the client does within the time, as soon as it does something. Reads no byte. */
  watch(time: number): ClientSign
  /** Returns whether a client that has talked already leaves within the time. */
  watchLeaving(time: number): 'silent' | 'left'
  /** Reads bytes of the client: none at the end of the stream, undefined if none come in time. */
  read(time: number): Buffer | undefined
  /** Sends a text, latin1. Returns false if the client does not take it in time, or is gone. */
  write(text: string, time: number): boolean
}

const STDIN = 0
const STDOUT = 1
const READ_MAX = 16 * 1024

/**
 * Uses fd 0 and fd 1 without changing their flags. Throws a Fault if fd 0 is neither a socket nor a
 * pipe, since then there is no client.
 */
export function openConnection(system: System): ClientConnection {
  checkConnection()
  const buffer = Buffer.allocUnsafe(READ_MAX)

  return {
    watch(time) {
      return system.awaitClient(STDIN, milliseconds(time))
    },
    watchLeaving(time) {
      return system.awaitEnd(STDIN, milliseconds(time)) ? 'left' : 'silent'
    },
    read(time) {
      if (!system.awaitInput(STDIN, milliseconds(time))) return undefined
      return unlessGone(() => buffer.subarray(0, readSync(STDIN, buffer))) ?? Buffer.alloc(0)
    },
    write(text, time) {
      // If poll(2) reports room, there is room for more than a line, so the write does not block.
      if (!system.awaitRoom(STDOUT, milliseconds(time))) return false
      const bytes = Buffer.from(text, 'latin1')
      return unlessGone(() => writeSync(STDOUT, bytes)) === bytes.length
    },
  }
}

function checkConnection(): void {
  try {
    const status = fstatSync(STDIN)
    if (status.isSocket() || status.isFIFO()) return
    throw new Error('is neither a socket nor a pipe; run this under tcpserver')
  } catch (error) {
    throw new Fault('read', `fd 0: ${errorText(error)}`, error)
  }
}

/** Rounds up to the whole milliseconds of poll(2): a fraction must not become no wait at all. */
function milliseconds(time: number): number {
  return Math.max(0, Math.ceil(time))
}

/** Returns undefined instead of throwing if the client has vanished, which it may at any time. */
function unlessGone<T>(action: () => T): T | undefined {
  try {
    return action()
  } catch (error) {
    if (['EPIPE', 'ECONNRESET', 'ETIMEDOUT', 'EAGAIN'].includes(errorCode(error))) return undefined
    throw error
  }
}

/**
 * Milliseconds between two polls of the client while the DNS is asked. A longer wait in poll(2)
 * would block the process, and so delay the answer.
 */
const POLL_EVERY = 20

/**
 * Keeps a client waiting until `delay` (milliseconds of `uptime`, perhaps not known yet). Resolves
 * to what the client did, and at once if it talks or leaves. Reads no byte of the client.
 */
export async function waitForGreeting(
  connection: ClientConnection,
  delay: Promise<number>,
  uptime: () => number,
): Promise<ClientSign> {
  let until: number | undefined
  const known = delay.then((value) => {
    until = value
  })
  await Promise.resolve() // sets `until` before the first look if the delay is known already
  while (until === undefined) {
    const sign = connection.watch(0)
    if (sign !== 'silent') return sign
    await Promise.race([known, pause(POLL_EVERY)])
  }
  for (;;) {
    const sign = connection.watch(until - uptime())
    if (sign !== 'silent' || uptime() >= until) return sign
  }
}

/** Holds an early talker for `time` milliseconds. Returns false if it leaves before. */
export function holdBack(
  connection: ClientConnection,
  time: number,
  uptime: () => number,
): boolean {
  const until = uptime() + time
  for (let left = time; left > 0; left = until - uptime()) {
    if (connection.watchLeaving(left) === 'left') return false
  }
  return true
}
