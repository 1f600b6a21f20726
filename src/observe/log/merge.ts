import type { LogRecord } from './log-record.ts'

/** The most records that are handed on at once. */
const TOGETHER = 1000

/** The records of a log, in batches. */
type RecordBatches = AsyncIterable<readonly LogRecord[]> | Iterable<readonly LogRecord[]>

/**
 * Yields the records of several logs in the order of their times. Each log keeps its own order: a
 * clock that was set back does not mix it up, and a line without a time follows the line before it.
 * If records of several logs have the same time, the log that was named first comes first.
 */
export async function* mergeLogs(
  logs: readonly RecordBatches[],
): AsyncGenerator<readonly LogRecord[]> {
  const open = logs.map(startReader)
  let merged: LogRecord[] = []
  for (;;) {
    for (const reader of [...open]) {
      if (reader.record !== undefined) continue
      // Records that are there already do not wait for a log.
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

/** Moves the earliest record. Returns false if its log has no further one at hand. */
function takeFirst(open: readonly LogReader[], into: LogRecord[]): boolean {
  let first = open[0]!
  for (const reader of open) if (reader.time < first.time) first = reader
  into.push(first.record!)
  first.step()
  return first.record !== undefined
}

interface LogReader {
  /** The next record; undefined if the caller must wait for `more`. */
  record: LogRecord | undefined
  time: number
  step(): void
  /** Reads until there is a record. Resolves with false at the end. */
  more(): Promise<boolean>
  /** Yields the records at hand, and then all that follow. */
  rest(): AsyncGenerator<readonly LogRecord[]>
}

function startReader(log: RecordBatches): LogReader {
  const batches = Symbol.asyncIterator in log ? log[Symbol.asyncIterator]() : log[Symbol.iterator]()
  let batch: readonly LogRecord[] = []
  let index = -1
  const reader: LogReader = {
    record: undefined,
    time: Number.NEGATIVE_INFINITY,
    step() {
      reader.record = batch[++index]
      const time = reader.record?.time ?? Number.NaN
      if (time > reader.time) reader.time = time
    },
    async more() {
      const { done, value } = await batches.next()
      batch = done ? [] : value
      index = -1
      reader.step()
      return !done && (reader.record !== undefined || reader.more())
    },
    async *rest() {
      if (reader.record !== undefined) yield batch.slice(index)
      for (;;) {
        const { done, value } = await batches.next()
        if (done) return
        yield value
      }
    },
  }
  return reader
}
