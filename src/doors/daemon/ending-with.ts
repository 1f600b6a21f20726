import type { Scanner } from '../../scan/scanner.ts'

/** The same scanner, whose work ends when the client has gone, too. */
export function endingWith(gone: AbortSignal, scanner: Scanner): Scanner {
  return {
    ...scanner,
    async scan(specimen, task) {
      const either = new AbortController()
      const abort = () => either.abort()
      const signals = [task.signal, gone]
      for (const signal of signals) {
        if (signal.aborted) abort()
        else signal.addEventListener('abort', abort, { once: true })
      }
      try {
        return await scanner.scan(specimen, { ...task, note: task.note, signal: either.signal })
      } finally {
        for (const signal of signals) signal.removeEventListener('abort', abort)
      }
    },
  }
}
