import type { ArgumentsCamelCase, CommandModule } from 'yargs'
import { type LogCriteria, matcherFor, needleOf } from '../observe/log/criteria.ts'
import { colours, describeRecord, noColours } from '../observe/log/describe-record.ts'
import { followLog, watchLogs } from '../observe/log/follow.ts'
import type { LogRecord } from '../observe/log/log-record.ts'
import { mergeLogs } from '../observe/log/merge.ts'
import { type LogQuery, readLog } from '../observe/log/read-log.ts'
import type { LogSource } from '../observe/log/sources.ts'
import { STDIN } from '../observe/log/sources.ts'
import { forTerminal } from './shared/for-terminal.ts'
import { jsonLine } from './shared/json-report.ts'
import { filesArgument, logSources, spanOf, spanOptions } from './shared/log-arguments.ts'
import { FAILED, type Output, runCommand } from './shared/run-command.ts'
import { takesColours } from './shared/takes-colours.ts'
import { writeOut } from './shared/write-out.ts'

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
/** The number of earlier entries that `--follow` shows first. */
const SHOWN_BEFORE = 10

/** `onescan log`: says what happened to a message. */
export const logCommand: CommandModule<object, LogOptions> = {
  command: 'log [files..]',
  describe: 'Say from the log what happened to a message',
  builder: (yargs) =>
    yargs
      .positional('files', filesArgument)
      .option('id', {
        type: 'string',
        requiresArg: true,
        describe: 'Part of the Message-ID, or the queue id of the MTA',
      })
      .option('from', { type: 'string', requiresArg: true, describe: 'Part of the sender' })
      .option('to', { type: 'string', requiresArg: true, describe: 'Part of a recipient' })
      .option('virus', {
        type: 'string',
        requiresArg: true,
        describe: 'Part of the name of the virus or banned attachment',
      })
      .option('decision', {
        choices: ['accept', 'quarantine', 'reject', 'defer', 'discard', 'pass'],
        requiresArg: true,
        describe: 'The decision about it',
      })
      .options(spanOptions)
      .option('follow', {
        type: 'boolean',
        default: false,
        describe: 'Print new messages as they are written',
      })
      .option('json', { type: 'boolean', default: false, describe: 'Print JSON' })
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
  if (args.follow) return follow(sources, criteria, output)
  let trouble = false
  const warn = (text: string) => {
    trouble = true
    output.error(text)
  }
  const options = { ...askedBy(criteria), warn }
  const show = inWordsOn()
  let found = 0
  for await (const entries of mergeLogs(sources.map((source) => readLog(source, options)))) {
    found += entries.length
    if (output.json) for (const entry of entries) await output.result(asObject(entry))
    else await writeOut(entries.map(show).join(''))
  }
  output.sum({ entries: found })
  if (trouble) return FAILED
  if (found > 0) return 0
  if (await nameNoMessage(sources)) output.error(SLOT_ELSEWHERE)
  return NOTHING_FOUND
}

/** The hint that the slot writes to another log; onescan-log(5). */
const SLOT_ELSEWHERE =
  'only onescand writes to this log: messages by qmail are in the log of the program that took ' +
  'them, for qmail-smtpd by multilog often /var/log/qmail/smtpd, for local mail syslog'

/** Whether these logs have lines of onescand, but none about a message. */
async function nameNoMessage(sources: readonly LogSource[]): Promise<boolean> {
  let hasLines = false
  const options = { needle: undefined, matches: () => true, warn: () => {} }
  for (const source of sources.filter(({ files }) => files[0]?.path !== STDIN)) {
    for await (const entries of readLog(source, options)) {
      if (entries.some(({ fields }) => fields.has('decision'))) return false
      hasLines = true
    }
  }
  return hasLines
}

function askedBy(criteria: LogCriteria): LogQuery {
  return { needle: needleOf(criteria), matches: matcherFor(criteria) }
}

async function follow(
  sources: readonly LogSource[],
  criteria: LogCriteria,
  output: Output,
): Promise<number> {
  const show = output.json ? asLines : inWordsAll()
  const isPrinted = ({ files }: LogSource) => files.some(({ command }) => command !== undefined)
  const files = sources.filter((source) => !isPrinted(source))
  await Promise.all([
    ...(files.length > 0 ? [followFiles(files, criteria, show)] : []),
    ...sources.filter(isPrinted).map(async (source) => {
      const warn = (text: string) => output.error(text)
      for await (const entries of readLog(source, { ...askedBy(criteria), warn })) {
        await show(entries)
      }
    }),
  ])
  return FAILED // only a program that prints a log can end
}

type PrintEntries = (entries: readonly LogRecord[]) => Promise<void>

async function followFiles(
  sources: readonly LogSource[],
  criteria: LogCriteria,
  show: PrintEntries,
): Promise<never> {
  const followers = sources.map((source) => followLog(source, askedBy(criteria)))
  const changes = watchLogs(sources)
  if (criteria.since === undefined) {
    const before = followers.flatMap((follower) => follower.last(SHOWN_BEFORE))
    before.sort((entry, other) => entry.time - other.time || 0)
    await show(before.slice(-SHOWN_BEFORE))
  } else {
    for await (const entries of mergeLogs(followers.map((follower) => follower.read())))
      await show(entries)
  }
  for (;;) {
    for (const follower of followers) {
      for (const entries of follower.read()) await show(entries)
    }
    await changes.changed()
  }
}

function inWordsAll(): PrintEntries {
  const show = inWordsOn()
  return (entries) => writeOut(entries.map(show).join(''))
}

/** Prints each entry as an object of its own, since nobody knows which one is the last. */
function asLines(entries: readonly LogRecord[]): Promise<void> {
  return writeOut(entries.map((entry) => jsonLine('log', asObject(entry))).join(''))
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

function inWordsOn(): (entry: LogRecord) => string {
  const paint = takesColours() ? colours : noColours
  return (entry) => `${describeRecord(entry, paint, harmless)}\n`
}

/** Text that can be printed as it is: nearly all of a log. */
const PLAIN = /^[ -~]*$/

/** Makes text safe for one line of a terminal. */
function harmless(text: string): string {
  if (PLAIN.test(text)) return text
  return forTerminal(text.replace(/[\n\t]/g, (character) => (character === '\n' ? '\\n' : '\\t')))
}

function asObject({ time, host, fields, recipients }: LogRecord): object {
  return {
    ...(Number.isNaN(time) ? {} : { time: new Date(time).toISOString() }),
    ...(host && { host }),
    ...Object.fromEntries(fields),
    ...(recipients.length > 0 && { rcpt: recipients }),
  }
}
