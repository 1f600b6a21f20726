import { errorText } from '../../ground/errors/fault.ts'
import { logLines } from './lines.ts'
import { type LogRecord, readLogLine } from './log-record.ts'
import type { LogSource } from './sources.ts'

export interface LogQuery {
  /** Every matching line matches this, too; it spares most lines from being parsed. */
  readonly prefilter: RegExp
  readonly matches: (record: LogRecord) => boolean
  /** Gets a line about each file that cannot be read, or not to its end. */
  readonly warn: (text: string) => void
}

/** Yields the matching records of a log in its own order, those of a chunk at a time. */
export async function* readLog(
  { files, label }: LogSource,
  { prefilter, matches, warn }: LogQuery,
): AsyncGenerator<LogRecord[]> {
  for (const file of files) {
    try {
      for await (const lines of logLines(file)) {
        const records = lines.flatMap((line) => {
          if (!prefilter.test(line)) return []
          const record = readLogLine(line, file.modified)
          if (record === undefined || !matches(record)) return []
          return [record.host === '' ? { ...record, host: label } : record]
        })
        if (records.length > 0) yield records
      }
    } catch (error) {
      warn(errorText(error))
    }
  }
}

/**
 * Yields the records of several logs in the order of their times. Each log keeps its own order: a
 * clock that was set back does not mix it up, and a line without a time follows the line before it.
 * If records of several logs have the same time, the log that was named first comes first.
 */
export async function* mergeLogs(
  logs: readonly AsyncIterable<readonly LogRecord[]>[],
): AsyncGenerator<readonly LogRecord[]> {
  if (logs.length === 1) return yield* logs[0]!
  const queues = await Promise.all(logs.map(RecordQueue.open))
  for (;;) {
    const waiting = queues.filter(({ isOver }) => !isOver)
    if (waiting.length === 0) return
    const merged: LogRecord[] = []
    while (waiting.every(({ hasNext }) => hasNext)) {
      const first = waiting.reduce((best, queue) => (queue.time < best.time ? queue : best))
      merged.push(first.take())
    }
    yield merged
    for (const queue of waiting) if (!queue.hasNext) await queue.fill()
  }
}

/** The records of a log that are at hand, the earliest first. */
class RecordQueue {
  readonly #batches: AsyncIterator<readonly LogRecord[]>
  #records: readonly LogRecord[] = []
  #at = 0
  #time = Number.NEGATIVE_INFINITY
  isOver = false

  private constructor(log: AsyncIterable<readonly LogRecord[]>) {
    this.#batches = log[Symbol.asyncIterator]()
  }

  static async open(log: AsyncIterable<readonly LogRecord[]>): Promise<RecordQueue> {
    const queue = new RecordQueue(log)
    await queue.fill()
    return queue
  }

  get hasNext(): boolean {
    return this.#at < this.#records.length
  }

  /** The time of the next record, or that of a record before it which was later. */
  get time(): number {
    const time = this.#records[this.#at]!.time
    return time > this.#time ? time : this.#time
  }

  take(): LogRecord {
    this.#time = this.time
    return this.#records[this.#at++]!
  }

  /** Reads until a record is at hand, or the log is over. */
  async fill(): Promise<void> {
    do {
      const { done, value } = await this.#batches.next()
      this.isOver = done === true
      this.#records = done ? [] : value
      this.#at = 0
    } while (!this.isOver && !this.hasNext)
  }
}
