import { createReadStream } from 'node:fs'
import { attempt, errorCode, errorTextAt, Fault, isFault } from '../../../base/errors/fault.ts'
import { whenInterrupted } from '../../../base/process/command-line.ts'
import type { Environment } from '../../../base/process/environment.ts'
import { readControlDirectories } from '../../../base/settings/control-directories.ts'
import { harmlessLine } from '../../../base/text/harmless.ts'
import { shellWord } from '../../../base/text/shell-word.ts'
import { formatCount } from '../../../base/text/units.ts'
import { wholeNumber } from '../../../base/text/values.ts'
import { readSpoolSettings } from '../../../mail/message/spool.ts'
import { settingsOfOnescand } from '../../configuration/settings-of-onescand.ts'
import { parseTime } from '../../log/criteria.ts'
import { NOTHING_SCANS } from '../../scan/judge/context/judge-config.ts'
import { CONFIG_FILES, databaseIn, firstConfOf } from '../../scan/scanners/clamd/clamd-conf.ts'
import { readScanSettings } from '../../scan/scanners/contract/scan-settings.ts'
import type { Cause } from '../../scan/scanners/findings/scan-result.ts'
import { makeScanners } from '../../scan/scanners/make-scanners.ts'
import { type ManualScan, scanBytes } from '../../scan/scanners/run/manual-scan.ts'
import { readSignatureFiles } from '../../scan/scanners/signatures/signature-files.ts'
import { flag, textOption } from '../command/cli-options.ts'
import { FAILED, makeCommand, type Output } from '../command/run-command.ts'
import { isAtTerminal } from '../command/terminal.ts'
import { addEnvironmentOptions, slotEnvironment } from '../host/slot-environment.ts'
import { type DoveadmMail, doveadmMails } from '../mail/doveadm-mails.ts'
import { spanOptions } from '../mail/log-arguments.ts'
import { addMaxSizeOption, bytesOf, maxSizeOf, openMessageFile } from '../mail/message-file.ts'
import {
  closeFound,
  type FoundFile,
  filesFrom,
  MovedMessages,
  mailboxDirectory,
  type PlacedMessage,
} from './mail-files.ts'
import { moveToQuarantine, type Removal, type Removed } from './move-to-quarantine.ts'
import { ResumePlace, ScanProgress } from './scan-progress.ts'
import { ScannerOutage } from './scanner-outage.ts'
import { SecondJudge } from './second-judge.ts'

/** Exit codes: something was found, and all was scanned; something was found, and not all was scanned. */
const INFECTED = 1
const INFECTED_IN_PART = 3

