import { writeSync } from 'node:fs'
import { replaceUnprintable } from '../lib/errors/log.ts'

/** Logs the daemon's own trouble, a line each. What concerns a message is logged by its client. */
export function log(line: string): void {
  try {
    writeSync(2, `onescand: ${replaceUnprintable(line)}\n`)
  } catch {
    // Mail must not wait for a log that takes nothing.
  }
}
