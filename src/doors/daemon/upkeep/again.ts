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
export function again(
  every: number,
  work: (stopped: AbortSignal) => Promise<unknown>,
): RepeatedWork {
  const stopped = new AbortController()
  const once = work(stopped.signal).then(() => {})
  let last = once
  const timer = setInterval(() => {
    last = last.then(async () => void (await work(stopped.signal)))
  }, every).unref()
  return {
    once,
    close() {
      clearInterval(timer)
      stopped.abort()
    },
  }
}
