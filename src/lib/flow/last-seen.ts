import { TIMED_OUT, withTimeout } from './timeout.ts'

/** Milliseconds that callers wait for a look. */
const WITHIN = 500

/**
 * The state of a path that a site names, as it was last seen. A file system that does not answer blocks one
 * thread of the runtime, and callers wait for it only once.
 */
export class LastSeen<Value> {
  readonly #see: () => Promise<Value>
  readonly #freshFor: number
  #value: Value
  /** When the look began that saw the value. */
  #seenAt = Number.NEGATIVE_INFINITY
  /** When the last look began. */
  #begunAt = Number.NEGATIVE_INFINITY
  #looking: Promise<void> | undefined

  /**
   * `see` makes all file-system calls in threads, and never rejects. `first` is the value until then. A value
   * is valid for `freshFor` milliseconds without another look.
   */
  constructor(first: Value, see: () => Promise<Value>, freshFor = 0) {
    this.#value = first
    this.#see = see
    this.#freshFor = freshFor
  }

  /** The last known value. */
  get value(): Value {
    return this.#value
  }

  /**
   * Looks again, unless the value is fresh. Resolves to what a look that began after this call has seen, or after
   * `freshFor` milliseconds before it; or to the last known value while the file system does not answer.
   */
  async look(): Promise<Value> {
    await this.isAnswered()
    return this.#value
  }

  /** Looks again as look() does. Resolves to whether the file system has answered. */
  async isAnswered(): Promise<boolean> {
    const oldest = performance.now() - this.#freshFor
    while (this.#seenAt < oldest) {
      this.#looking ??= this.#lookNow()
      const left = Math.max(0, this.#begunAt + WITHIN - performance.now())
      if ((await withTimeout(this.#looking, left)) === TIMED_OUT) return false
    }
    return true
  }

  async #lookNow(): Promise<void> {
    const begunAt = performance.now()
    this.#begunAt = begunAt
    this.#value = await this.#see()
    this.#seenAt = begunAt
    this.#looking = undefined
  }
}
