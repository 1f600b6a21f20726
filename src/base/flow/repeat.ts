/** Work that is done again and again until it is closed. */
export interface RepeatedWork {
  /** Resolves when it was done once. */
  readonly firstRun: Promise<void>
  close(): void
}

/**
 * Runs `work` now and then every `every` milliseconds, but never twice at once: a run is skipped while the
 * previous one continues. An error of `work` is passed to `failed` and does not stop later runs. The signal
 * of `work` is aborted by `close()`.
 */
export function repeat(
  every: number,
  work: (stopped: AbortSignal) => Promise<unknown>,
  failed: (error: unknown) => void,
): RepeatedWork {
  const stopped = new AbortController()
  let isAtWork = false
  const run = async () => {
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
  const firstRun = run()
  const timer = setInterval(() => void run(), every).unref()
  return {
    firstRun,
    close() {
      clearInterval(timer)
      stopped.abort()
    },
  }
}
