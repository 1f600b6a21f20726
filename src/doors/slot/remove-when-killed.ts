import type { Message } from '../../message/spool.ts'
import { exit } from '../shared/replies/exit-codes.ts'

const SIGNALS: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGINT', 'SIGHUP']

/**
 * Removes the file of the message if this process is told to end while scanners run, and defers the
 * mail. (SIGKILL leaves the file; onescand sweeps it.)
 */
export function removeWhenKilled(message: Message): { stop(): void } {
  const end = () => {
    message.removeNamedFile()
    process.exit(exit.deferred)
  }
  for (const signal of SIGNALS) process.on(signal, end)
  return {
    stop() {
      for (const signal of SIGNALS) process.off(signal, end)
    },
  }
}
