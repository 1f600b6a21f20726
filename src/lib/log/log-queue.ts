import { writeSync } from 'node:fs'
import { writeTo } from '../runtime/file-calls.ts'
import { logLine } from './line-format.ts'

/** The destination of log lines. Errors are ignored, because no mail may fail because of its log. */
interface LogPlace {
  /** Writes bytes in a thread of the runtime. */
  readonly aside: (bytes: Buffer) => Promise<unknown>
  /** Writes bytes at once. */
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
/** Milliseconds for a write that is under way when the process ends. */
const LAST_WRITE = 20

/**
 * The queue of a log whose writes may block: a pipe whose reader has stopped, or a file on a file system that
 * does not answer. A thread writes the lines in order, so neither mail nor the process waits for the log.
 */
export class LogQueue {
  readonly #place: LogPlace
  #waiting: Buffer[] = []
  #size = 0
  #lost = 0
  #isWriting = false
  #isLate = false

  constructor(place: LogPlace) {
    this.#place = place
    process.on('exit', () => this.#end())
  }

  /** Takes a line with its line end. */
  write(line: Buffer): void {
    if (this.#size + line.length > WAITING_MAX) {
      this.#lost++
      return
    }
    this.#waiting.push(line)
    this.#size += line.length
    if (!this.#isWriting) void this.#writeAll()
  }

  async #writeAll(): Promise<void> {
    this.#isWriting = true
    await undefined // the lines of one turn go together
    while (this.#waiting.length > 0) {
      const late = setTimeout(() => {
        this.#isLate = true
      }, LATE_AFTER)
      await this.#place.aside(this.#next()).catch(() => {})
      clearTimeout(late)
      this.#isLate = false
      const lost = this.#lost
      this.#lost = 0
      if (lost > 0)
        this.write(
          logLine([
            ['lost', lost],
            ['reason', 'the log took no lines'],
          ]),
        )
    }
    this.#isWriting = false
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
    if (this.#isWriting) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LAST_WRITE)
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
  aside: (bytes) => writeTo(STDERR, bytes),
  now: (bytes) => writeSync(STDERR, bytes),
})
