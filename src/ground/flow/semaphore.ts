/** Starts a piece of work when there is room for it. Resolves or rejects as the work does. */
export type ConcurrencyLimit = <Value>(work: () => Promise<Value>) => Promise<Value>

/** A number of permits. Callers that find none free wait in the order in which they came. */
export class Semaphore {
  readonly #permits: number
  readonly #waiting = new Set<() => void>()
  #taken = 0

  constructor(permits: number) {
    this.#permits = permits
  }

  /** Whether a permit can be had at once. */
  get isFree(): boolean {
    return this.#taken < this.#permits
  }

  /** Resolves with a function that gives the permit back; undefined if the signal comes first. */
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

  /** Hands the permit to the caller that has waited for longest, if there is one. */
  #passOn(): void {
    const [start] = this.#waiting
    if (start === undefined) this.#taken--
    else start()
  }

  /** Returns the function that gives a permit back. Calling it again does nothing. */
  #releaseOnce(): () => void {
    let isReleased = false
    return () => {
      if (!isReleased) this.#passOn()
      isReleased = true
    }
  }
}

/** Runs at most `atOnce` pieces of work at a time. Others wait in the order in which they came. */
export function limitConcurrency(atOnce: number): ConcurrencyLimit {
  const semaphore = new Semaphore(atOnce)
  return async (work) => {
    const release = await semaphore.acquire()
    try {
      return await work()
    } finally {
      release?.()
    }
  }
}
