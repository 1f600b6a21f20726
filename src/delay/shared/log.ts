import { writeSync } from 'node:fs'
import { type LogEntry, logLine } from '../../ground/errors/log.ts'

/** What became of a connection; smtp-delay(8), DIAGNOSTICS. */
export type ConnectionEvent = 'passed' | 'talked' | 'left' | 'refused' | 'denied' | 'failed'

/** A line in the form of onescan-log(5); `pid` is the process that has the connection. */
export function lineOf(
  event: ConnectionEvent,
  pid: number,
  ...entries: readonly LogEntry[]
): Buffer {
  return logLine([['program', 'smtp-delay'], ['event', event], ['pid', pid], ...entries])
}

/** Writes one line on standard error, at once. Nothing depends on whether that works. */
export function writeLine(line: Buffer): void {
  try {
    writeSync(2, line)
  } catch {
    // Full, closed, or nobody reads it.
  }
}

export function log(...line: Parameters<typeof lineOf>): void {
  writeLine(lineOf(...line))
}
