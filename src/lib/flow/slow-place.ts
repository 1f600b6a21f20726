import { Fault } from '../errors/fault.ts'
import { formatDuration } from '../text/units.ts'
import { Semaphore } from './semaphore.ts'
import { TIMED_OUT, withTimeout } from './timeout.ts'

/** Pieces of work at a time: each may hold a thread of the runtime. */
const AT_ONCE = 4
/** Milliseconds for a piece of work and the wait before it. */
const WITHIN = 30_000

/**
 * Access to a file system that may block, such as a directory of an NFS server that is down. Work there has
 * its own concurrency and time limits, so nothing else in the process waits for it.
 */
export class SlowPlace {
  readonly #name: string
  readonly #permits = new Semaphore(AT_ONCE)
  #late = 0

  /** `name` is for errors. */
  constructor(name: string) {
    this.#name = name
  }

  /**
   * Runs `work`, which must make all file-system calls in threads and must not read data of its caller after
   * the signal is aborted. Rejects with a Fault of kind `write` if the work takes too long. Rejects
   * immediately while earlier work is blocked.
   */
  async use<Value>(work: (signal: AbortSignal) => Promise<Value>): Promise<Value> {
    if (this.#late > 0) throw this.#standsStill()
    const over = new AbortController()
    const working = this.#withPermit(work, over.signal)
    const result = await withTimeout(working, WITHIN)
    if (result !== TIMED_OUT) return result
    over.abort()
    this.#late++
    const back = () => void this.#late--
    working.then(back, back)
    throw this.#standsStill()
  }

  async #withPermit<Value>(
    work: (signal: AbortSignal) => Promise<Value>,
    signal: AbortSignal,
  ): Promise<Value> {
    const release = await this.#permits.acquire(signal)
    if (release === undefined) throw this.#standsStill()
    try {
      return await work(signal)
    } finally {
      release()
    }
  }

  #standsStill(): Fault {
    const why = `no answer in ${formatDuration(WITHIN)}; check its file system`
    return new Fault('write', `${this.#name}: ${why}`)
  }
}
