import type { LogRecord } from './log-record.ts'

/** Most entries that are handed on at once. */
const TOGETHER = 1000

/** A log by batches of its entries. */
type RecordBatches = AsyncIterable<readonly LogRecord[]> | Iterable<readonly LogRecord[]>

/**
 * The entries of several logs by their times. Each log stays in its own order, as it was
 * written: a clock that was set back does not mix it up, and a line without a time stands
 * where the line before it stands. Of several at one time those of the log that was named first
 * come first.
 */
export async function* mergeLogs(
  logs: readonly RecordBatches[],
): AsyncGenerator<readonly LogRecord[]> {
  const open = logs.map(startReader)
  let merged: LogRecord[] = []
  for (;;) {
    for (const reader of [...open]) {
      if (reader.entry !== undefined) continue
      // What is there already does not wait while more of a log is waited for.
      if (merged.length > 0) yield merged
      merged = []
      if (!(await reader.more())) open.splice(open.indexOf(reader), 1)
    }
    if (open.length === 0) return
    if (open.length === 1) {
      if (merged.length > 0) yield merged
      yield* open[0]!.rest()
      return
    }
    while (merged.length < TOGETHER && takeFirst(open, merged));
    if (merged.length >= TOGETHER) {
      yield merged
      merged = []
    }
  }
}

/** Moves the first entry of all; false if its log has no more at hand. */
function takeFirst(open: readonly LogReader[], into: LogRecord[]): boolean {
  let first = open[0]!
  for (const reader of open) if (reader.time < first.time) first = reader
  into.push(first.entry!)
  first.step()
  return first.entry !== undefined
}

interface LogReader {
  /** The next one; undefined if `more` must be waited for. */
  entry: LogRecord | undefined
  time: number
  step(): void
  /** Reads until there is an entry; false at the end. */
  more(): Promise<boolean>
  /** The entries at hand, and then all that follow. */
  rest(): AsyncGenerator<readonly LogRecord[]>
}

function startReader(log: RecordBatches): LogReader {
  const batches = Symbol.asyncIterator in log ? log[Symbol.asyncIterator]() : log[Symbol.iterator]()
  let batch: readonly LogRecord[] = []
  let index = -1
  const reader: LogReader = {
    entry: undefined,
    time: Number.NEGATIVE_INFINITY,
    step() {
      reader.entry = batch[++index]
      const time = reader.entry?.time ?? Number.NaN
      if (time > reader.time) reader.time = time
    },
    async more() {
      const { done, value } = await batches.next()
      batch = done ? [] : value
      index = -1
      reader.step()
      return !done && (reader.entry !== undefined || reader.more())
    },
    async *rest() {
      if (reader.entry !== undefined) yield batch.slice(index)
      for (;;) {
        const { done, value } = await batches.next()
        if (done) return
        yield value
      }
    },
  }
  return reader
}
