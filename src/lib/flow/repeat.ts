/** Work that is done again and again until it is closed. */
export interface RepeatedWork {
  /** Resolves when it was done once. */
  readonly firstRun: Promise<void>
  close(): void
}

/**
 * Does some work now, and again each `every` milliseconds, but never twice at once: a turn is left
 * out while the one before still goes on. An error of `work` is told to `failed`, and the next turn comes
 * as ever. Its signal is aborted by `close()`.
 */
export function repeat(
  every: number,
  work: (stopped: AbortSignal) => Promise<unknown>,
  failed: (error: unknown) => void,
): RepeatedWork {
  const stopped = new AbortController()
  let isAtWork = false
  const turn = async () => {
    if (isAtWork) return
    isAtWork = true
    try {
      await work(stopped.signal)
    } catch (error) {
      if (!stopped.signal.aborted) failed(error)
    } finally {
      isAtWork = false
    }
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
