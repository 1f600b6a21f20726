/** The exit code of a command that was interrupted. */
const INTERRUPTED = 2

/** The signals by which a person, a service manager or a closed terminal ends a program. */
export const ENDING_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/**
 * Calls `cleanUp` and ends the process if a signal interrupts it, until the function is called that this
 * returns.
 */
export function whenInterrupted(cleanUp: () => void): () => void {
  const end = () => {
    cleanUp()
    process.exit(INTERRUPTED)
  }
  for (const signal of ENDING_SIGNALS) process.once(signal, end)
  return () => {
    for (const signal of ENDING_SIGNALS) process.off(signal, end)
  }
}
