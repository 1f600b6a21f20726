import { harmlessLine } from '../../base/text/harmless.ts'
import { readLogs } from '../log/read-log.ts'
import { formatReport } from '../observe/report/format-report.ts'
import { Tally } from '../observe/report/tally.ts'
import { printsJson } from './command/cli-options.ts'
import { FAILED, makeCommand } from './command/run-command.ts'
import { writeOut } from './command/terminal.ts'
import { filesArgument, findLogs, spanOf, spanOptions } from './mail/log-arguments.ts'

/** `onescan report`: sums up the log. */
export const reportCommand = makeCommand('report', {
  command: 'report [files..]',
  describe: 'Summarize the log: decisions, scans, viruses, causes of deferral',
  builder: (yargs) =>
    yargs
      .positional('files', filesArgument)
      .options(spanOptions)
      .option('json', printsJson)
      .example('$0 report /var/log/onescand --since yesterday', "One host's log")
      .example('zcat -f /var/log/mail.log* | $0 report -', 'All files of a rotated log')
      .epilogue(
        'Logs are read as by "onescan log".\n\n' +
          'Exit codes: 0 all was read; 2 a log could not be read, or not to its end.',
      ),
  async work(args, output) {
    const span = spanOf(args, Date.now())
    const { since = Number.NEGATIVE_INFINITY, until = Number.POSITIVE_INFINITY } = span
    const isTimed = args.since !== undefined || args.until !== undefined
    const query = {
      prefilter: /onescan/,
      matches: ({ time }: { readonly time: number }) =>
        isTimed ? time >= since && time < until : true,
      warn: (text: string) => output.error(text),
    }
    const tally = new Tally()
    for await (const records of readLogs(findLogs(args.files, span), query)) {
      for (const record of records) tally.add(record)
    }
    const summary = tally.summary()
    if (output.printsJson) await output.result(summary)
    else await writeOut(formatReport(summary, harmlessLine))
    return output.hasErrors ? FAILED : 0
  },
})
