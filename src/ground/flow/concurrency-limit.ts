/** Starts a piece of work when there is room for it. Resolves or rejects as the work does. */
export type ConcurrencyLimit = <Value>(work: () => Promise<Value>) => Promise<Value>

/** A number of permits. Callers that find none free wait in the order in which they came. */
export interface Semaphore {
  /** Resolves with a function that gives the permit back; undefined if the signal comes first. */
  acquire(signal?: AbortSignal): Promise<(() => void) | undefined>
  /** Whether a permit can be had at once. */
  readonly isFree: boolean
}

export function createSemaphore(permits: number): Semaphore {
  const waiting = new Set<() => void>()
  let taken = 0

  /** Hands the permit to the caller that has waited for longest, if there is one. */
  function passOn(): void {
    const [start] = waiting
    if (start === undefined) taken--
    else start()
  }

  /** Returns the function that gives a permit back. Calling it again does nothing. */
  function releaseOnce(): () => void {
    let isReleased = false
    return () => {
      if (!isReleased) passOn()
      isReleased = true
    }
  }

  return {
    get isFree() {
      return taken < permits
    },
    async acquire(signal) {
      if (signal?.aborted) return undefined
      if (taken < permits) {
        taken++
        return releaseOnce()
      }
      return new Promise((resolve) => {
        const settle = (release: (() => void) | undefined) => {
          waiting.delete(start)
          signal?.removeEventListener('abort', giveUp)
          resolve(release)
        }
        const start = () => settle(releaseOnce())
        const giveUp = () => settle(undefined)
        waiting.add(start)
        signal?.addEventListener('abort', giveUp)
      })
    },
  }
}

/** Runs at most `atOnce` pieces of work at a time. Others wait in the order in which they came. */
export function limitConcurrency(atOnce: number): ConcurrencyLimit {
  const semaphore = createSemaphore(atOnce)
  return async (work) => {
    const release = await semaphore.acquire()
    try {
      return await work()
    } finally {
      release?.()
    }
  }
}
