import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { compiled } from './compile.ts'

interface Drive {
  /** The wrapper and its arguments. */
  readonly program: readonly string[]
  /** Files, taken in turn. */
  readonly messages: readonly string[]
  readonly count: number
  readonly atOnce: number
  /** The wrapper's whole environment. */
  readonly environment: Readonly<Record<string, string>>
  /** File that the wrapper's stderr is appended to. */
  readonly log: string
  /** The queue of sink.c, where every message is looked for. */
  readonly queue: string
  /** Leave the messages in that queue. */
  readonly keep?: boolean
  /** Processes whose processor time is printed for each message, if they come one after the other. */
  readonly servers?: readonly number[]
}

export interface Passage {
  readonly serial: number
  /** Milliseconds by CLOCK_MONOTONIC, before the pipes are made. */
  readonly started: number
  /** Milliseconds from before the pipes are made until wrapper and error pipe have ended. */
  readonly ms: number
  /** -1 where a signal ended it. */
  readonly code: number
  readonly signal: number
  readonly accepted: boolean
  /** Milliseconds of processor time of the wrapper's tree. */
  readonly cpu: number
  /** Milliseconds of processor time that each of the servers used since the message before. */
  readonly servers: readonly number[]
  /** From the error pipe. */
  readonly text: string
}

interface Tally {
  /** Of all of them, from the first pipe to the last wait. */
  readonly seconds: number
  readonly lost: number
  readonly twice: number
  readonly damaged: number
  /** Queued although the wrapper did not report it. */
  readonly uncalled: number
  readonly strange: number
}

interface DriveResult {
  readonly passages: readonly Passage[]
  readonly tally: Tally
  /** Every message was accepted, and queued once and whole. */
  readonly sound: boolean
}

/** Runs the driver (driver.c); rejects where that could not do its work. */
export async function drive(wish: Drive): Promise<DriveResult> {
  const child = spawn(compiled('driver'), driverArguments(wish), {
    env: wish.environment,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true, // a group of its own, lanes included
  })
  const kill = () => void process.kill(-child.pid!, 'SIGKILL')
  process.prependOnceListener('exit', kill) // before its directory is removed
  const out: Buffer[] = []
  const err: Buffer[] = []
  child.stdout.on('data', (bytes: Buffer) => out.push(bytes))
  child.stderr.on('data', (bytes: Buffer) => err.push(bytes))
  const [code, signal] = await once(child, 'close')
  process.removeListener('exit', kill)
  if (code !== 0 && code !== 1) {
    throw new Error(`driver ended with ${code ?? signal}: ${Buffer.concat(err)}`)
  }
  const lines = Buffer.concat(out)
    .toString()
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  return { passages: lines.slice(0, -1), tally: lines.at(-1), sound: code === 0 }
}

function driverArguments(wish: Drive): string[] {
  const words = wish.messages.flatMap((file) => ['-m', file])
  words.push('-n', String(wish.count), '-c', String(wish.atOnce), '-l', wish.log, '-q', wish.queue)
  if (wish.keep) words.push('-k')
  for (const pid of wish.servers ?? []) words.push('-p', String(pid))
  return [...words, ...wish.program]
}

/**
 * Returns how many messages of a log the thin client handed to the standalone program, and why the last;
 * removes the log.
 */
export function takeLog(file: string): {
  readonly standalone: number
  readonly whyStandalone: string
} {
  const text = existsSync(file) ? readFileSync(file, 'latin1') : ''
  rmSync(file, { force: true })
  const standalone = text
    .split('\n')
    .filter((line) => line.startsWith('onescan: decision=standalone '))
  const reason = /reason=("(?:[^"\\]|\\.)*"|\S+)/.exec(standalone.at(-1) ?? '')?.[1] ?? ''
  return { standalone: standalone.length, whyStandalone: reason }
}
