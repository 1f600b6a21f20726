import { writeSync } from 'node:fs'
import { printable } from '../../runtime/printable.ts'

/** The daemon's own trouble, a line each. What concerns a message is the client's to log. */
export function log(line: string): void {
  try {
    writeSync(2, `onescand: ${printable(line)}\n`)
  } catch {
    // Mail must not wait for a log that takes nothing.
  }
}
