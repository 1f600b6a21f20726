import { Fault } from '../errors/fault.ts'
import { formatDuration } from '../text/units.ts'
import { Semaphore } from './semaphore.ts'
import { TIMED_OUT, withTimeout } from './timeout.ts'

/** Operations at a time: each may hold a thread of the runtime. */
const CONCURRENCY_MAX = 4
/** Milliseconds for an operation and the wait before it. */
const WORK_TIMEOUT = 30_000

/**
 * Keeps a file system that may block, such as a directory of an NFS server that is down, from blocking the whole
 * process: operations there have their own concurrency and time limits.
 */
export class Bulkhead {
  readonly #name: string
  readonly #permits = new Semaphore(CONCURRENCY_MAX)
  #late = 0

  /** `name` is for errors. */
  constructor(name: string) {
    this.#name = name
  }

  /**
   * Runs `work`, which must make all file-system calls in threads and must not read data of its caller after
   * the signal is aborted. Rejects with a Fault of kind `write` if the work takes too long, and immediately while
   * earlier work is blocked.
   */
  async use<Value>(work: (signal: AbortSignal) => Promise<Value>): Promise<Value> {
    if (this.#late > 0) throw this.#timedOut()
    const timeout = new AbortController()
    const working = this.#withPermit(work, timeout.signal)
    const result = await withTimeout(working, WORK_TIMEOUT)
    if (result !== TIMED_OUT) return result
    timeout.abort()
    this.#late++
    const back = () => void this.#late--
    working.then(back, back)
    throw this.#timedOut()
  }

  async #withPermit<Value>(
    work: (signal: AbortSignal) => Promise<Value>,
    signal: AbortSignal,
  ): Promise<Value> {
    const release = await this.#permits.acquire(signal)
    if (release === undefined) throw this.#timedOut()
    try {
      return await work(signal)
    } finally {
      release()
    }
  }

  #timedOut(): Fault {
    const reason = `no answer in ${formatDuration(WORK_TIMEOUT)}; check its file system`
    return new Fault('write', `${this.#name}: ${reason}`)
  }
}
