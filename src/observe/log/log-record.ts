import { decodeUtf8, LogFields } from './fields.ts'
import { type LineHead, newLineHead, type ReadLineHead } from './line-head.ts'

/** A line of a log, read into its fields. */
export interface LogRecord {
  /** Milliseconds since 1970; NaN if the line has no time. */
  readonly time: number
  /** The host that wrote the line; '' if it is not known. */
  readonly host: string
  /**
   * The values as they were before they were logged. Of several fields of one name, the first
   * counts.
   */
  readonly fields: ReadonlyMap<string, string>
  /** The values of the fields `rcpt`; a line about a quarantined message has several. */
  readonly recipients: readonly string[]
}

/** Reads the fields of a line whose head was read before. */
export type ReadRecord = (head: LineHead) => LogRecord

export function createRecordReader(): ReadRecord {
  const line = new LogFields()
  return ({ bytes, at, end, time, host }) => {
    line.read(bytes, at, end)
    const fields = new Map<string, string>()
    const recipients: string[] = []
    for (let index = 0; index < line.count; index++) {
      const key = line.key(index)
      const value = decodeUtf8(line.value(index))
      if (key === 'rcpt') recipients.push(value)
      else if (!fields.has(key)) fields.set(key, value)
    }
    return { time, host, fields, recipients }
  }
}

/** Reads a single line; undefined if onescan did not write it. */
export function readLine(line: Buffer, readHead: ReadLineHead): LogRecord | undefined {
  const head = newLineHead()
  return readHead(line, 0, line.length, head) ? createRecordReader()(head) : undefined
}
