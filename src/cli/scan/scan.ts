import type { ArgumentsCamelCase, CommandModule } from 'yargs'
import { errorText, Fault } from '../../ground/errors/fault.ts'
import { NOTHING_SCANS, readControlDirectories } from '../../judge/policy.ts'
import { readSpoolPolicy } from '../../message/spool-policy.ts'
import { makeScanners } from '../../scan/scanners.ts'
import { readScanPolicy } from '../../scan/shared/scan-policy.ts'
import { addMaxSizeOption, type MaxSizeOption, maxSizeOf } from '../shared/max-size-option.ts'
import {
  findSources,
  type MessageSource,
  messagesOf,
  type SourceMessage,
} from '../shared/message-sources.ts'
import { mustRunOwnScanners } from '../shared/must-run-own.ts'
import { type Progress, showProgress } from '../shared/progress.ts'
import { FAILED, type Output, runCommand } from '../shared/run-command.ts'
import { type ManualScan, scanBytes } from '../shared/scan-bytes.ts'
import {
  addEnvironmentOptions,
  type EnvironmentOptions,
  slotEnvironment,
} from '../shared/slot-environment.ts'
import { type AnswerCounts, addUp, inWords, resultLine, type ScanAnswer } from './result.ts'

interface ScanOptions extends EnvironmentOptions, MaxSizeOption {
  files: string[]
  all: boolean
  json: boolean
}

const INFECTED = 1

/** `onescan scan`: runs the scanners in QHPSI by hand. It looks at no stamps and makes none. */
export const scanCommand: CommandModule<object, ScanOptions> = {
  command: 'scan <files..>',
  describe: 'Run the configured scanners over files, Maildirs and mboxes',
  builder: (yargs) =>
    addMaxSizeOption(
      addEnvironmentOptions(yargs),
      'Larger files are not scanned, and not reported as clean',
    )
      .positional('files', {
        type: 'string',
        array: true,
        demandOption: true,
        describe: 'Messages, mboxes (they begin with "From "), Maildirs; - reads standard input',
      })
      .option('all', { type: 'boolean', default: false, describe: 'List clean messages, too' })
      .option('json', { type: 'boolean', default: false, describe: 'Print JSON, all messages' })
      .example("$0 scan --env QHPSI='plugin: clamd' ~/Maildir", 'With clamd, even if QHPSI is set')
      .example('$0 scan --envdir /service/smtpd/env inbox.mbox', 'As the SMTP service would')
      .epilogue(
        'QHPSI and the settings of the scanners count as in the slot; stamps, QHPSIMINSIZE ' +
          'and QHPSIMAXSIZE do not.\n\nExit codes: 0 all are clean; 1 something was found; ' +
          '2 nothing was found, but not all could be scanned.',
      ),
  handler: (args) => runCommand('scan', args, (output) => scan(args, output)),
}

async function scan(args: ArgumentsCamelCase<ScanOptions>, output: Output): Promise<number> {
  const env = slotEnvironment(process.env, args)
  const policy = readScanPolicy(env, readControlDirectories(env))
  if (policy === undefined) {
    throw new Fault('config', `${NOTHING_SCANS}; try --env QHPSI='plugin: clamd' or --envdir`)
  }
  mustRunOwnScanners(policy)
  const byHand: ManualScan = {
    spool: readSpoolPolicy(env),
    scanners: await makeScanners(policy),
    timeout: policy.timeout,
    maxNesting: policy.nesting.max,
    secondLook: policy.secondLook.when,
  }
  const counts: AnswerCounts = { clean: 0, infected: 0, unknown: 0 }
  const maxSize = maxSizeOf(args)
  const { sources, missing } = listSources(args.files, output)
  const progress = await showProgress(sources.reduce((sum, { size }) => sum + size, 0))
  const report = async (message: Pick<SourceMessage, 'file' | 'number'>, found: ScanAnswer) => {
    addUp(counts, found)
    await output.result({ file: message.file, message: message.number, ...found })
    if (output.json || (found.answer === 'clean' && !args.all)) return
    progress.line(resultLine(message, found))
  }
  try {
    for (const source of sources) {
      await scanSource(source, { byHand, progress, report, maxSize })
    }
  } finally {
    progress.stop()
  }
  output.sum({ ...counts })
  if (!output.json) progress.line(inWords(counts))
  if (counts.infected > 0) return INFECTED
  return counts.unknown > 0 || missing > 0 ? FAILED : 0
}

/** The files to scan. A missing file is an error, and does not count as a message. */
function listSources(
  paths: readonly string[],
  output: Output,
): { sources: MessageSource[]; missing: number } {
  const sources: MessageSource[] = []
  let missing = 0
  for (const path of paths) {
    try {
      for (const source of findSources(path)) sources.push(source)
    } catch (error) {
      missing++
      output.error(errorText(error))
    }
  }
  return { sources, missing }
}

interface ScanJob {
  readonly byHand: ManualScan
  readonly progress: Progress
  readonly report: (
    message: Pick<SourceMessage, 'file' | 'number'>,
    found: ScanAnswer,
  ) => Promise<void>
  /** The most bytes of a file. */
  readonly maxSize: number
}

async function scanSource(source: MessageSource, job: ScanJob): Promise<void> {
  let number: number | undefined
  try {
    for await (const message of messagesOf(source, job.maxSize)) {
      number = message.number
      const bytes = counted(message.bytes, job.progress)
      await job.report(message, await scanMessage(bytes, job))
    }
  } catch (error) {
    await job.report({ file: source.file, number }, { answer: 'unknown', why: errorText(error) })
  }
}

async function scanMessage(bytes: AsyncIterable<Buffer>, { byHand }: ScanJob): Promise<ScanAnswer> {
  const { size, result, notes } = await scanBytes(bytes, byHand)
  switch (result.answer) {
    case 'clean':
      return { answer: 'clean', size }
    case 'infected':
      return { answer: 'infected', size, name: result.name, scanner: result.scanner }
    case 'skipped':
    case 'nested':
    case 'crowded':
    case 'strange':
    case 'unknown':
      return { answer: 'unknown', size, why: [result.why, ...notes].join('; ') }
  }
}

async function* counted(bytes: AsyncIterable<Buffer>, progress: Progress): AsyncGenerator<Buffer> {
  for await (const chunk of bytes) {
    yield chunk
    progress.advance(chunk.length)
  }
}
