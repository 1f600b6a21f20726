import { decodeUtf8, LogFields } from '../log/fields.ts'
import { newLineHead } from '../log/line-head.ts'
import { createRecordReader, type LogRecord } from '../log/log-record.ts'

const PROGRAM = 'onescan: '
/** The most bytes of a line: onescan-queue(8), LIMITS. */
const LINE_MAX = 4096

/** The fields of a line of the log. */
export interface LineView {
  /** Returns the value of a field, or undefined if there is none. */
  value(name: string): string | undefined
}

/** Returns a function that views line after line. A view is valid until the next line. */
export function createLineViewer(): (line: string) => LineView {
  const bytes = Buffer.alloc(LINE_MAX)
  const fields = new LogFields()
  const view: LineView = {
    value(name) {
      const index = fields.find(name)
      return index < 0 ? undefined : decodeUtf8(fields.value(index))
    },
  }
  return (line) => {
    fields.read(bytes, PROGRAM.length, bytes.write(line, 'latin1'))
    return view
  }
}

const readEntry = createRecordReader()

/** Reads all fields of a line. */
export function readRecord(line: string, time: number): LogRecord {
  const bytes = Buffer.from(line, 'latin1')
  const head = newLineHead()
  Object.assign(head, { bytes, at: PROGRAM.length, end: bytes.length, time })
  return readEntry(head)
}

const QUOTE = 0x22
const fields = new LogFields()

/** Replaces the values of these fields by `instead`. Words that are no field are left out. */
export function replaceValues(line: string, names: readonly string[], instead: string): string {
  const bytes = Buffer.from(line, 'latin1')
  fields.read(bytes, PROGRAM.length, bytes.length)
  let text = PROGRAM.trimEnd()
  for (let index = 0; index < fields.count; index++) {
    const { start, end } = fields.span(index)
    const key = fields.key(index)
    const quotes = bytes[start - 1] === QUOTE ? 1 : 0
    const value = bytes.toString('latin1', start - quotes, end + quotes)
    text += ` ${key}=${names.includes(key) ? instead : value}`
  }
  return text
}
