import { once } from 'node:events'
import type { Readable, Writable } from 'node:stream'
import { readUptime } from '../../../base/flow/uptime.ts'
import { ENDING_SIGNALS } from '../../../base/process/command-line.ts'
import { harmlessText } from '../../../base/text/harmless.ts'
import { formatDuration } from '../../../base/text/units.ts'
import { ALIVE } from '../command/caller.ts'

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

/** A command that reads its standard input. */
export interface FedCommand extends RunningCommand {
  readonly stdin: Writable
}

/** Upper limit for the characters of a line. The rest of a longer one is omitted. */
const LINE_MAX = 4 * 1024 * 1024
/** Milliseconds without a sign of life: ALIVE, or a line. */
const SILENCE = 30_000
/** Milliseconds for the last lines once the process has ended: another one may hold the pipes open. */
const LAST_LINES = 2_000

/** Receives the output of a command: each line, or all bytes unchanged. */
type Taker = ((line: string) => unknown) | Writable

interface FollowOptions {
  /** Milliseconds without a sign of life. */
  readonly silence?: number | undefined
  /**
   * Milliseconds in total, even if the command shows activity; no limit if a person reads along and can end
   * it.
   */
  readonly whole?: number
  /** Receives each line of its standard error. By default that is printed. */
  readonly complain?: (line: string) => unknown
}

/**
 * Receives the output of a command, which an attacker may control: no output is executed. Resolves to its
 * exit code after it has ended. Rejects if its time limit is reached, or if `take` throws.
 */
export async function follow(
  run: RunningCommand,
  take: Taker,
  { silence = SILENCE, whole, complain = printError }: FollowOptions = {},
): Promise<number> {
  const late = new AbortController()
  const quiet = new TimeLimit(silence, () =>
    late.abort(`it printed nothing for ${formatDuration(silence)}`),
  )
  const all =
    whole === undefined
      ? undefined
      : new TimeLimit(whole, () => late.abort(`it did not end within ${formatDuration(whole)}`))
  const endWithUs = (signal: NodeJS.Signals) => {
    run.close()
    process.kill(process.pid, signal)
  }
  for (const signal of ENDING_SIGNALS) process.once(signal, endWithUs)
  const gaveUp = once(late.signal, 'abort').then(() => {
    throw new Error(`it took too long, and was stopped: ${late.signal.reason}`)
  })
  const onOutput = () => quiet.restart()
  const copied = Promise.all([
    'write' in take
      ? eachPiece(run.stdout, onOutput, (piece) => ownOutput.write(take, piece))
      : eachLine(run.stdout, onOutput, take),
    eachLine(run.stderr, onOutput, complain),
  ])
  let last: TimeLimit | undefined
  try {
    const code = await Promise.race([run.exit, gaveUp, copied.then(() => run.exit)])
    last = new TimeLimit(LAST_LINES, () => run.close())
    await Promise.race([copied, gaveUp])
    return code
  } finally {
    for (const limit of [quiet, all, last]) limit?.close()
    for (const signal of ENDING_SIGNALS) process.off(signal, endWithUs)
    for (const promise of [gaveUp, copied]) promise.catch(() => {}) // the decisive error was reported
    run.close()
  }
}

/**
 * The output of this process. Its reader may be slow, such as a pager. Meanwhile the command is blocked, and
 * its silence is not counted.
 */
class OwnOutput {
  #writing = 0
  #since = 0
  #blocked = 0

  /** Resolves when there is room for more. Blocks the process if `out` is a pipe that is full. */
  async write(out: Writable, piece: string | Buffer): Promise<void> {
    if (this.#writing++ === 0) this.#since = readUptime()
    try {
      if (!out.write(piece)) await once(out, 'drain')
    } finally {
      if (--this.#writing === 0) this.#blocked += readUptime() - this.#since
    }
  }

  /** Milliseconds for which this process has waited for its readers. */
  get blocked(): number {
    return this.#blocked + (this.#writing > 0 ? readUptime() - this.#since : 0)
  }
}

const ownOutput = new OwnOutput()

/** Calls `end` after this many milliseconds in which our own output was not blocked. */
class TimeLimit {
  readonly #most: number
  readonly #end: () => void
  #began = 0
  #timer: NodeJS.Timeout | undefined

  constructor(most: number, end: () => void) {
    this.#most = most
    this.#end = end
    this.restart()
    this.#wait(most)
  }

  /** The time starts again. */
  restart(): void {
    this.#began = readUptime() - ownOutput.blocked
  }

  close(): void {
    clearTimeout(this.#timer)
  }

  // An expired timer alone proves nothing: it expires immediately if a write has blocked the process.
  #wait(time: number): void {
    this.#timer = setTimeout(() => {
      const left = this.#most - (readUptime() - ownOutput.blocked - this.#began)
      if (left > 0) this.#wait(Math.ceil(left))
      else this.#end()
    }, time)
  }
}

/** Prints a line as a terminal may have it. */
export function printTo(out: Writable, line: string): Promise<void> {
  return ownOutput.write(out, `${harmlessText(line)}\n`)
}

const printError = (line: string) => printTo(process.stderr, line)

async function eachPiece(
  from: Readable,
  onOutput: () => void,
  take: (piece: Buffer) => unknown,
): Promise<void> {
  for await (const piece of from) {
    onOutput()
    await take(piece)
  }
}

async function eachLine(
  from: Readable,
  onOutput: () => void,
  take: (line: string) => unknown,
): Promise<void> {
  const decoder = new TextDecoder()
  let rest = ''
  await eachPiece(from, onOutput, async (piece) => {
    const text = decoder.decode(piece, { stream: true }).replaceAll(ALIVE, '')
    const [more = '', ...lines] = text.split('\n')
    if (rest.length < LINE_MAX) rest = (rest + more).slice(0, LINE_MAX)
    for (const line of lines) {
      await take(rest)
      rest = line.slice(0, LINE_MAX)
    }
  })
  if (rest !== '') await take(rest)
}
