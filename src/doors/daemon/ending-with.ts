import type { Scanner } from '../../scan/scanner.ts'

/** The same scanner, whose work ends when the client has gone, too. */
export function endingWith(gone: AbortSignal, scanner: Scanner): Scanner {
  return {
    ...scanner,
    async scan(specimen, task) {
      const either = new AbortController()
      const abort = () => either.abort(signals.find(({ aborted }) => aborted)?.reason)
      const signals = [gone, task.signal]
      for (const signal of signals) {
        if (signal.aborted) abort()
        else signal.addEventListener('abort', abort, { once: true })
      }
      try {
        return await scanner.scan(specimen, { ...task, signal: either.signal })
      } finally {
        for (const signal of signals) signal.removeEventListener('abort', abort)
      }
    },
  }
}
