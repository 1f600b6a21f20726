import { createEntryReader, type Entry } from '../log/entries.ts'
import {
  createFieldTable,
  decoded,
  fieldKey,
  fieldValue,
  findField,
  keyHash,
  readFields,
} from '../log/fields.ts'
import { newLineHead } from '../log/line-head.ts'

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
  const table = createFieldTable()
  const hashes = new Map<string, number>()
  const view: LineView = {
    value(name) {
      let hash = hashes.get(name)
      if (hash === undefined) {
        hash = keyHash(name)
        hashes.set(name, hash)
      }
      const index = findField(table, hash)
      return index < 0 ? undefined : decoded(fieldValue(bytes, table, index))
    },
  }
  return (line) => {
    const end = bytes.write(line, 'latin1')
    readFields(bytes, PROGRAM.length, end, table)
    return view
  }
}

const readEntry = createEntryReader()

/** All that one line says. */
export function entryOf(line: string, time: number): Entry {
  const bytes = Buffer.from(line, 'latin1')
  const head = newLineHead()
  Object.assign(head, { bytes, at: PROGRAM.length, end: bytes.length, time })
  return readEntry(head)
}

const QUOTE = 0x22
const spans = createFieldTable()

/** The line with `instead` for the values of these fields; what is no field behind the last one goes. */
export function withoutValues(line: string, names: readonly string[], instead: string): string {
  const bytes = Buffer.from(line, 'latin1')
  readFields(bytes, PROGRAM.length, bytes.length, spans)
  let text = PROGRAM.trimEnd()
  for (let index = 0; index < spans.count; index++) {
    const [start, end] = [spans.start[index]!, spans.end[index]!]
    const key = fieldKey(bytes, spans, index)
    const quotes = bytes[start - 1] === QUOTE ? 1 : 0
    const value = bytes.toString('latin1', start - quotes, end + quotes)
    text += ` ${key}=${names.includes(key) ? instead : value}`
  }
  return text
}
