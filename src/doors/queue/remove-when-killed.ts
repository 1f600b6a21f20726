import type { Message } from '../../message/spool.ts'
import { exit } from '../shared/replies/exit-codes.ts'

const SIGNALS: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGINT', 'SIGHUP']

/**
 * While scanners run there may be a file with the message's name on it: a process that
 * is told to end removes it first and answers "try again". (`kill -9` leaves the file;
 * onescand sweeps it.)
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
