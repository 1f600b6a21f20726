import { closeSync, createReadStream, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { attempt, errorCode, errorTextAt, Fault } from '../../base/errors/fault.ts'
import { readUptime } from '../../base/flow/uptime.ts'
import { PathHandle } from '../../base/path/path-handle.ts'
import { whenInterrupted } from '../../base/process/command-line.ts'
import { inheritedDescriptor } from '../../base/process/descriptors.ts'
import { readControlDirectories } from '../../base/settings/control-directories.ts'
import { shellWord } from '../../base/text/shell-word.ts'
import { formatDuration } from '../../base/text/units.ts'
import { wholeNumber } from '../../base/text/values.ts'
import { readSpoolSettings } from '../../mail/message/spool.ts'
import { NOTHING_SCANS } from '../scan/judge/context/judge-config.ts'
import { readScanSettings } from '../scan/scanners/contract/scan-settings.ts'
import { makeScanners } from '../scan/scanners/make-scanners.ts'
import { type ManualScan, scanBytes } from '../scan/scanners/run/manual-scan.ts'
import { flag, textOption } from './command/cli-options.ts'
import { FAILED, makeCommand, type Output } from './command/run-command.ts'
import { isAtTerminal, lineForTerminal } from './command/terminal.ts'
import { settingsOfOnescand } from './host/settings-file.ts'
import { addEnvironmentOptions, slotEnvironment } from './host/slot-environment.ts'
import { type DoveadmMail, doveadmMails } from './mail/doveadm-mails.ts'
import { spanOptions } from './mail/log-arguments.ts'
import {
  addMaxSizeOption,
  bytesOf,
  type MessageFile,
  maxSizeOf,
  openMessageFile,
  withRemedy,
} from './mail/message-file.ts'
import {
  isAfter,
  keep,
  MovedMessages,
  mailboxDirectory,
  NOT_MOVED,
  ResumePlace,
  timeSince,
} from './scan-again.ts'

const INFECTED = 1
/** Upper limit for nested directories: each is held open, and an owner could create any number. */
const DIRECTORY_DEPTH_MAX = 100

/** `onescan scan`: runs the scanners in QHPSI manually. It reads no stamps and makes none. */
export const scanCommand = makeCommand('scan', {
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
        flag(
          'Scan only messages that arrived at most 36 hours before the last signature change, or later',
        ),
      )
      .option('since', spanOptions.since)
      .option('jobs', textOption('Messages that are scanned at once, 1 to 64', { default: '1' }))
      .option('after', textOption('Resume after this file, the last one of an earlier scan'))
      .option('quarantine', textOption('Move infected messages to this quarantine'))
      .option('doveadm', flag('The files are what doveadm fetch prints'))
      .implies('since', 'again')
      .option('json', flag('Print JSON, all messages'))
      .example("$0 scan --env QHPSI='plugin: clamd' ~/Maildir", 'With clamd, even if QHPSI is set')
      .example('$0 scan --envdir /service/qmail-smtpd/env mail.eml', 'As the SMTP service would')
      .epilogue(
        'QHPSI and the settings of the scanners apply; stamps, QHPSIMINSIZE ' +
          'and QHPSIMAXSIZE do not.\n\nExit codes: 0 all are clean; 1 something was found; ' +
          '2 nothing was found, but not all could be scanned.',
      ),
  async work(args, output) {
    const given = slotEnvironment(process.env, args)
    const env = given.QHPSI ? given : { ...given, ...settingsOfOnescand() }
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
    const counts = { clean: 0, infected: 0, unknown: 0 }
    const progress = isAtTerminal() && !args.doveadm ? new ScanProgress(args.files) : undefined
    const place = new ResumePlace()
    const files = args.doveadm ? mailsFrom(args.files) : filesFrom(args.files, args.after)
    const moved = new MovedMessages()
    /** Scans files one after the other, each of which no other call scans. */
    const scanNext = async () => {
      for await (const listed of files) {
        const line = progress?.add(place.text)
        if (line !== undefined) output.warn(line)
        const found = ('isGone' in listed && moved.find(listed.file)) || listed
        const isOld = since !== undefined && 'fd' in found && found.stats.mtimeMs < since
        if (isOld || moved.has(listed.file)) {
          if ('fd' in found) closeSync(found.fd)
          continue
        }
        const settle = place.begin(listed.file)
        const { file, scanned, kept } = await scanAndKeep(found, (opened) => scanFile(opened, byHand, maxSize), { quarantine: args.quarantine, moved, output }) // biome-ignore format: a line
        counts[scanned.answer]++
        const mailbox =
          'mailbox' in found ? found.mailbox : args.again ? mailboxDirectory(file) : undefined
        await output.result({ file, ...scanned, ...(mailbox && { mailbox }), ...kept })
        if (args.all || scanned.answer !== 'clean') {
          output.text(`${lineForTerminal(answerLine(file, scanned, kept?.kept))}\n`)
        }
        settle()
      }
    }
    await Promise.all(Array.from({ length: jobs }, scanNext))
    output.sum({ ...counts })
    output.text(`${describeCounts(counts)}\n`)
    if (counts.infected > 0) return INFECTED
    return counts.unknown > 0 ? FAILED : 0
  },
})

