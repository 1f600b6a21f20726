import { errorText } from '../../ground/errors/fault.ts'
import { logLines } from './lines.ts'
import { type LogRecord, readLogLine } from './log-record.ts'
import type { LogFile } from './sources.ts'

export interface LogQuery {
  /** Every matching line matches this, too; it spares most lines from being parsed. */
  readonly prefilter: RegExp
  readonly matches: (record: LogRecord) => boolean
  /** Gets a line about each file that cannot be read, or not to its end. */
  readonly warn: (text: string) => void
}

/**
 * Yields the matching records of these logs, one log after the other and each in its own order, those
 * of a chunk at a time.
 */
export async function* readLogs(
  files: readonly LogFile[],
  { prefilter, matches, warn }: LogQuery,
): AsyncGenerator<LogRecord[]> {
  for (const file of files) {
    try {
      for await (const lines of logLines(file)) {
        const records = lines.flatMap((line) => {
          if (!prefilter.test(line)) return []
          const record = readLogLine(line, file.modified)
          return record !== undefined && matches(record) ? [record] : []
        })
        if (records.length > 0) yield records
      }
    } catch (error) {
      warn(errorText(error))
    }
  }
}
