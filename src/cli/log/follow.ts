import { type LogCriteria, matcherFor, needleOf } from '../../observe/log/criteria.ts'
import { followLog, watchLogs } from '../../observe/log/follow.ts'
import { mergeLogs } from '../../observe/log/merge.ts'
import { type LogQuery, readLog } from '../../observe/log/read-log.ts'
import type { LogSource } from '../../observe/log/sources.ts'
import { FAILED, type Output } from '../shared/run-command.ts'
import { type PrintRecords, printLines, printReports } from './print-records.ts'

/** The number of earlier records that are printed first. */
const EARLIER = 10

/** The query for records that meet these criteria. */
export function queryFor(criteria: LogCriteria): LogQuery {
  return { needle: needleOf(criteria), matches: matcherFor(criteria) }
}

/**
 * Prints the records that are written to these logs from now on, after the last EARLIER ones or those
 * since `criteria.since`. Ends only if all logs come from programs, as from journalctl, and these end.
 * Returns the exit code.
 */
export async function follow(
  sources: readonly LogSource[],
  criteria: LogCriteria,
  output: Output,
): Promise<number> {
  const print = output.json ? printReports : printLines()
  const isFromProgram = ({ files }: LogSource) => files.some(({ command }) => command !== undefined)
  const files = sources.filter((source) => !isFromProgram(source))
  const options = { ...queryFor(criteria), warn: (text: string) => output.error(text) }
  await Promise.all([
    ...(files.length > 0 ? [followFiles(files, criteria, print)] : []),
    ...sources.filter(isFromProgram).map(async (source) => {
      for await (const records of readLog(source, options)) await print(records)
    }),
  ])
  return FAILED
}

async function followFiles(
  sources: readonly LogSource[],
  criteria: LogCriteria,
  print: PrintRecords,
): Promise<never> {
  const followers = sources.map((source) => followLog(source, queryFor(criteria)))
  const changes = watchLogs(sources)
  if (criteria.since === undefined) {
    const earlier = followers.flatMap((follower) => follower.last(EARLIER))
    earlier.sort((record, other) => record.time - other.time || 0)
    await print(earlier.slice(-EARLIER))
  } else {
    const logs = followers.map((follower) => follower.read())
    for await (const records of mergeLogs(logs)) await print(records)
  }
  for (;;) {
    for (const follower of followers) {
      for (const records of follower.read()) await print(records)
    }
    await changes.changed()
  }
}
