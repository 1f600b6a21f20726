import { fstatSync, readSync, writeSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { errorCode, errorText, Fault } from '../../lib/errors/fault.ts'
import type { ClientActivity, System } from '../../lib/runtime/system.ts'
import type { RefusedClient } from '../early-talkers/conversation.ts'

const STDIN = 0
const STDOUT = 1
const READ_MAX = 16 * 1024
/**
 * Milliseconds between two polls of the client during DNS queries. A longer wait in poll(2) would block the
 * process, and so delay the answer.
 */
const POLL_EVERY = 20

/**
 * The client on fd 0 and fd 1, whose flags stay as they are. Every wait blocks the process, and costs no
 * processor time. Times are milliseconds.
 */
export class ClientConnection implements RefusedClient {
  readonly #system: System
  readonly #uptime: () => number
  readonly #buffer = Buffer.allocUnsafe(READ_MAX)

  /** Throws a Fault if fd 0 is neither a socket nor a pipe, because then there is no client. */
  constructor(system: System, uptime: () => number) {
    this.#system = system
    this.#uptime = uptime
    checkConnection()
  }

  /**
   * Keeps the client waiting until `delay` (milliseconds of `uptime`, which may not be known yet). Resolves
   * to the activity of the client, immediately if it sends or disconnects. Reads no bytes from it.
   */
  async waitForGreeting(delay: Promise<number>): Promise<ClientActivity> {
    let until: number | undefined
    const known = delay.then((value) => {
      until = value
    })
    await Promise.resolve() // sets `until` before the first check if the delay is known already
    while (until === undefined) {
      const sign = this.#system.awaitClient(STDIN, 0)
      if (sign !== 'silent') return sign
      await Promise.race([known, pause(POLL_EVERY)])
    }
    for (;;) {
      const sign = this.#system.awaitClient(STDIN, milliseconds(until - this.#uptime()))
      if (sign !== 'silent' || this.#uptime() >= until) return sign
    }
  }

  /** Holds an early talker for `time` milliseconds. Returns false if it disconnects before. */
  holdBack(time: number): boolean {
    const until = this.#uptime() + time
    for (let left = time; left > 0; left = until - this.#uptime()) {
      if (this.#system.awaitEnd(STDIN, milliseconds(left))) return false
    }
    return true
  }

  read(time: number): Buffer | undefined {
    if (!this.#system.awaitInput(STDIN, milliseconds(time))) return undefined
    const read = () => this.#buffer.subarray(0, readSync(STDIN, this.#buffer))
    return unlessGone(read) ?? Buffer.alloc(0)
  }

  write(text: string, time: number): boolean {
    // If poll(2) reports room, there is room for more than a line, so the write does not block.
    if (!this.#system.awaitRoom(STDOUT, milliseconds(time))) return false
    const bytes = Buffer.from(text, 'latin1')
    return unlessGone(() => writeSync(STDOUT, bytes)) === bytes.length
  }

  /** The end of this process ends sending. */
  endSending(): void {}
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
