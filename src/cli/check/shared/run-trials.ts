import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { errorText } from '../../../ground/errors/fault.ts'
import { error, type Finding, findingMarks } from '../../../ground/errors/finding.ts'
import type { Environment } from '../../../ground/settings/settings.ts'
import { type Command, startApart } from '../../shared/as-account.ts'

/** The most milliseconds between two findings: root waits no longer for a trial that hangs. */
const PATIENCE = 60_000
/** All trials together may take this many times PATIENCE. */
const PARTS = 6
/** The most findings: more than any host has. */
const FINDINGS_MAX = 1000
/** The most characters of one finding, and of the text on standard error. */
const LINE_MAX = 65_536

/** How a command with trials is run. */
export interface TrialRun {
  /** Its account, in words. */
  readonly who: string
  /** The account that says what is found, if root starts it as another one. */
  readonly account?: string
  readonly cwd: string
  readonly env: Environment
  /** What it reads on standard input. */
  readonly input?: string
  readonly patience?: number
}

/**
 * Yields the findings that a command writes as lines of JSON. Its user may stop the process or leave
 * other processes behind. So all of them are killed after `patience` milliseconds without a finding,
 * or after PARTS times that in all.
 */
export async function* runTrials(
  command: Command,
  { who, account, cwd, env, input = '', patience = PATIENCE }: TrialRun,
): AsyncGenerator<Finding> {
  const { child, stdin, stdout, stderr, kill, end } = startApart(command, {
    cwd,
    env,
    errors: 'pipe',
  })
  const ended = once(child, 'exit').catch((thrown) => [errorText(thrown)])
  const complaints = collectText(stderr)
  const stop = endWithUs(child)
  stdin.end(input)
  const late = new AbortController()
  const givenUp = once(late.signal, 'abort').then(() => [])
  const giveUp = () => {
    kill()
    stdout.push(null) // a process that left the group may hold the pipe open
    late.abort() // and one that waits for a file system may not end
  }
  const sinceFinding = setTimeout(giveUp, patience)
  const sinceStart = setTimeout(giveUp, PARTS * patience)
  try {
    let count = 0
    let isWhole = true
    for await (const line of linesOf(stdout)) {
      sinceFinding.refresh()
      const finding = readFinding(line)
      isWhole = finding !== undefined && ++count <= FINDINGS_MAX
      if (!isWhole) break
      yield account === undefined ? finding! : { ...finding!, account }
    }
    child.kill('SIGTERM') // no effect if it has ended
    const [code] = await Promise.race([ended, givenUp])
    if (count > 0 && code === 0 && !late.signal.aborted && isWhole) return
    const tooLong = `it took more than ${patience / 1000} s for one of them, or ${PARTS} times that for all, and was killed`
    const nonsense = isWhole ? '' : 'it says something that is not a finding'
    const why = late.signal.aborted
      ? tooLong
      : quoted(complaints().trim().slice(-300)) || nonsense || `ended with ${code}`
    const value =
      count === 0 ? `cannot be made as ${who}: ${why}; nothing was tried` : `broke off: ${why}`
    const remedy = late.signal.aborted
      ? 'see what they wait for'
      : 'see that setpriv works here, and that every user may run onescan'
    yield error('trials', value, remedy)
  } finally {
    clearTimeout(sinceFinding)
    clearTimeout(sinceStart)
    stop()
    end()
  }
}

/** What the account says, within a line of ours. */
const quoted = (text: string) => text && `it says ${JSON.stringify(text)}`

/**
 * Ends the child when a signal ends this process: the child does not get the signals of the terminal.
 * Returns a function that stops this.
 */
function endWithUs(child: ChildProcess): () => void {
  const end = (signal: NodeJS.Signals) => {
    child.kill('SIGTERM')
    process.kill(process.pid, signal)
  }
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  for (const signal of signals) process.once(signal, end)
  return () => {
    for (const signal of signals) process.off(signal, end)
  }
}

async function* linesOf(stream: Readable): AsyncGenerator<string> {
  let rest = ''
  stream.setEncoding('utf8')
  for await (const piece of stream) {
    const lines = `${rest}${piece}`.split('\n')
    rest = lines.pop()!
    yield* lines
    if (rest.length > LINE_MAX) return
  }
}

/** Collects what a stream says last, up to LINE_MAX characters. */
function collectText(stream: Readable): () => string {
  let text = ''
  stream.on('data', (piece: Buffer) => {
    text = `${text}${piece.toString('latin1')}`.slice(-LINE_MAX)
  })
  return () => text
}

/**
 * Reads a finding that another program wrote as a line of JSON. Its account may have been taken over,
 * so it may write any text. Undefined if the line is not a finding.
 */
function readFinding(line: string): Finding | undefined {
  const finding = readJson(line) as Partial<Finding> | undefined
  if (finding === undefined || finding === null) return undefined
  const { level, what, value, remedy, mark, follows } = finding
  if (level !== 'ok' && level !== 'warning' && level !== 'error') return undefined
  if (typeof what !== 'string' || typeof value !== 'string') return undefined
  return {
    level,
    what,
    value,
    ...(typeof remedy === 'string' && { remedy }),
    ...(findingMarks.includes(mark!) && { mark: mark! }),
    ...(findingMarks.includes(follows!) && { follows: follows! }),
  }
}

function readJson(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}
