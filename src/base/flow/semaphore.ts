/** A number of permits. Callers without a free permit wait in order of arrival. */
export class Semaphore {
  readonly #permits: number
  readonly #waiting = new Set<() => void>()
  #taken = 0

  constructor(permits: number) {
    this.#permits = permits
  }

  /** Whether a permit is available immediately. */
  get isFree(): boolean {
    return this.#taken < this.#permits
  }

  /** Resolves to a function that releases the permit, or to undefined if the signal is aborted first. */
  async acquire(signal?: AbortSignal): Promise<(() => void) | undefined> {
    if (signal?.aborted) return undefined
    if (this.isFree) {
      this.#taken++
      return this.#releaseOnce()
    }
    return new Promise((resolve) => {
      const settle = (release: (() => void) | undefined) => {
        this.#waiting.delete(start)
        signal?.removeEventListener('abort', giveUp)
        resolve(release)
      }
      const start = () => settle(this.#releaseOnce())
      const giveUp = () => settle(undefined)
      this.#waiting.add(start)
      signal?.addEventListener('abort', giveUp)
    })
  }

  /** Does a piece of work as soon as a permit can be had. Resolves or rejects as the work does. */
  async run<Value>(work: () => Promise<Value>): Promise<Value> {
    const release = await this.acquire()
    try {
      return await work()
    } finally {
      release?.()
    }
  }

  /** Hands the permit to the caller that has waited for longest, if there is one. */
  #passOn(): void {
    const [start] = this.#waiting
    if (start === undefined) this.#taken--
    else start()
  }

  /** Returns the function that releases a permit. Further calls do nothing. */
  #releaseOnce(): () => void {
    let isReleased = false
    return () => {
      if (!isReleased) this.#passOn()
      isReleased = true
    }
  }
}
