import { writeSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { errorText } from '../errors/fault.ts'
import { writeTo } from '../runtime/file-calls.ts'
import { loadSystem } from '../runtime/system.ts'
import { logLine } from './line-format.ts'

/** The destination of log lines. */
interface LogPlace {
  /** Writes what can be written without waiting. Returns the number of bytes that were written. */
  readonly withoutWaiting?: (bytes: Buffer) => number
  /**
   * Writes in a thread of the runtime what `take` returns. This is called once the log is open, directly before
   * the write, so that the lines still wait here if the process ends earlier. Resolves to the number of bytes
   * that were written.
   */
  readonly inThread: (take: () => Buffer) => Promise<number>
  /** Writes bytes, and blocks this process meanwhile. */
  readonly now: (bytes: Buffer) => unknown
}

/** Linux's PIPE_BUF: bytes that two processes write to a pipe do not mix up to this length. */
const PIPE_BUF = 4096
/**
 * Upper limit, in bytes, for lines that wait while the log accepts none. Further lines are lost, and counted.
 */
const WAITING_MAX = 4 * 1024 * 1024
/** Milliseconds after which a write counts as blocked. */
const LATE_AFTER = 500
/** Milliseconds until lines that could not be written are tried again. */
const RETRY_AFTER = 1000
/** Milliseconds for a write that is under way when the process ends without flush(). */
const LAST_WRITE = 20
/** Upper limit for the milliseconds in which flush() waits. */
const FLUSH_TIMEOUT = 5000

/** What is known of a log. */
export interface LogState {
  /** The number of lines that were lost. */
  readonly lost: number
  /** Why lines wait, or undefined if they are written. */
  readonly trouble: string | undefined
}

/**
 * The queue of a log whose writes may block or fail: a pipe whose reader has stopped, a full disk, or a file on a
 * file system that does not answer. A thread writes the lines in order, unless they can be written at once, so neither
 * mail nor the process waits for the log. What could not be written is tried again, whatever the error is.
 */
export class LogQueue {
  readonly #place: LogPlace
  #waiting: Buffer[] = []
  #size = 0
  /** The lines lost since the log had the last line about that, and since the process began. */
  #lost = 0
  #allLost = 0
  #trouble: string | undefined
  #writing: Promise<void> | undefined
  #isLate = false

  constructor(place: LogPlace) {
    this.#place = place
    process.on('exit', () => this.#end())
  }

  /** Takes a line with its line end. */
  write(line: Buffer): void {
    if (this.#size + line.length > WAITING_MAX) {
      this.#lost++
      this.#allLost++
      return
    }
    this.#waiting.push(line)
    this.#size += line.length
    this.#writing ??= this.#writeAll()
  }

  get state(): LogState {
    const trouble = this.#isLate ? 'does not answer' : this.#trouble
    return { lost: this.#allLost, trouble }
  }

  /** Resolves when all lines are written, or after FLUSH_TIMEOUT. */
  async flush(): Promise<void> {
    if (this.#writing === undefined) return
    const over = new AbortController()
    const late = pause(FLUSH_TIMEOUT, undefined, { signal: over.signal }).catch(() => {})
    await Promise.race([this.#writing, late])
    over.abort()
  }

  async #writeAll(): Promise<void> {
    await undefined // the lines of one turn go together
    while (this.#waiting.length > 0) {
      if (await this.#write()) this.#reportLost()
      else await pause(RETRY_AFTER, undefined, { ref: false })
    }
    this.#writing = undefined
  }

  /** Writes the next lines, and puts back what could not be written. Resolves to whether that is nothing. */
  async #write(): Promise<boolean> {
    const { withoutWaiting } = this.#place
    if (withoutWaiting === undefined) return this.#writeAside()
    const bytes = this.#next()
    if (!this.#putBack(bytes, withoutWaiting(bytes))) return this.#writeAside()
    this.#trouble = undefined
    return true
  }

  /** Writes the next lines in the thread. Resolves to whether all of them were written. */
  async #writeAside(): Promise<boolean> {
    const late = setTimeout(() => {
      this.#isLate = true
    }, LATE_AFTER)
    let bytes: Buffer = Buffer.alloc(0)
    let written = 0
    try {
      written = await this.#place.inThread(() => (bytes = this.#next()))
      this.#trouble = written < bytes.length ? 'takes no more bytes' : undefined
    } catch (error) {
      this.#trouble = errorText(error)
    } finally {
      clearTimeout(late)
      this.#isLate = false
    }
    this.#putBack(bytes, written)
    return this.#trouble === undefined
  }

  /** Puts back the bytes that were not written. Returns whether all were. */
  #putBack(bytes: Buffer, written: number): boolean {
    if (written === bytes.length) return true
    this.#waiting.unshift(bytes.subarray(written))
    this.#size += bytes.length - written
    return false
  }

  #reportLost(): void {
    const lost = this.#lost
    this.#lost = 0
    if (lost === 0) return
    this.write(
      logLine([
        ['lost', lost],
        ['reason', 'the log took no lines'],
      ]),
    )
  }

  /** Takes the next lines out, as many as one write may have. */
  #next(): Buffer {
    let count = 0
    let size = 0
    do size += this.#waiting[count++]!.length
    while (count < this.#waiting.length && size + this.#waiting[count]!.length <= PIPE_BUF)
    this.#size -= size
    return Buffer.concat(this.#waiting.splice(0, count))
  }

  /** Writes the remaining lines when the process ends, unless the log is blocked. */
  #end(): void {
    // exit(3) would wait for the thread, and so for the log.
    if (this.#isLate) process.kill(process.pid, 'SIGKILL')
    if (this.#writing !== undefined && this.#trouble === undefined)
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LAST_WRITE)
    while (this.#waiting.length > 0) {
      try {
        this.#place.now(this.#next())
      } catch {}
    }
  }
}

const STDERR = 2

/** Descriptor 2 of a process that lasts. (process.stderr would change the flags of a shared pipe.) */
export const standardError = new LogQueue({
  withoutWaiting: (bytes) => loadSystem()?.writeAtOnce(STDERR, bytes) ?? 0,
  inThread: (take) => writeTo(STDERR, take()),
  now: (bytes) => writeSync(STDERR, bytes),
})
