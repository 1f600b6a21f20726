import { withTimeout } from './timeout.ts'

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
  #since = Number.NEGATIVE_INFINITY
  #looking: Promise<void> | undefined

  /**
   * `see` makes all file-system calls in threads, and never rejects. `first` is the value until then. A value
   * counts for `freshFor` milliseconds without another look.
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
   * Looks again, unless the value is fresh. Resolves to the value, or to the last known one while the file
   * system does not answer.
   */
  async look(): Promise<Value> {
    const now = performance.now()
    const age = now - this.#since
    if (this.#looking === undefined) {
      if (age < this.#freshFor) return this.#value
      this.#since = now
      this.#looking = this.#lookNow()
      await withTimeout(this.#looking, WITHIN)
    } else if (age < WITHIN) await withTimeout(this.#looking, WITHIN - age)
    return this.#value
  }

  async #lookNow(): Promise<void> {
    this.#value = await this.#see()
    this.#looking = undefined
  }
}
