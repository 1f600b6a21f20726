import { existsSync } from 'node:fs'
import { LOG_VALUE_MAX } from '../../base/log/line-format.ts'
import { inheritedDescriptor } from '../../base/process/descriptors.ts'
import { readControlDirectories } from '../../base/settings/control-directories.ts'
import { harmlessLine } from '../../base/text/harmless.ts'
import { queryFor } from '../log/criteria.ts'
import { describeRecord } from '../log/describe-record.ts'
import type { LogRecord } from '../log/parsed-line.ts'
import { type LogFile, readLogs } from '../log/read-log.ts'
import { DECISIONS } from '../observe/report/counts.ts'
import { flag, printsJson, textOption } from './command/cli-options.ts'
import { FAILED, makeCommand } from './command/run-command.ts'
import { showsColours, writeOut } from './command/terminal.ts'
import { filesArgument, findLogs, spanOf, spanOptions } from './mail/log-arguments.ts'

const NOTHING_FOUND = 1

/** `onescan log`: reports what happened to a message. */
export const logCommand = makeCommand('log', {
  command: 'log [files..]',
  describe: 'Show from the log what happened to a message',
  builder: (yargs) =>
    yargs
      .positional('files', filesArgument)
      .option('id', textOption('Part of the Message-ID, or the queue id of the MTA'))
      .option('from', textOption('Part of the sender'))
      .option('to', textOption('Part of a recipient'))
      .option('virus', textOption('Part of the name of the virus or banned attachment'))
      .option('infected', flag('Mail in which something was found, whatever the decision'))
      .option('decision', {
        choices: ['tag', ...DECISIONS],
        requiresArg: true,
        describe: 'The decision about the message',
      })
      .options(spanOptions)
      .option('json', printsJson)
      .example('$0 log /var/log/onescand --id 20261120.1@example.org', 'One message')
      .example('$0 log --virus Eicar --since yesterday', "In this host's log")
      .example('$0 log --decision tag --since 7d', 'What was delivered with a tag last week')
      .example('tail -F /var/log/onescand/current | $0 log -', 'Each new message')
      .epilogue(
        'Several logs are read one after the other. onescan(1), EXAMPLES, shows how to merge and ' +
          'follow them, and to read compressed ones.\n\n' +
          'Exit codes: 0 messages were found; 1 none were found; 2 a log could not be read to its end.',
      ),
  async work(args, output) {
    const span = spanOf(args, Date.now())
    const logs = findLogs(args.files, span)
    const warn = (text: string) => output.error(text)
    const id = args.id?.slice(0, LOG_VALUE_MAX)
    const query = { ...queryFor({ ...args, ...span, id }), warn }
    const isColoured = showsColours()
    const line = (record: LogRecord) => `${describeRecord(record, isColoured, harmlessLine)}\n`
    let found = 0
    for await (const records of readLogs(logs, query)) {
      found += records.length
      if (!output.printsJson) await writeOut(records.map(line).join(''))
      else for (const record of records) await output.result(asObject(record))
    }
    output.sum({ entries: found })
    if (output.hasErrors) return FAILED
    if (found > 0) return 0
    if (await nameNoMessage(logs)) output.error(whereMessagesAre())
    return NOTHING_FOUND
  },
})

const asObject = ({ time, host, fields, recipients }: LogRecord) => ({
  ...(Number.isNaN(time) ? {} : { time: new Date(time).toISOString() }),
  ...(host && { host }),
  ...Object.fromEntries(fields),
  ...(recipients.length > 0 && { rcpt: recipients }),
})

/** The hint where messages are if a log has none: onescan-queue writes to another; onescan-log(5). */
const whereMessagesAre = () =>
  existsSync(readControlDirectories(process.env).qmailHome)
    ? "only onescand writes to this log; specify qmail-smtpd's log, with multilog often " +
      '/var/log/qmail/smtpd; local mail of qmail is in syslog'
    : 'onescand has logged no message here; run onescan check --mail to send test mail'

/** Resolves to whether these logs have lines of onescand, but none about a message. */
async function nameNoMessage(logs: readonly LogFile[]): Promise<boolean> {
  let hasLines = false
  const query = { prefilter: /onescan/, matches: () => true, warn: () => {} }
  const again = logs.filter(({ path }) => inheritedDescriptor(path) === undefined)
  for await (const records of readLogs(again, query)) {
    if (records.some(({ fields }) => fields.has('decision'))) return false
    hasLines = true
  }
  return hasLines
}
