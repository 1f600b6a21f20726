import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { attempt, errorTextAt, Fault } from '../../base/errors/fault.ts'
import { readUptime } from '../../base/flow/uptime.ts'
import { PathHandle } from '../../base/path/path-handle.ts'
import { whenInterrupted } from '../../base/process/command-line.ts'
import { inheritedDescriptor } from '../../base/process/descriptors.ts'
import { readControlDirectories } from '../../base/settings/control-directories.ts'
import { formatDuration } from '../../base/text/units.ts'
import { readSpoolSettings } from '../../mail/message/spool.ts'
import { NOTHING_SCANS } from '../scan/judge/context/judge-config.ts'
import { readScanSettings } from '../scan/scanners/contract/scan-settings.ts'
import { makeScanners } from '../scan/scanners/make-scanners.ts'
import { type ManualScan, scanBytes } from '../scan/scanners/run/manual-scan.ts'
import { flag } from './command/cli-options.ts'
import { FAILED, makeCommand } from './command/run-command.ts'
import { isAtTerminal, lineForTerminal } from './command/terminal.ts'
import { settingsOfOnescand } from './host/settings-file.ts'
import { addEnvironmentOptions, slotEnvironment } from './host/slot-environment.ts'
import {
  addMaxSizeOption,
  bytesOf,
  type MessageFile,
  maxSizeOf,
  openMessageFile,
  withRemedy,
} from './mail/message-file.ts'

const INFECTED = 1
/** Upper limit for nested directories: each is held open, and an owner could create any number. */
const DIRECTORY_DEPTH_MAX = 100

/** `onescan scan`: runs the scanners in QHPSI manually. It reads no stamps and makes none. */
export const scanCommand = makeCommand('scan', {
  command: 'scan <files..>',
  describe: 'Run the configured scanners over messages in files and directories',
  builder: (yargs) =>
    addMaxSizeOption(
      addEnvironmentOptions(yargs),
      'Larger files are not scanned, and not reported as clean',
    )
      .positional('files', {
        type: 'string',
        array: true,
        demandOption: true,
        describe:
          'Files that hold one message each, or directories of such files; - reads standard input',
      })
      .option('all', flag('Also list clean messages'))
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
      throw new Fault('config', `${NOTHING_SCANS}; try --env QHPSI='plugin: clamd' or --envdir`)
    }
    const spool = readSpoolSettings(env)
    const byHand: ManualScan = {
      spool,
      scanners: await makeScanners(settings),
      settings,
      whenInterrupted,
    }
    const maxSize = maxSizeOf(args)
    const counts = { clean: 0, infected: 0, unknown: 0 }
    const progress = isAtTerminal() ? new ScanProgress(countFiles(args.files)) : undefined
    for (const path of args.files) {
      for (const found of filesAt(path)) {
        const scanned =
          'reason' in found ? notScanned(found.reason) : await scanFile(found, byHand, maxSize)
        counts[scanned.answer]++
        const line = progress?.add()
        if (line !== undefined) output.warn(line)
        await output.result({ file: found.file, ...scanned })
        if (args.all || scanned.answer !== 'clean') {
          output.text(`${lineForTerminal(answerLine(found.file, scanned))}\n`)
        }
      }
    }
    output.sum({ ...counts })
    output.text(`${inWords(counts)}\n`)
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

  constructor(total: number) {
    this.#total = total
  }

  /** Counts a message. Returns a line if one is due. */
  add(): string | undefined {
    this.#done++
    const now = readUptime()
    if (now - this.#shown < PROGRESS_EACH) return undefined
    this.#shown = now
    const perSecond = this.#done / ((now - this.#began) / 1000)
    const left = Math.max(0, this.#total - this.#done) / perSecond
    return `${this.#done} of ${this.#total} messages, ${perSecond.toFixed(1)} a second, about ${formatDuration(left * 1000)} left`
  }
}

/** Returns the number of files at these paths, and in directories there. What cannot be read counts as one file. */
function countFiles(paths: readonly string[]): number {
  const filesBelow = (path: string) =>
    readdirSync(path, { recursive: true, withFileTypes: true }).filter(
      (entry) => !entry.isDirectory(),
    ).length
  return paths.reduce((sum, path) => sum + (attempt(() => filesBelow(path)) ?? 1), 0)
}

/** The result for one file. */
type ScanAnswer = { readonly size?: number } & (
  | { readonly answer: 'clean' }
  | { readonly answer: 'infected'; readonly name: string; readonly scanner: string }
  | { readonly answer: 'unknown'; readonly reason: string }
)

/** A file that was found: open, or with the reason why it cannot be read. */
type FoundFile = MessageFile | { readonly file: string; readonly reason: string }

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
    yield { file, reason: errorTextAt(file, error) }
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
  for (const name of directory.byteNames().sort(Buffer.compare).reverse()) {
    const file = join(shown, String(name))
    const open = (handle: PathHandle) => ({ file, ...handle.open() })
    yield* filesOf(file, depth + 1, () => directory.find(name), open)
  }
}

const notScanned = (reason: string): ScanAnswer => ({ answer: 'unknown', reason })

async function scanFile(
  file: MessageFile,
  byHand: ManualScan,
  maxSize: number,
): Promise<ScanAnswer> {
  try {
    const { size, result, notes } = await scanBytes(bytesOf(file, maxSize), byHand)
    switch (result.answer) {
      case 'clean':
        return { answer: 'clean', size }
      case 'infected':
        return { answer: 'infected', size, name: result.name, scanner: result.scanner! }
      case 'unread':
      case 'unknown':
        return { answer: 'unknown', size, reason: [result.reason, ...notes].join('; ') }
    }
  } catch (error) {
    return notScanned(errorTextAt(file.file, error))
  }
}

/** `Maildir/new/1: infected: EICAR-Test (clamd)`. */
function answerLine(file: string, found: ScanAnswer): string {
  switch (found.answer) {
    case 'clean':
      return `${file}: clean`
    case 'infected':
      return `${file}: infected: ${found.name} (${found.scanner})`
    case 'unknown':
      return `${file}: unknown: ${found.reason}`
  }
}

function inWords({ clean, infected, unknown }: Record<ScanAnswer['answer'], number>): string {
  const total = clean + infected + unknown
  const messages = `${total} ${total === 1 ? 'message' : 'messages'}`
  return `${messages}: ${clean} clean, ${infected} infected, ${unknown} unknown`
}
