import { createFieldTable, decoded, fieldKey, fieldValue, readFields } from './fields.ts'
import { type LineHead, newLineHead, type ReadLineHead } from './line-head.ts'

/** One line of a log, read. */
export interface Entry {
  /** Milliseconds since 1970; NaN where the line does not say. */
  readonly time: number
  /** '' where it is not known. */
  readonly host: string
  /** As they were before they were logged. Of fields of one name, the first. */
  readonly fields: ReadonlyMap<string, string>
  /** The fields `rcpt`, of which a line of a quarantined message has several. */
  readonly recipients: readonly string[]
}

/** Reads the fields of a line whose head was read. */
export type ReadEntry = (head: LineHead) => Entry

export function createEntryReader(): ReadEntry {
  const table = createFieldTable()
  return ({ bytes, at, end, time, host }) => {
    readFields(bytes, at, end, table)
    const fields = new Map<string, string>()
    const recipients: string[] = []
    for (let index = 0; index < table.count; index++) {
      const key = fieldKey(bytes, table, index)
      const value = decoded(fieldValue(bytes, table, index))
      if (key === 'rcpt') recipients.push(value)
      else if (!fields.has(key)) fields.set(key, value)
    }
    return { time, host, fields, recipients }
  }
}

/** One line by itself, or undefined if it is none of ours. */
export function readLine(line: Buffer, readHead: ReadLineHead): Entry | undefined {
  const head = newLineHead()
  return readHead(line, 0, line.length, head) ? createEntryReader()(head) : undefined
}
