import { colours, describeRecord, noColours } from '../../observe/log/describe-record.ts'
import type { LogRecord } from '../../observe/log/log-record.ts'
import { lineForTerminal } from '../shared/for-terminal.ts'
import { jsonLine } from '../shared/json-report.ts'
import { takesColours } from '../shared/takes-colours.ts'
import { writeOut } from '../shared/write-out.ts'

/** Prints records of a log. */
export type PrintRecords = (records: readonly LogRecord[]) => Promise<void>

/** Prints a readable line for each record. */
export function printLines(): PrintRecords {
  const paint = takesColours() ? colours : noColours
  const lineOf = (record: LogRecord) => `${describeRecord(record, paint, lineForTerminal)}\n`
  return (records) => writeOut(records.map(lineOf).join(''))
}

/** Prints each record as a JSON report of its own, since nobody knows which one is the last. */
export function printReports(records: readonly LogRecord[]): Promise<void> {
  return writeOut(records.map((record) => jsonLine('log', recordAsObject(record))).join(''))
}

/** A record as one object: its time, its host, its fields, and all recipients. */
export function recordAsObject({ time, host, fields, recipients }: LogRecord): object {
  return {
    ...(Number.isNaN(time) ? {} : { time: new Date(time).toISOString() }),
    ...(host && { host }),
    ...Object.fromEntries(fields),
    ...(recipients.length > 0 && { rcpt: recipients }),
  }
}
