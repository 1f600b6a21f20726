/** The exit code of a command that was interrupted. */
const INTERRUPTED = 2

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/**
 * Calls `cleanUp` and ends the process if a signal interrupts it, until the function is called that this
 * returns.
 */
export function whenInterrupted(cleanUp: () => void): () => void {
  const end = () => {
    cleanUp()
    process.exit(INTERRUPTED)
  }
  for (const signal of SIGNALS) process.once(signal, end)
  return () => {
    for (const signal of SIGNALS) process.off(signal, end)
  }
}