/** `onescan scan`: runs the scanners in QHPSI manually. It reads no stamps and makes none. */
export const scanCommand = makeCommand('scan', {
  printsLines: true,
  command: 'scan <files..>',
  describe: 'Scan messages in files and directories, or delivered mail once more (--again)',
  builder: (yargs) =>
    addMaxSizeOption(addEnvironmentOptions(yargs), 'Larger files are reported as unknown')
      .positional('files', {
        type: 'string',
        array: true,
        demandOption: true,
        describe:
          'Files that hold one message each, or directories of such files; - reads standard input',
      })
      .option('all', flag('Also list clean messages'))
      .option(
        'again',
        flag('Scan only messages that arrived since 36 hours before the last signature change'),
      )
      .option('since', spanOptions.since)
      .option('jobs', textOption('Messages that are scanned at once, 1 to 64', { default: '1' }))
      .option('after', textOption('Resume after this file, which an incomplete scan names'))
      .option('quarantine', textOption('Move to this quarantine what the settings do not accept'))
      .option('doveadm', flag('The files are what doveadm fetch prints: only report'))
      .implies('since', 'again')
      .option('json', flag('Print JSON, a line for each message and one for the sum'))
      .example("$0 scan --env QHPSI='plugin: clamd' ~/Maildir", 'With clamd, even if QHPSI is set')
      .example('$0 scan --envdir /service/qmail-smtpd/env mail.eml', 'As the SMTP service would')
      .epilogue(
        'QHPSI and the settings of the scanners apply; stamps, QHPSIMINSIZE ' +
          'and QHPSIMAXSIZE do not.\n\nExit codes: 0 all are clean; 1 something was found; ' +
          '2 nothing was found, but not all was scanned; 3 something was found, and not all was scanned.',
      ),
  async work(args, output) {
    const named = slotEnvironment(process.env, args)
    const env = named.QHPSI
      ? named
      : { ...named, ...settingsOfOnescand(), ...slotEnvironment({}, args) }
    const settings = readScanSettings(env, readControlDirectories(env))
    if (settings === undefined) {
      throw new Fault('config', `${NOTHING_SCANS}; add --env QHPSI='plugin: clamd', or --envdir`)
    }
    const spool = readSpoolSettings(env)
    const byHand: ManualScan = {
      spool,
      scanners: await makeScanners(settings),
      settings,
      whenInterrupted,
    }
    const maxSize = maxSizeOf(args)
    const jobs = wholeNumber(args.jobs, '--jobs', 1, { min: 1, max: 64 })
    if (args.doveadm && (jobs > 1 || args.after !== undefined || args.quarantine !== undefined))
      throw new Fault('config', '--doveadm: excludes --jobs, --after and --quarantine; omit them')
    const since = args.again && !args.doveadm ? await timeSince(args.since, env) : undefined
    const patience = args.again ? settings.timeout : 0
    const run: ScanRun = {
      scan: (found) => scanFile(found, byHand, maxSize),
      outage: new ScannerOutage(byHand, patience, (text) => output.warn(text)),
      removal: await removalTo(args.quarantine, env, byHand),
      moved: new MovedMessages(),
      output,
    }
    const counts = { clean: 0, infected: 0, unknown: 0 }
    const progress = isAtTerminal() && !args.doveadm ? new ScanProgress(args.files) : undefined
    const place = new ResumePlace()
    const files = args.doveadm
      ? mailsFrom(args.files)
      : filesFrom(args.files, { after: args.after, remedy: args.again ? OWNER_OF_MAIL : undefined })
    let outage: string | undefined
    /** Scans files one after the other, each of which no other call scans. */
    const scanNext = async () => {
      for await (const listed of files) {
        const line = progress?.add(place.text)
        if (line !== undefined) output.warn(line)
        const found = whereItIs(listed, run.moved)
        const isOld = since !== undefined && 'fd' in found && found.stats.mtimeMs < since
        if (isOld || run.moved.has(listed.file)) {
          if (!('pieces' in found)) closeFound(found)
          continue
        }
        const settle = place.begin(listed.file)
        const outcome = await scanAndRemove(found, run)
        const { file, scanned, removed } = outcome
        if (scanned !== undefined) {
          counts[scanned.answer]++
          const mailbox =
            'mailbox' in found ? found.mailbox : args.again ? mailboxDirectory(file) : undefined
          await output.result({ file, ...scanned, ...(mailbox && { mailbox }), ...removed })
          if (args.all || scanned.answer !== 'clean')
            output.text(`${harmlessLine(answerLine(file, scanned, removed))}\n`)
        }
        settle(outcome.isSettled ? 'settled' : 'to be repeated')
        outage ??= outcome.outage
        if (outage !== undefined) return
      }
    }
    await Promise.all(Array.from({ length: jobs }, scanNext))
    if (outage !== undefined) output.error(`the scanners scan nothing: ${outage}`)
    if (place.isHeld && args.again) {
      const hasPlace = place.text !== undefined && !args.doveadm
      const rest = !hasPlace ? '' : ` with --after ${shellWord(place.text ?? '')}`
      output.error(`not all was scanned; repeat the scan${rest}`)
    }
    output.sum({ ...counts })
    output.text(`${describeCounts(counts)}\n`)
    const isWhole = counts.unknown === 0 && !place.isHeld
    if (counts.infected > 0) return isWhole ? INFECTED : INFECTED_IN_PART
    return isWhole ? 0 : FAILED
  },
})

const OWNER_OF_MAIL = 'specify the account that owns the mail: --user ACCOUNT'

/** Returns where infected mail is moved, or undefined if it is not moved. */
async function removalTo(
  directory: string | undefined,
  env: Environment,
  { scanners }: ManualScan,
): Promise<Removal | undefined> {
  const rules = directory && (await SecondJudge.make(env, scanners, directory))
  return directory && rules ? { directory, rules } : undefined
}

