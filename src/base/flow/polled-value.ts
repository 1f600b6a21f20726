import { TIMED_OUT, withTimeout } from './timeout.ts'
import { readUptime } from './uptime.ts'

/** Milliseconds that callers wait for a poll. */
const POLL_TIMEOUT = 500

/**
 * The state of a path that a site names, as it was last read. A file system that does not answer blocks one
 * thread of the runtime, and callers wait for it only once.
 */
export class PolledValue<Value> {
  readonly #read: () => Promise<Value>
  readonly #freshFor: number
  #value: Value
  /** When the poll began that read the value. */
  #readAt = Number.NEGATIVE_INFINITY
  /** When the last poll began. */
  #begunAt = Number.NEGATIVE_INFINITY
  #polling: Promise<void> | undefined

  /**
   * `read` makes all file-system calls in threads, and never rejects. `first` is the value until then. A value
   * is valid for `freshFor` milliseconds without another poll.
   */
  constructor(first: Value, read: () => Promise<Value>, freshFor = 0) {
    this.#value = first
    this.#read = read
    this.#freshFor = freshFor
  }

  /** The last known value. */
  get value(): Value {
    return this.#value
  }

  /**
   * Reads the value again, unless it is fresh. Resolves to what a poll has read that began after this call, or at most
   * `freshFor` milliseconds before it; or to the last known value while the file system does not answer.
   */
  async poll(): Promise<Value> {
    await this.tryPoll()
    return this.#value
  }

  /** Reads the value again as poll() does. Resolves to whether the file system has answered. */
  async tryPoll(): Promise<boolean> {
    const oldest = readUptime() - this.#freshFor
    while (this.#readAt < oldest) {
      this.#polling ??= this.#pollNow()
      const left = Math.max(0, this.#begunAt + POLL_TIMEOUT - readUptime())
      if ((await withTimeout(this.#polling, left)) === TIMED_OUT) return false
    }
    return true
  }

  async #pollNow(): Promise<void> {
    const begunAt = readUptime()
    this.#begunAt = begunAt
    this.#value = await this.#read()
    this.#readAt = begunAt
    this.#polling = undefined
  }
}
