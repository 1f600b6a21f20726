import { writeSync } from 'node:fs'
import { type LogEntry, logLine } from '../../runtime/log.ts'

/** What became of a connection; smtp-delay(8), DIAGNOSTICS. */
export type Event = 'passed' | 'talked' | 'left' | 'refused' | 'denied' | 'failed'

/**
 * One line on standard error, in the form of onescan-queue(8), LOG; `pid` is the process that has
 * the connection. One that cannot be written decides nothing.
 */
export function log(event: Event, pid: number, ...entries: readonly LogEntry[]): void {
  const line = logLine([['program', 'smtp-delay'], ['event', event], ['pid', pid], ...entries])
  try {
    writeSync(2, line)
  } catch {
    // Full, closed, or nobody reads it.
  }
}
