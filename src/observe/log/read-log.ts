import { errorText } from '../../ground/errors/fault.ts'
import { createLineHeadReader, newLineHead } from './line-head.ts'
import { createLineCutter, type TakeLines } from './lines.ts'
import { createRecordReader, type LogRecord } from './log-record.ts'
import type { Needle } from './needle.ts'
import { openLog, type ReportProgress } from './open-log.ts'
import type { LogFile, LogSource } from './sources.ts'

/** Which entries are asked for. */
export interface LogQuery {
  /** Text that every wanted line has in it; undefined: there is none. */
  readonly needle: Needle | undefined
  readonly matches: (entry: LogRecord) => boolean
}

export interface ReadLogOptions extends LogQuery {
  readonly advance?: ReportProgress
  /** A line about a file that cannot be read, or not to its end. */
  readonly warn: (text: string) => void
}

const LINE_END = 10

/** The entries of a log that are wanted, in its own order, as many at a time as a chunk holds. */
export async function* readLog(
  { files, label }: LogSource,
  options: ReadLogOptions,
): AsyncGenerator<LogRecord[]> {
  for (const file of files) yield* readFile(file, label, options)
}

async function* readFile(
  file: LogFile,
  label: string,
  { advance, warn, ...asked }: ReadLogOptions,
): AsyncGenerator<LogRecord[]> {
  let found: LogRecord[] = []
  const cutter = createLineCutter(
    takeMatching(label, file.modified, asked, (entry) => found.push(entry)),
  )
  try {
    for await (const chunk of openLog(file, advance)) {
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

/** Reads lines of one log, and hands on the entries that are asked for. */
export function takeMatching(
  label: string,
  newest: number,
  { needle, matches: wanted }: LogQuery,
  found: (entry: LogRecord) => void,
): TakeLines {
  const take = createRecordTaker(label, newest, (entry) => {
    if (wanted(entry)) found(entry)
  })
  return needle === undefined ? take : takeLinesWith(needle, take)
}

/** Reads lines of one log into entries. */
export function createRecordTaker(
  label: string,
  newest: number,
  take: (entry: LogRecord) => void,
): TakeLines {
  const readHead = createLineHeadReader(newest)
  const readEntry = createRecordReader()
  const head = newLineHead()
  return (bytes, start, end) => {
    for (let at = start; at < end; ) {
      const behind = bytes.indexOf(LINE_END, at) + 1
      if (readHead(bytes, at, behind, head)) {
        head.host ||= label
        take(readEntry(head))
      }
      at = behind
    }
  }
}

/** Hands on only the lines that have the needle, which costs hardly more than to read them. */
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
