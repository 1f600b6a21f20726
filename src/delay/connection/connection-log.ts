import { writeSync } from 'node:fs'
import { attempt } from '../../lib/errors/fault.ts'
import { type LogField, logLine } from '../../lib/log/line-format.ts'

/** The events of smtp-delay(8), DIAGNOSTICS. */
export type ConnectionEvent =
  | 'passed'
  | 'talked'
  | 'left'
  | 'refused'
  | 'denied'
  | 'ended'
  | 'failed'

/** Makes a line in the form of onescan-log(5). `pid` is the process that has the connection. */
export function lineOf(
  event: ConnectionEvent,
  pid: number,
  ...fields: readonly LogField[]
): Buffer {
  return logLine([['program', 'smtp-delay'], ['event', event], ['pid', pid], ...fields])
}

/** Writes a line to standard error at once. If that fails, the line is lost. */
export function writeLine(line: Buffer): void {
  attempt(() => writeSync(2, line))
}

export function log(...line: Parameters<typeof lineOf>): void {
  writeLine(lineOf(...line))
}