/**
 * Milliseconds before the present signatures came: ClamAV publishes new ones once a day, so mail of this time was scanned
 * with those before them.
 */
const BEFORE_SIGNATURES = 36 * 60 * 60 * 1000

/**
 * Returns the time from which mail is scanned again, in unix milliseconds: `words`, or some time before the signatures of
 * this host's clamd last changed. Rejects with a Fault if that is not known.
 */
async function timeSince(words: string | undefined, env: Environment): Promise<number> {
  const now = Date.now()
  if (words !== undefined) return parseTime('--since', words, now)
  const directory = env.CLAMDBDIR || databaseIn(firstConfOf(CONFIG_FILES))
  const files = await readSignatureFiles(directory, now)
  const changed = files?.official?.changed ?? files?.changed
  if (changed !== undefined) return changed * 1000 - BEFORE_SIGNATURES
  throw new Fault('config', `--again: ${directory} has no signatures; specify --since TIME`)
}

/** Yields the messages in what doveadm(1) has printed to these files. Throws if it is in another form. */
async function* mailsFrom(paths: readonly string[]): AsyncGenerator<DoveadmMail> {
  for (const path of paths) {
    const { file, fd } = openMessageFile(path)
    yield* doveadmMails(createReadStream(file, { fd }))
  }
}

/** The result for one file. */
type ScanAnswer = { readonly size?: number } & (
  | { readonly answer: 'clean' }
  | {
      readonly answer: 'infected'
      readonly name: string
      readonly scanner: string
      readonly messageId: string | null
    }
  | { readonly answer: 'unknown'; readonly reason: string }
)

/** What a scan has for each message. */
interface ScanRun {
  readonly scan: (found: PlacedMessage | DoveadmMail) => Promise<ScannedFile>
  readonly outage: ScannerOutage
  readonly removal: Removal | undefined
  readonly moved: MovedMessages
  readonly output: Pick<Output, 'error'>
}

/** The outcome for a file. */
interface ScannedMail {
  readonly file: string
  /** The result, or undefined for a directory that was not read. */
  readonly scanned?: ScanAnswer
  /** Where an infected message is now, or why it stays. */
  readonly removed?: Extract<Removed, { kept: string } | { stays: string }>
  /** Whether another scan with the same scanners would have the same result. */
  readonly isSettled: boolean
  /** The failure of scanners that scan nothing any longer. */
  readonly outage?: string
}

/** Returns a file that has moved since it was listed where it is now, and any other one unchanged. */
function whereItIs(listed: FoundFile | DoveadmMail, moved: MovedMessages): FoundFile | DoveadmMail {
  const now = 'is' in listed && listed.is === 'gone' ? moved.find(listed) : undefined
  if (now === undefined || 'pieces' in listed) return listed
  closeFound(listed)
  return now
}

/** Times that a message is looked for where a mail reader has moved it. */
const MOVES_MAX = 3

/**
 * Scans a file, and closes it. Moves it to the quarantine if it is infected and the settings keep such mail out. If a mail
 * reader has moved it meanwhile, it is scanned again where it is then.
 */
async function scanAndRemove(found: FoundFile | DoveadmMail, run: ScanRun): Promise<ScannedMail> {
  if ('pieces' in found) return scanWhenAnswered(found, run)
  if ('reason' in found) {
    closeFound(found)
    return withoutScan(found, run.output)
  }
  for (let moves = 0, at = found; ; moves++) {
    const outcome = await scanWhenAnswered(at, run)
    const removed =
      run.removal && outcome.scanned?.answer === 'infected'
        ? await moveToQuarantine(at, outcome.scanned.name, run.removal)
        : undefined
    const next = removed === 'gone' && moves < MOVES_MAX ? run.moved.find(at) : undefined
    at.entry?.directory.close()
    if (next === undefined) return withRemoval(outcome, removed, run.output)
    at = next
  }
}

