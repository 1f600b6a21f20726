import type { ArgumentsCamelCase, CommandModule } from 'yargs'
import { writeNamedFile } from '../ground/path/write.ts'
import { colours, noColours } from '../observe/log/describe-record.ts'
import { formatHtml } from '../observe/report/html.ts'
import { formatMail } from '../observe/report/mail.ts'
import { sumUp } from '../observe/report/sum-up.ts'
import { formatText } from '../observe/report/terminal.ts'
import { quarantineByMail } from './quarantine/by-mail.ts'
import { forTerminal } from './shared/for-terminal.ts'
import { filesArgument, logSources, spanOf, spanOptions } from './shared/log-arguments.ts'
import { showProgress } from './shared/progress.ts'
import { FAILED, type Output, runCommand } from './shared/run-command.ts'
import { takesColours } from './shared/takes-colours.ts'
import { writeOut } from './shared/write-out.ts'

interface ReportOptions {
  files: string[]
  since?: string
  until?: string
  html?: string
  mail?: string
  quarantine?: string
  json: boolean
}

/** The width of a mail's lines. */
const MAIL_WIDTH = 78

/** `onescan report`: sums up the log. */
export const reportCommand: CommandModule<object, ReportOptions> = {
  command: 'report [files..]',
  describe: 'Sum up the log: decisions, scans, viruses, causes of deferral',
  builder: (yargs) =>
    yargs
      .positional('files', filesArgument)
      .options(spanOptions)
      .option('html', {
        type: 'string',
        requiresArg: true,
        describe: 'Write a page with plots into this file',
      })
      .option('mail', {
        type: 'string',
        requiresArg: true,
        describe: 'Print a message to this address, for sendmail -t',
      })
      .option('quarantine', {
        type: 'string',
        requiresArg: true,
        describe: "The quarantine that --mail reports [default: onescand's]",
      })
      .implies('quarantine', 'mail')
      .option('json', { type: 'boolean', default: false, describe: 'Print JSON' })
      .example('$0 report /var/log/onescand --since yesterday', 'For a terminal')
      .example('$0 report --html report.html mx1/current mx2/current', 'Two hosts, one page')
      .epilogue('Logs are read as by "onescan log".') as never,
  handler: (args) => runCommand('report', args, (output) => report(args, output)),
}

async function report(args: ArgumentsCamelCase<ReportOptions>, output: Output): Promise<number> {
  const now = Date.now()
  const span = spanOf(args, now)
  const sources = logSources(args.files, span)
  const files = sources.flatMap(({ files }) => files)
  const progress = await showProgress(files.reduce((sum, { size }) => sum + size, 0))
  let trouble = false
  const warn = (text: string) => {
    trouble = true
    output.error(text)
  }
  const summary = await sumUp(sources, span, { advance: progress.advance, warn }).finally(
    progress.stop,
  )

  const text = (form: { readonly width: number; readonly isMail: boolean }) =>
    formatText(summary, {
      paint: !form.isMail && takesColours() ? colours : noColours,
      width: form.width,
      blocks: !form.isMail && showsBlocks(),
      clean,
    })
  if (args.html !== undefined) writeNamedFile(args.html, formatHtml(summary, now))
  if (output.json) await output.result(summary)
  else if (args.mail !== undefined) {
    const counts = text({ width: MAIL_WIDTH, isMail: true })
    // This comes after all other files that root reads and writes: root becomes the quarantine's
    // account.
    const kept = await quarantineByMail(args.quarantine, span, { width: MAIL_WIDTH, clean, warn })
    await writeOut(formatMail(summary, counts + kept, args.mail, new Date(now)))
  } else if (args.html === undefined) {
    await writeOut(text({ width: process.stdout.columns ?? 80, isMail: false }))
  }
  return trouble ? FAILED : 0
}

/** Makes text one line that is harmless in a terminal and in a mail. */
function clean(words: string): string {
  return forTerminal(words.replace(/[\n\t]/g, ' '))
}

/** Whether the locale shows blocks of eighths, which are no ASCII characters; locale(7). */
function showsBlocks(): boolean {
  const { LC_ALL, LC_CTYPE, LANG } = process.env
  return /utf-?8/i.test(LC_ALL || LC_CTYPE || LANG || '')
}
