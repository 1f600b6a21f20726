/** Work that is done again and again until it is closed. */
export interface RepeatedWork {
  /** Resolves when it was done once. */
  readonly firstRun: Promise<void>
  close(): void
}

/**
 * Does some work now, and again each `every` milliseconds, but never twice at once: a turn is left
 * out while the one before still goes on. `work` must not reject. Its signal is aborted by
 * `close()`.
 */
export function repeat(
  every: number,
  work: (stopped: AbortSignal) => Promise<unknown>,
): RepeatedWork {
  const stopped = new AbortController()
  let isAtWork = false
  const turn = async () => {
    if (isAtWork) return
    isAtWork = true
    await work(stopped.signal)
    isAtWork = false
  }
  const firstRun = turn()
  const timer = setInterval(() => void turn(), every).unref()
  return {
    firstRun,
    close() {
      clearInterval(timer)
      stopped.abort()
    },
  }
}
