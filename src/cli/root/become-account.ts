import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, constants, fstatSync, readdirSync, readFileSync } from 'node:fs'
import type { Readable, Writable } from 'node:stream'
import type { SystemAccount } from '../../doors/readiness/account.ts'
import { attempt, errorText, Fault } from '../../ground/errors/fault.ts'
import {
  descriptorFlags,
  inheritedDescriptor,
  isOpenedFor,
} from '../../ground/process/descriptors.ts'
import { ENDING_SIGNALS } from '../../ground/process/interruption.ts'
import { compiledProgram, isCompiled } from '../../ground/runtime/compiled-program.ts'
import { loadSystem } from '../../ground/runtime/system.ts'
import { isSetting } from '../../ground/settings/table.ts'
import { ALIVE, FACTS, type RootFacts, SHIELD } from '../shared/root-facts.ts'
import { forTerminal } from '../shared/terminal.ts'

/** The work of a command that root has an account do. */
interface AccountWork {
  readonly account: SystemAccount
  /** The words of the command. */
  readonly words: readonly string[]
  readonly facts: RootFacts
  /**
   * Whether programs that the account starts may have more rights than it has: qmail-queue and postdrop,
   * which queue mail, have set-ID bits.
   */
  readonly maySetId: boolean
  /** Whether it may read the files of others, as the service of the account may. */
  readonly readsAll?: boolean
  readonly bounds: Bounds
  /** How a line of what it prints is shown among lines of root's own. */
  readonly show?: (line: string) => string
}

/** The bounds on what root copies. */
export interface Bounds {
  /** Milliseconds in all. */
  readonly whole: number
  readonly lines: number
}

/** A program of util-linux, which every Debian has. */
const SETPRIV = '/usr/bin/setpriv'
/** The most characters of a line. The rest of a longer one is left out. */
const LINE_MAX = 4 * 1024 * 1024
/** The most bytes of a variable: MAX_ARG_STRLEN of execve(2), and some room. */
const FACTS_MAX = 120_000
/** Milliseconds without a sign of life: ALIVE, or a line. */
const SILENCE = 30_000
/** Milliseconds that the last lines may take once the process has ended. */
const LAST_LINES = 2_000
/** Variables of the caller besides settings that an account may know. */
const HARMLESS = /^(PATH|TERM|NO_COLOR|TZ|LANG|LC_ALL|SHELL)$/

/**
 * Has the work of a command done by an account: this program is started once more, in a session of its own
 * without the terminal, without root's groups, keys, files and variables, and with no way back. Root copies
 * what it prints, made safe for a terminal, and resolves to its exit code. The account may be in the hands
 * of an attacker: nothing that it says is obeyed. Rejects with a Fault if it says too much, or nothing for
 * too long.
 */
export async function doAsAccount(work: AccountWork, out: Writable): Promise<number> {
  leaveFilesAndKeys()
  const child = start(work)
  const group = new Group(child, work.bounds)
  try {
    const copied = Promise.all([
      copyLines(child.stdout!, out, work, group),
      copyLines(child.stderr!, process.stderr, work, group),
    ])
    const [code] = (await Promise.race([
      once(child, 'exit'),
      group.givenUp,
      copied.then(never),
    ])) as [number | null]
    await Promise.race([copied, group.afterExit()])
    if (code === null) throw new Error('it was killed')
    return code
  } catch (error) {
    throw new Fault('read', `as ${work.account.name}: ${errorText(error)}`, error)
  } finally {
    group.end()
  }
}

const never = () => new Promise<never>(() => {})

function start({ account, words, facts, maySetId, readsAll }: AccountWork): ChildProcess {
  const { uid, groups } = account
  const [first = uid, ...others] = groups
  const list = others.length > 0 ? `--groups=${groups.join(',')}` : '--clear-groups'
  const kept = [...(readsAll ? ['dac_read_search'] : []), ...(hasShield() ? [SHIELD.name] : [])]
  const capabilities = ['-all', ...kept.map((name) => `+${name}`)].join(',')
  const own = isCompiled ? compiledProgram('onescan') : [process.execPath, process.argv[1]!]
  const options = [
    ...[`--reuid=${uid}`, `--regid=${first}`, list, `--inh-caps=${capabilities}`],
    ...(kept.length > 0 ? [`--ambient-caps=${capabilities}`] : []),
    ...(readsAll ? [`--bounding-set=${capabilities}`] : []),
    ...(maySetId ? [] : ['--no-new-privs']),
    // Who reads a file without end would go on after kill -9 of this process.
    '--pdeathsig=KILL',
  ]
  const input = inputFor(words, facts)
  const child = spawn(SETPRIV, [...options, '--', ...own, ...words], {
    env: environmentFor(facts),
    stdio: [input, 'pipe', 'pipe'],
    detached: true,
  })
  child.on('error', () => {}) // once() tells it
  if (child.stdin !== null) {
    child.stdin.on('error', () => {}) // it has ended, or reads no more
    process.stdin.pipe(child.stdin)
  }
  return child
}

/** Whether root has it to give: in some containers it has not. */
function hasShield(): boolean {
  const [, bits = ''] = /^CapBnd:\t(\w+)$/m.exec(readFileSync('/proc/self/status', 'latin1'))!
  return ((BigInt(`0x${bits}`) >> BigInt(SHIELD.number)) & 1n) === 1n
}

/** A flag of open(2) that the runtime does not name. */
const O_CLOEXEC = 0o2000000

