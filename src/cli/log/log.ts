import type { ArgumentsCamelCase, CommandModule } from 'yargs'
import { type LogCriteria, matcherFor, prefilterFor } from '../../observe/log/criteria.ts'
import { type LogQuery, mergeLogs, readLog } from '../../observe/log/read-log.ts'
import { followed, type LogSource, STDIN } from '../../observe/log/sources.ts'
import { filesArgument, logSources, spanOf, spanOptions } from '../shared/log-arguments.ts'
import { flag, printsJson, text } from '../shared/options.ts'
import { FAILED, type Output, runCommand } from '../shared/run-command.ts'
import { printLines, printReports, recordAsObject } from './print-records.ts'

export interface LogOptions {
  files: string[]
  id?: string
  from?: string
  to?: string
  virus?: string
  decision?: string
  since?: string
  until?: string
  follow: boolean
  json: boolean
}

const NOTHING_FOUND = 1
/** The most characters of a value in a log line: onescan-queue(8), LIMITS. */
const VALUE_MAX = 400
/** `onescan log`: says what happened to a message. */
export const logCommand: CommandModule<object, LogOptions> = {
  command: 'log [files..]',
  describe: 'Say from the log what happened to a message',
  builder: (yargs) =>
    yargs
      .positional('files', filesArgument)
      .option('id', text('Part of the Message-ID, or the queue id of the MTA'))
      .option('from', text('Part of the sender'))
      .option('to', text('Part of a recipient'))
      .option('virus', text('Part of the name of the virus or banned attachment'))
      .option('decision', {
        choices: ['accept', 'quarantine', 'reject', 'defer', 'discard', 'pass'],
        requiresArg: true,
        describe: 'The decision about it',
      })
      .options(spanOptions)
      .option('follow', flag('Print new messages as they are written'))
      .option('json', printsJson)
      .example('$0 log /var/log/onescand --id 20261120.1@example.org', 'One message')
      .example('$0 log --virus Eicar --since yesterday', "In this host's log")
      .epilogue(
        'Logs may be compressed by gzip, xz or zstd; several are merged by time.\n\n' +
          'Exit codes: 0 something was found; 1 nothing was; 2 a log could not be read to its end.',
      ) as never,
  handler: (args) => runCommand('log', args, (output) => log(args, output)),
}

async function log(args: ArgumentsCamelCase<LogOptions>, output: Output): Promise<number> {
  const criteria = criteriaOf(args, Date.now())
  const sources = logSources(args.files, criteria, args.follow)
  let trouble = false
  const warn = (text: string) => {
    trouble = true
    output.error(text)
  }
  const query = { prefilter: prefilterFor(criteria), matches: matcherFor(criteria), warn }
  if (args.follow) return follow(sources, criteria.since !== undefined, query, output)
  const print = printLines()
  let found = 0
  for await (const records of mergeLogs(sources.map((source) => readLog(source, query)))) {
    found += records.length
    if (output.json) for (const record of records) await output.result(recordAsObject(record))
    else await print(records)
  }
  output.sum({ entries: found })
  if (trouble) return FAILED
  if (found > 0) return 0
  if (await nameNoMessage(sources)) output.error(SLOT_ELSEWHERE)
  return NOTHING_FOUND
}

/**
 * Prints the records that are written to these logs from now on, after the last ones or, if `whole`,
 * after all of them. Ends only if all programs that print the logs have ended. Returns the exit code.
 */
async function follow(
  sources: readonly LogSource[],
  whole: boolean,
  query: LogQuery,
  output: Output,
): Promise<number> {
  const print = output.json ? printReports : printLines()
  const isProgram = ({ files }: LogSource) => files.some(({ command }) => command !== undefined)
  const logs = sources.map((source) => (isProgram(source) ? source : followed(source, whole)))
  await Promise.all(
    logs.map(async (log) => {
      for await (const records of readLog(log, query)) await print(records)
    }),
  )
  return FAILED
}

/** The hint that the slot writes to another log; onescan-log(5). */
const SLOT_ELSEWHERE =
  'only onescand writes to this log: messages by qmail are in the log of the program that took ' +
  'them, for qmail-smtpd by multilog often /var/log/qmail/smtpd, for local mail syslog'

/** Whether these logs have lines of onescand, but none about a message. */
async function nameNoMessage(sources: readonly LogSource[]): Promise<boolean> {
  let hasLines = false
  const query = { prefilter: /onescan/, matches: () => true, warn: () => {} }
  for (const source of sources.filter(({ files }) => files[0]?.path !== STDIN)) {
    for await (const entries of readLog(source, query)) {
      if (entries.some(({ fields }) => fields.has('decision'))) return false
      hasLines = true
    }
  }
  return hasLines
}

function criteriaOf(args: ArgumentsCamelCase<LogOptions>, now: number): LogCriteria {
  return {
    id: args.id?.slice(0, VALUE_MAX),
    from: args.from,
    to: args.to,
    virus: args.virus,
    decision: args.decision,
    ...spanOf(args, now),
  }
}