function withoutScan(
  { file, reason, is }: Extract<FoundFile, { reason: string }>,
  output: Pick<Output, 'error'>,
): ScannedMail {
  if (is !== 'directory') return { file, scanned: notScanned(reason), isSettled: is !== 'closed' }
  output.error(`${file}: ${reason}`)
  return { file, isSettled: false }
}

function withRemoval(
  outcome: ScannedMail,
  removed: Removed | undefined,
  output: Pick<Output, 'error'>,
): ScannedMail {
  if (removed === undefined) return outcome
  if (removed !== 'gone' && !('failed' in removed)) return { ...outcome, removed }
  const reason = removed === 'gone' ? 'it is no longer there' : removed.failed
  output.error(`${outcome.file}: was not moved to the quarantine: ${reason}`)
  return { ...outcome, isSettled: removed === 'gone' }
}

/** Scans a message, and once more if the scanners fail and then scan again. */
async function scanWhenAnswered(
  found: PlacedMessage | DoveadmMail,
  { scan, outage }: ScanRun,
): Promise<ScannedMail> {
  const { file } = found
  const { scanned, failed } = await scan(found)
  if (failed !== 'scanners' || scanned.answer !== 'unknown')
    return { file, scanned, isSettled: failed === undefined }
  const { reason } = scanned
  if (!(await outage.hasEnded(reason))) return { file, scanned, isSettled: false, outage: reason }
  const entry = 'pieces' in found ? undefined : found.entry
  const opened = entry && attempt(() => entry.directory.find(entry.name))
  if (opened === undefined) return { file, scanned, isSettled: false }
  const second = attempt(() => ({ file, ...opened.open() }))
  opened.close()
  if (second === undefined) return { file, scanned, isSettled: false }
  const again = await scan(second)
  return { file, scanned: again.scanned, isSettled: again.failed === undefined }
}

const notScanned = (reason: string): ScanAnswer => ({ answer: 'unknown', reason })

interface ScannedFile {
  readonly scanned: ScanAnswer
  /** What failed, if another attempt may have a result. */
  readonly failed?: 'scanners' | 'file' | undefined
}

/** Causes that lie in the message: it has the same result each time. */
const OF_MESSAGE: ReadonlySet<Cause> = new Set(['limit', 'plugin', 'poison'])

async function scanFile(
  file: PlacedMessage | DoveadmMail,
  byHand: ManualScan,
  maxSize: number,
): Promise<ScannedFile> {
  try {
    const bytes = 'pieces' in file ? file.pieces(maxSize) : bytesOf(file, maxSize)
    const { size, result, notes, messageId } = await scanBytes(bytes, byHand)
    switch (result.answer) {
      case 'clean':
        return { scanned: { answer: 'clean', size } }
      case 'infected': {
        const { name, scanner = '' } = result
        return { scanned: { answer: 'infected', size, name, scanner, messageId } }
      }
      case 'unread':
      case 'unknown': {
        const reason = [result.reason, ...notes].join('; ')
        const isOfMessage = result.answer === 'unread' || OF_MESSAGE.has(result.cause)
        const failed = isOfMessage ? undefined : 'scanners'
        return { scanned: { answer: 'unknown', size, reason }, failed }
      }
    }
  } catch (error) {
    const scanned = notScanned(errorTextAt(file.file, error))
    return { scanned, failed: errorCode(error) || isFault(error) ? 'file' : undefined }
  }
}

/** `Maildir/new/1: infected: EICAR-Test (clamd)`. */
function answerLine(file: string, found: ScanAnswer, removed: ScannedMail['removed']): string {
  switch (found.answer) {
    case 'clean':
      return `${file}: clean`
    case 'infected': {
      const then =
        removed === undefined
          ? ''
          : 'kept' in removed
            ? `, quarantined as ${removed.kept}`
            : `, stays: ${removed.stays}`
      return `${file}: infected: ${found.name} (${found.scanner})${then}`
    }
    case 'unknown':
      return `${file}: unknown: ${found.reason}`
  }
}

function describeCounts({
  clean,
  infected,
  unknown,
}: Record<ScanAnswer['answer'], number>): string {
  const messages = formatCount(clean + infected + unknown, 'message')
  return `${messages}: ${clean} clean, ${infected} infected, ${unknown} unknown`
}
