import { errorText } from '../../ground/errors/fault.ts'
import { createLineHeadReader, newLineHead } from './line-head.ts'
import { createLineCutter, type TakeLines } from './lines.ts'
import { createRecordReader, type LogRecord } from './log-record.ts'
import type { Needle } from './needle.ts'
import { logBytes, type ReportProgress } from './open-log.ts'
import type { LogFile, LogSource } from './sources.ts'

/** A query for records of a log. */
export interface LogQuery {
  /** A text that every matching line contains; undefined if there is none. */
  readonly needle: Needle | undefined
  readonly matches: (record: LogRecord) => boolean
}

export interface ReadLogOptions extends LogQuery {
  readonly advance?: ReportProgress
  /** Gets a line about each file that cannot be read, or not to its end. */
  readonly warn: (text: string) => void
}

const LINE_END = 10

/** Yields the matching records of a log in its own order, in batches of the size of a chunk. */
export async function* readLog(
  { files, label }: LogSource,
  options: ReadLogOptions,
): AsyncGenerator<LogRecord[]> {
  for (const file of files) yield* readFile(file, label, options)
}

async function* readFile(
  file: LogFile,
  label: string,
  { advance, warn, ...query }: ReadLogOptions,
): AsyncGenerator<LogRecord[]> {
  let found: LogRecord[] = []
  const cutter = createLineCutter(
    takeMatching(label, file.modified, query, (record) => found.push(record)),
  )
  try {
    for await (const chunk of logBytes(file, advance)) {
      cutter.push(chunk)
      if (found.length > 0) yield found
      found = []
    }
  } catch (error) {
    warn(errorText(error))
  }
  cutter.end()
  if (found.length > 0) yield found
}

/** Returns a function that reads lines of one log and hands on the records that match. */
export function takeMatching(
  label: string,
  newest: number,
  { needle, matches }: LogQuery,
  found: (record: LogRecord) => void,
): TakeLines {
  const take = createRecordTaker(label, newest, (record) => {
    if (matches(record)) found(record)
  })
  return needle === undefined ? take : takeLinesWith(needle, take)
}

/** Returns a function that reads lines of one log into records. */
export function createRecordTaker(
  label: string,
  newest: number,
  take: (record: LogRecord) => void,
): TakeLines {
  const readHead = createLineHeadReader(newest)
  const readRecord = createRecordReader()
  const head = newLineHead()
  return (bytes, start, end) => {
    for (let at = start; at < end; ) {
      const behind = bytes.indexOf(LINE_END, at) + 1
      if (readHead(bytes, at, behind, head)) {
        head.host ||= label
        take(readRecord(head))
      }
      at = behind
    }
  }
}

/**
 * Hands on only the lines that contain the needle; to find them costs hardly more than to read
 * them.
 */
function takeLinesWith(needle: Needle, take: TakeLines): TakeLines {
  return (bytes, start, end) => {
    const lines = bytes.subarray(start, end)
    for (let at = needle.find(lines, 0); at >= 0; ) {
      const first = lines.lastIndexOf(LINE_END, at) + 1
      const behind = lines.indexOf(LINE_END, at) + 1
      take(lines, first, behind)
      at = needle.find(lines, behind)
    }
  }
}
