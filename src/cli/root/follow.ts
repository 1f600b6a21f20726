import { once } from 'node:events'
import type { Readable, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { ENDING_SIGNALS } from '../../lib/process/interruption.ts'
import { ALIVE } from '../shared/caller.ts'
import { forTerminal } from '../shared/terminal.ts'

/** A command that an account or a service does for root. */
export interface RunningCommand {
  /** Null if it reads nothing. */
  readonly stdin: Writable | null
  readonly stdout: Readable
  readonly stderr: Readable
  /** Resolves to its exit code. Rejects if it has none. */
  readonly exit: Promise<number>
  /** Ends it, at once. */
  close(): void
}

/** The most characters of a line. The rest of a longer one is left out. */
const LINE_MAX = 4 * 1024 * 1024
/** Milliseconds without a sign of life: ALIVE, or a line. */
const SILENCE = 30_000
/** Milliseconds for the last lines once the process has ended: another one may hold the pipes open. */
const LAST_LINES = 2_000

/** What takes the output of a command: each line, or all bytes as they are. */
type Taker = ((line: string) => unknown) | Writable

interface FollowOptions {
  /** Milliseconds without a sign of life. */
  readonly silence?: number | undefined
  /** Milliseconds in all, whatever signs of life it gives; no limit if somebody reads along, who may end it. */
  readonly whole?: number
  /** Takes each line of its standard error; by default that is printed. */
  readonly complain?: (line: string) => unknown
}

/**
 * Takes what a command prints, which may be in the hands of an attacker: nothing that it says is obeyed.
 * Resolves to its exit code; it has ended then. Rejects if its time is over, or if `take` throws.
 */
export async function follow(
  run: RunningCommand,
  take: Taker,
  { silence = SILENCE, whole, complain = printError }: FollowOptions = {},
): Promise<number> {
  const late = new AbortController()
  const timer = setTimeout(() => late.abort(), silence)
  const end = whole === undefined ? undefined : setTimeout(() => late.abort(), whole)
  const endWithUs = (signal: NodeJS.Signals) => {
    run.close()
    process.kill(process.pid, signal)
  }
  for (const signal of ENDING_SIGNALS) process.once(signal, endWithUs)
  const gaveUp = once(late.signal, 'abort').then(() => {
    throw new Error('it took too long, and was ended: see what it waits for')
  })
  const onOutput = () => void timer.refresh()
  const copied = Promise.all([
    'write' in take
      ? pipeline(run.stdout.on('data', onOutput), take, { end: false })
      : eachLine(run.stdout, onOutput, take),
    eachLine(run.stderr, onOutput, complain),
  ])
  try {
    const code = await Promise.race([run.exit, gaveUp, copied.then(() => run.exit)])
    const last = setTimeout(run.close, LAST_LINES)
    await Promise.race([copied, gaveUp]).finally(() => clearTimeout(last))
    return code
  } finally {
    for (const limit of [timer, end]) clearTimeout(limit)
    for (const signal of ENDING_SIGNALS) process.off(signal, endWithUs)
    for (const promise of [gaveUp, copied]) promise.catch(() => {}) // what matters was told
    run.close()
  }
}

/** Prints a line as a terminal may have it. */
export async function printTo(out: Writable, line: string): Promise<void> {
  if (!out.write(`${forTerminal(line)}\n`)) await once(out, 'drain')
}

const printError = (line: string) => printTo(process.stderr, line)

async function eachLine(
  from: Readable,
  onOutput: () => void,
  take: (line: string) => unknown,
): Promise<void> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const piece of from) {
    onOutput()
    const text = decoder.decode(piece, { stream: true }).replaceAll(ALIVE, '')
    const [more = '', ...lines] = text.split('\n')
    if (rest.length < LINE_MAX) rest = (rest + more).slice(0, LINE_MAX)
    for (const line of lines) {
      await take(rest)
      rest = line.slice(0, LINE_MAX)
    }
  }
  if (rest !== '') await take(rest)
}
