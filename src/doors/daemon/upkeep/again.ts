/** Work that is done again and again until it is closed. */
export interface RepeatedWork {
  /** Resolves when it was done once. */
  readonly once: Promise<void>
  close(): void
}

/**
 * Does some work now, and again each `every` milliseconds, but never twice at once. The work does not
 * reject; the signal is aborted when it is closed.
 */
export function again(every: number, work: (over: AbortSignal) => Promise<unknown>): RepeatedWork {
  const over = new AbortController()
  const once = work(over.signal).then(() => {})
  let last = once
  const timer = setInterval(() => {
    last = last.then(async () => void (await work(over.signal)))
  }, every).unref()
  return {
    once,
    close() {
      clearInterval(timer)
      over.abort()
    },
  }
}
