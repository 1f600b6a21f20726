import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { basename } from 'node:path'
import { errorCode } from '../../../lib/errors/fault.ts'
import { responds } from '../../../lib/path/responds.ts'
import type { ScanSettings } from '../contract/scan-settings.ts'
import { type ContentScanner, type ScanTask, unansweredBy } from '../contract/scanner.ts'
import { clean, type ScanResult, scannerDied, unknown } from '../findings/scan-result.ts'
import { databaseOfCommand, handingOverOption, namedResult } from './clamav-commands.ts'
import { killGroup, LineRelay, writeToLog } from './scanner-program.ts'

/** Bytes of a scanner's output in which the name of the virus is searched. */
const OUTPUT_MAX = 64 * 1024
/** Milliseconds for the rest of the output once the scanner has exited. */
const REST_OF_OUTPUT_WAIT = 500

/**
 * QHPSI as a command (README.qhpsi; IndiMail's qmail-queue.c). `%s` in any argument becomes the message's
 * path. A command without arguments receives the path as its argument. The message is also on standard input.
 * Exit code QHPSIRC is infected, QHPSIRN clean. After any other code, a signal or the deadline, the answer is
 * *unknown*. clamdscan gets an additional option (handingOverOption). The command runs in its own process
 * group, which is killed afterwards.
 */
export function commandScanner(
  settings: ScanSettings,
  argv: readonly string[],
  write = writeToLog,
): ContentScanner {
  const program = argv[0]!
  const codes = [settings.QHPSIRC, settings.QHPSIRN]
  const database = databaseOfCommand(argv)
  return {
    name: basename(program),
    hasBans: false,
    cacheable: {
      identity: `command(${[...codes, ...argv].map(encodeURIComponent).join(',')})`,
      signatures: database === undefined ? 'not reported' : "this host's",
      ...(database !== undefined && { loadsFrom: () => [database] }),
    },
    async scan(sample, task) {
      if (program.startsWith('/') && !(await responds(program)))
        return unknown(
          `${program}: its directory does not answer; check the file system`,
          'timeout',
        )
      const option = handingOverOption(argv)
      const { path } = await sample.file()
      const options = option ? [option] : []
      return run(settings, [program, ...options, ...fillIn(argv, path)], path, task, write)
    },
  }
}

function fillIn(argv: readonly string[], path: string): string[] {
  if (argv.length === 1) return [path]
  return argv.slice(1).map((word) => word.replaceAll('%s', () => path))
}

async function run(
  settings: ScanSettings,
  [program, ...argv]: readonly [string, ...string[]],
  path: string,
  task: ScanTask,
  write: (line: string) => void,
): Promise<ScanResult> {
  const stdin = openSync(path, 'r')
  let child: ChildProcess
  try {
    child = spawn(program, argv, {
      stdio: [stdin, 'pipe', 'pipe'],
      env: settings.environment,
      detached: true,
    })
  } finally {
    closeSync(stdin)
  }
  const output = collect(child)
  relayStderr(child, new LineRelay(basename(program), write))
  const end = await exitOf(program, child, task.signal)
  const printed = await output
  if (typeof end !== 'number') return end
  if (end === settings.QHPSIRN) return clean
  if (end === settings.QHPSIRC) return namedResult(printed, program)
  return unknown(`exit code ${end}`)
}

/**
 * Resolves to the code when the command has exited, or to why there is none. The end of its output is not
 * awaited, for a child may hold it open.
 */
function exitOf(
  program: string,
  child: ChildProcess,
  signal: AbortSignal,
): Promise<number | ScanResult> {
  return new Promise((resolve) => {
    const onAbort = () => {
      wasEnded = true
      killGroup(child, 'SIGTERM')
    }
    let wasEnded = signal.aborted
    const done = (end: number | ScanResult) => {
      signal.removeEventListener('abort', onAbort)
      killGroup(child, 'SIGKILL') // children that it left running
      resolve(wasEnded ? unansweredBy(signal) : end)
    }
    child.once('error', (error) => {
      const reason = `${program}: cannot be started (${errorCode(error)})`
      const remedy = errorCode(error) === 'ENOENT' ? '; install it, or correct QHPSI' : ''
      done(unknown(reason + remedy, 'unreachable'))
    })
    child.once('exit', (code, killedBy) =>
      done(code ?? scannerDied(`killed by ${killedBy}`, 'broken-off')),
    )
    signal.addEventListener('abort', onAbort)
    if (wasEnded) onAbort()
  })
}

/**
 * Resolves to the first OUTPUT_MAX bytes of the output, at its end, or a little after the exit if a process
 * still holds the output open. Further bytes are read and dropped, so that no scanner blocks.
 */
function collect(child: ChildProcess): Promise<string> {
  const kept: Buffer[] = []
  let size = 0
  child.stdout?.on('data', (chunk: Buffer) => {
    if (size < OUTPUT_MAX) kept.push(chunk)
    size += chunk.length
  })
  return new Promise((resolve) => {
    let timer: NodeJS.Timeout | undefined
    const finish = () => {
      clearTimeout(timer)
      child.stdout?.destroy()
      child.stderr?.destroy()
      resolve(Buffer.concat(kept).toString('latin1', 0, OUTPUT_MAX))
    }
    child.once('exit', () => {
      timer = setTimeout(finish, REST_OF_OUTPUT_WAIT)
    })
    child.once('close', finish)
    child.once('error', finish)
  })
}

function relayStderr({ stderr }: ChildProcess, relay: LineRelay): void {
  stderr?.on('data', (chunk: Buffer) => relay.push(chunk))
  stderr?.once('end', () => relay.end())
}
