import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { errorCode } from '../../../../base/errors/fault.ts'
import { codeInWords } from '../../../../base/errors/system-error.ts'
import { unansweredBy } from '../contract/scanner.ts'
import { type ScanResult, scannerDied, unknown } from '../findings/scan-result.ts'
import { killGroup, type LineRelay } from './scanner-program.ts'

/** Upper limit, in bytes, for the output of a scanner that is kept. */
const OUTPUT_MAX = 64 * 1024
/** Milliseconds for the rest of the output once the scanner has exited. */
const REST_OF_OUTPUT_WAIT = 500

interface ScannerProgram {
  readonly argv: readonly [string, ...string[]]
  /** The message, which is also its standard input. */
  readonly path: string
  /** Its whole environment. */
  readonly environment: Readonly<Record<string, string>>
  /** Receives its standard error. */
  readonly relay: LineRelay
}

/**
 * Runs a scanner in its own process group, which is killed afterwards, and ended when the signal is aborted.
 * Resolves to its exit code, or to why there is none, and to its output (latin1). This differs from runProgram() in what
 * a scanner needs: time to end at SIGTERM, its complaints as lines of the log, and output of any length.
 */
export async function runScanner(
  { argv: [program, ...argv], path, environment, relay }: ScannerProgram,
  signal: AbortSignal,
): Promise<{ readonly end: number | ScanResult; readonly printed: string }> {
  const stdin = openSync(path, 'r')
  let child: ChildProcess
  try {
    child = spawn(program, argv, {
      stdio: [stdin, 'pipe', 'pipe'],
      env: environment,
      detached: true,
    })
  } finally {
    closeSync(stdin)
  }
  const output = collect(child)
  child.stderr?.on('data', (chunk: Buffer) => relay.push(chunk))
  child.stderr?.once('end', () => relay.end())
  const end = await exitOf(program, child, signal)
  return { end, printed: await output }
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
      const reason = `${program}: cannot be started (${codeInWords(errorCode(error))})`
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