/** Milliseconds between two lines about the progress. */
const PROGRESS_EACH = 5_000

/** How far a long scan has come, for the person at the terminal. */
class ScanProgress {
  readonly #total: number
  readonly #began = readUptime()
  #done = 0
  #shown = this.#began

  constructor(paths: readonly string[]) {
    this.#total = paths.reduce((sum, path) => sum + countFiles(path), 0)
  }

  /** Counts a message. Returns a line if one is due; `place` is where an interrupted scan can go on. */
  add(place: string | undefined): string | undefined {
    this.#done++
    const now = readUptime()
    if (now - this.#shown < PROGRESS_EACH) return undefined
    this.#shown = now
    const perSecond = this.#done / ((now - this.#began) / 1000)
    const left = Math.max(0, this.#total - this.#done) / perSecond
    const resume = place === undefined ? '' : `; to resume from here: --after ${shellWord(place)}`
    return `${this.#done} of ${this.#total} messages, ${perSecond.toFixed(1)} a second, about ${formatDuration(left * 1000)} left${resume}`
  }
}

/** Returns the number of files at a path, and in directories there. What cannot be read counts as one file. */
function countFiles(path: string): number {
  const entries = attempt(() => readdirSync(path, { withFileTypes: true }))
  if (entries === undefined) return 1
  return entries.reduce(
    (sum, entry) => sum + (entry.isDirectory() ? countFiles(join(path, entry.name)) : 1),
    0,
  )
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

/** A file that was found: open, or with the reason why it cannot be read. `isGone`: it was there a moment ago. */
type FoundFile =
  | MessageFile
  | { readonly file: string; readonly reason: string; readonly isGone?: true }

/** Times that a message is looked for where a mail reader has moved it. */
const MOVES_MAX = 3

interface KeepRun {
  readonly quarantine: string | undefined
  readonly moved: MovedMessages
  readonly output: Pick<Output, 'error'>
}

/**
 * Scans a file and moves it to the quarantine if it is infected. If a mail reader has moved it meanwhile, it is scanned again
 * where it is then.
 */
async function scanAndKeep(
  found: FoundFile | DoveadmMail,
  scan: (file: MessageFile | DoveadmMail) => Promise<ScanAnswer>,
  { quarantine, moved, output }: KeepRun,
) {
  const { file } = found
  if ('reason' in found) return { file, scanned: notScanned(found.reason), kept: undefined }
  let scanned = await scan(found)
  if (!('fd' in found)) return { file, scanned, kept: undefined }
  for (let moves = 0, at: MessageFile = found; ; moves++) {
    const kept = await keep(at, scanned, quarantine, output)
    if (kept !== 'gone') return { file: at.file, scanned, kept }
    const now = moves < MOVES_MAX ? moved.find(at.file) : undefined
    if (now === undefined) {
      output.error(`${at.file}: ${NOT_MOVED}: it is no longer there`)
      return { file: at.file, scanned, kept: undefined }
    }
    at = now
    scanned = await scan(now)
  }
}

/** Yields the messages in what doveadm(1) has printed to these files. Throws if it is in another form. */
async function* mailsFrom(paths: readonly string[]): AsyncGenerator<DoveadmMail> {
  for (const path of paths) {
    const { file, fd } = openMessageFile(path)
    yield* doveadmMails(createReadStream(file, { fd }))
  }
}

/**
 * Yields the files at these paths as filesAt() does, after the one with which an earlier scan ended. Throws a Fault if that
 * is in none of them.
 */
function* filesFrom(paths: readonly string[], after: string | undefined): Generator<FoundFile> {
  const isIn = (path: string) => after === path || after?.startsWith(`${path.replace(/\/+$/, '')}/`)
  const first = after === undefined ? 0 : paths.findIndex(isIn)
  if (first < 0) throw new Fault('config', `--after ${after}: is in none of the paths`)
  for (const [at, path] of paths.entries()) {
    if (at < first) continue
    for (const found of filesAt(path)) {
      if (after === undefined || at > first || isAfter(found.file, after)) yield found
      else if ('fd' in found) closeSync(found.fd)
    }
  }
}

/**
 * Yields the file at a path or, for a directory, all files in it and below. None is omitted: a link or a
 * device, or a file that cannot be opened, is yielded with the reason why it is not read. The caller that
 * takes an open file closes it.
 */
function* filesAt(path: string): Generator<FoundFile> {
  if (path === '-' || inheritedDescriptor(path) !== undefined) {
    yield openMessageFile(path)
    return
  }
  const find = () => {
    try {
      return PathHandle.find(path)
    } catch (error) {
      throw withRemedy(error, path)
    }
  }
  yield* filesOf(path, 1, find, () => openMessageFile(path))
}

/** Yields the file that `find` finds and `open` opens or, for a directory, all files in it and below. */
function* filesOf(
  file: string,
  depth: number,
  find: () => PathHandle,
  open: (handle: PathHandle) => MessageFile,
): Generator<FoundFile> {
  let handle: PathHandle | undefined
  try {
    handle = find()
    if (handle.stats.isDirectory()) yield* filesIn(handle, file, depth)
    else yield open(handle)
  } catch (error) {
    const isGone = depth > 1 && errorCode(error) === 'ENOENT'
    yield { file, reason: errorTextAt(file, error), ...(isGone && { isGone }) }
  } finally {
    handle?.close()
  }
}

/**
 * Yields the files of a directory. No link is followed, and no FIFO is opened: the owner may have created any
 * kind of file. The names come in the order in which a message moves in a Maildir: tmp, new, cur, a folder.
 * So a message that a mail reader moves meanwhile is found in its new folder or reported as missing, but
 * never omitted silently.
 */
function* filesIn(directory: PathHandle, shown: string, depth: number): Generator<FoundFile> {
  if (depth > DIRECTORY_DEPTH_MAX)
    throw new Error(`${shown}: is more than ${DIRECTORY_DEPTH_MAX} directories deep`)
  // As text of one byte a character, 50,000 names take 3 MB, and as buffers ten times that.
  const names = directory.byteNames().map((name) => name.toString('latin1'))
  for (const text of names.sort().reverse()) {
    const name = Buffer.from(text, 'latin1')
    const file = join(shown, String(name))
    const open = (handle: PathHandle) => ({ file, ...handle.open() })
    yield* filesOf(file, depth + 1, () => directory.find(name), open)
  }
}

const notScanned = (reason: string): ScanAnswer => ({ answer: 'unknown', reason })

async function scanFile(
  file: MessageFile | DoveadmMail,
  byHand: ManualScan,
  maxSize: number,
): Promise<ScanAnswer> {
  try {
    const bytes = 'pieces' in file ? file.pieces(maxSize) : bytesOf(file, maxSize)
    const { size, result, notes, messageId } = await scanBytes(bytes, byHand)
    switch (result.answer) {
      case 'clean':
        return { answer: 'clean', size }
      case 'infected':
        return { answer: 'infected', size, name: result.name, scanner: result.scanner!, messageId }
      case 'unread':
      case 'unknown':
        return { answer: 'unknown', size, reason: [result.reason, ...notes].join('; ') }
    }
  } catch (error) {
    return notScanned(errorTextAt(file.file, error))
  }
}

/** `Maildir/new/1: infected: EICAR-Test (clamd)`. */
function answerLine(file: string, found: ScanAnswer, kept: string | undefined): string {
  switch (found.answer) {
    case 'clean':
      return `${file}: clean`
    case 'infected':
      return `${file}: infected: ${found.name} (${found.scanner})${kept ? `, quarantined as ${kept}` : ''}`
    case 'unknown':
      return `${file}: unknown: ${found.reason}`
  }
}

function describeCounts({
  clean,
  infected,
  unknown,
}: Record<ScanAnswer['answer'], number>): string {
  const total = clean + infected + unknown
  const messages = `${total} ${total === 1 ? 'message' : 'messages'}`
  return `${messages}: ${clean} clean, ${infected} infected, ${unknown} unknown`
}