/**
 * Leaves behind what a child would inherit: open files beside the three standard ones, and the keys of the
 * session (session-keyring(7)), which every process below it may read. The keys stay where the runtime
 * cannot call C (Node without the addon).
 */
function leaveFilesAndKeys(): void {
  for (const fd of readdirSync('/proc/self/fd').map(Number)) {
    const flags = fd > 2 ? attempt(() => descriptorFlags(fd)) : undefined
    if (flags !== undefined && (flags & O_CLOEXEC) === 0) closeSync(fd)
  }
  loadSystem()?.leaveSessionKeys()
}

/** Settings, PATH and the manner of the terminal: each program of root's has secrets of its own. */
function environmentFor(facts: RootFacts): Record<string, string> {
  const told = JSON.stringify(facts)
  if (Buffer.byteLength(told) > FACTS_MAX) {
    throw new Fault('config', 'there are too many services: name one of them with --pid')
  }
  const passed = Object.entries(process.env).filter(
    (entry): entry is [string, string] => isSetting(entry[0]) || HARMLESS.test(entry[0]),
  )
  return { ...Object.fromEntries(passed), [FACTS]: told }
}

/**
 * The standard input of the account, only if the words ask for it: the shell may have a list there for its
 * next command. To a terminal or a socket it could write, and of these it gets the bytes alone.
 */
function inputFor(
  words: readonly string[],
  { terminal }: RootFacts,
): 'inherit' | 'pipe' | 'ignore' {
  const isNamed = words.some((word) => word === '-' || inheritedDescriptor(word) === 0)
  const isDefault = !terminal.input && /^(log|report)$/.test(words.find(isWord) ?? '')
  if (!isNamed && !isDefault) return 'ignore'
  return isForReadingAlone() ? 'inherit' : 'pipe'
}

const isWord = (word: string) => !word.startsWith('-')

function isForReadingAlone(): boolean {
  const stats = attempt(() => fstatSync(0))
  const isPlain = stats?.isFile() || stats?.isFIFO()
  return isPlain === true && attempt(() => isOpenedFor(0, constants.O_RDONLY)) === true
}

/** The process group of an account, which ends when it is late, and when this process does. */
class Group {
  readonly #child: ChildProcess
  readonly #late = new AbortController()
  readonly #timers: NodeJS.Timeout[]
  /** Rejects when the group is late. */
  readonly givenUp: Promise<never>

  constructor(child: ChildProcess, { whole }: Bounds) {
    this.#child = child
    this.#timers = [SILENCE, whole]
      .filter(Number.isFinite)
      .map((time) => setTimeout(() => this.#late.abort(), time))
    this.givenUp = new Promise((_, reject) => {
      this.#late.signal.addEventListener('abort', () => {
        this.#kill()
        reject(new Error('it took too long, and was killed: see what it waits for'))
      })
    })
    this.givenUp.catch(() => {})
    for (const signal of ENDING_SIGNALS) process.once(signal, this.#endWithUs)
  }

  /** Says that there was a sign of life. */
  heard(): void {
    this.#timers[0]?.refresh()
  }

  /** Resolves when its last lines must have come: another process may hold the pipes open. */
  afterExit(): Promise<void> {
    return new Promise((resolve) => {
      this.#timers.push(setTimeout(resolve, LAST_LINES))
    })
  }

  /** Kills it and forgets it: a process that waits for a file system stays until that answers. */
  end(): void {
    for (const timer of this.#timers) clearTimeout(timer)
    for (const signal of ENDING_SIGNALS) process.off(signal, this.#endWithUs)
    this.#kill()
    const { stdin, stdout, stderr } = this.#child
    if (stdin !== null) process.stdin.destroy()
    for (const stream of [stdin, stdout, stderr]) stream?.destroy()
    this.#child.unref()
  }

  /** It does not get the signals of the terminal. */
  readonly #endWithUs = (signal: NodeJS.Signals): void => {
    this.#kill('SIGTERM')
    process.kill(process.pid, signal)
  }

  #kill(signal: NodeJS.Signals = 'SIGKILL'): void {
    const { pid } = this.#child
    if (pid !== undefined) attempt(() => process.kill(-pid, signal)) // perhaps none is left
  }
}

/** The colours that commands print; terminal.ts says when. */
const COLOUR = /(\x1b\[(?:0|1;31|2|31|32|33)m)/

const inColours = (text: string) =>
  text
    .split(COLOUR)
    .map((part, at) => (at % 2 === 1 ? part : forTerminal(part)))
    .join('')

/** Copies lines as a terminal may have them. Rejects after the most lines. */
async function copyLines(
  from: Readable,
  to: Writable,
  { bounds: { lines: most }, show }: AccountWork,
  group: Group,
): Promise<void> {
  const decoder = new TextDecoder()
  let rest = ''
  let lines = 0
  const lineOf = (line: string) => `${show?.(line) ?? line}\n`
  const print = async (text: string) => {
    if (text !== '' && !to.write(inColours(text))) await once(to, 'drain')
  }
  for await (const piece of from) {
    group.heard()
    const whole = (rest + decoder.decode(piece, { stream: true }).replaceAll(ALIVE, '')).split('\n')
    rest = whole.pop()!.slice(0, LINE_MAX)
    lines += whole.length
    if (lines > most) throw new Error(`it prints more than ${most} lines`)
    if (whole.length > 0) await print(whole.map((line) => lineOf(line.slice(0, LINE_MAX))).join(''))
  }
  if (rest !== '') await print(show ? lineOf(rest) : rest)
}
