import { decodeUtf8, LogFields } from '../log/fields.ts'
import { newLineHead } from '../log/line-head.ts'
import { createRecordReader, type LogRecord } from '../log/log-record.ts'

const PROGRAM = 'onescan: '
/** Bytes of a line: onescan-queue(8), LIMITS. */
const LINE_MAX = 4096

/** The fields of one line of the log, each read when it is asked for. */
export interface LineView {
  /** latin1; undefined if there is none. */
  value(name: string): string | undefined
}

/** A view of line after line; each is good until the next one is looked at. */
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

/** All that one line says. */
export function readRecord(line: string, time: number): LogRecord {
  const bytes = Buffer.from(line, 'latin1')
  const head = newLineHead()
  Object.assign(head, { bytes, at: PROGRAM.length, end: bytes.length, time })
  return readEntry(head)
}

const QUOTE = 0x22
const fields = new LogFields()

/** The line with `instead` for the values of these fields; what is no field behind the last one goes. */
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
