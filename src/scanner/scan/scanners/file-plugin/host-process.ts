import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { extname, join } from 'node:path'
import type { Duplex, Readable } from 'node:stream'
import { errorText } from '../../../../base/errors/fault.ts'
import { endingText } from '../../../../base/process/run-program.ts'
import { compiledProgram, isCompiled } from '../../../../base/runtime/compiled-program.ts'
import { isLate, type ScannerCall, unansweredBy } from '../contract/scanner.ts'
import { type ScanResult, unknown } from '../findings/scan-result.ts'
import { KILLED_AFTER, killGroup, type LineRelay } from '../programs/scanner-program.ts'
import {
  CODE_SETTING,
  decodeAnswer,
  encodeRequest,
  type PluginRequest,
  RENEWED_AFTER_SECONDS,
} from './protocol.ts'

/** Milliseconds after the deadline until the process is abandoned. KILL has been sent by then. */
const GIVE_UP = KILLED_AFTER + 200
/** Milliseconds for reading the pipes of a process that has ended. */
const DRAIN = 200
/** Milliseconds for the end of a process that has closed its channel: on a busy host the event is delayed. */
const END_WAIT = 1000

interface HostOptions {
  readonly command: readonly [string, ...string[]]
  readonly environment: Readonly<Record<string, string>>
  /** Milliseconds after an answer within which all that the plugin has begun must be over. */
  readonly settle: number
  /** Makes the relay for stderr, one for each message. */
  readonly relay: () => LineRelay
}

/** The request about one message, without its time. */
export type PluginScan = Omit<PluginRequest, 'nonce' | 'timeLeft' | 'settle'>

/**
 * A process that a plugin runs in, which leads a group of its own. (It answers many requests: runProgram() is for one.)
 */
export class PluginHost {
  /**
   * Resolves soon after the end of the process, when its stderr was read. A process that has left the group
   * is not awaited, even if it holds the stream open. No listener, timer or open descriptor is left then.
   */
  readonly ended: Promise<void>
  readonly #options: HostOptions
  readonly #child: ChildProcess
  readonly #stderr: Readable | null
  readonly #channel: Duplex | null
  /** Nothing is written here: its end ends the process (hostCommand). */
  readonly #lifeline: Duplex | null
  readonly #timers: NodeJS.Timeout[] = []
  #scanned = 0
  #relay: LineRelay | undefined
  /** The request that is open. */
  #open: { readonly nonce: string; resolve(answer: ScanResult): void } | undefined
  /** The bytes that the process has written since then. */
  #received: Buffer = Buffer.alloc(0)
  #isEnding = false
  #isOver = false
  #finished = () => {}

  /**
   * Starts the process. Throws if the system refuses at once. The process enters the plugin's directory itself,
   * because spawn() waits until it has the one that is named.
   */
  constructor(options: HostOptions) {
    const [program, ...args] = options.command
    this.#options = options
    this.#child = spawn(program, args, {
      cwd: '/',
      env: options.environment,
      detached: true,
      stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'],
    })
    // Without descriptors for them there are no pipes (EMFILE), contrary to the types.
    const pipes = this.#child.stdio as ChildProcess['stdio'] | undefined
    const [, , stderr = null, channel = null, lifeline = null] = pipes ?? []
    this.#stderr = stderr as Readable | null
    this.#channel = channel as Duplex | null
    this.#lifeline = lifeline as Duplex | null
    this.ended = new Promise((resolve) => {
      this.#finished = resolve
    })
    this.#listen()
  }

  /** The number of its requests. */
  get scanned(): number {
    return this.#scanned
  }

  /**
   * Sends one request at a time. Resolves to the plugin's answer. Without an answer, it resolves to *unknown*
   * and the reason, and the caller must end the process. When `signal` is aborted, the process is ended
   * within GIVE_UP. Never rejects.
   */
  scan(question: PluginScan, { signal, timeLeft }: ScannerCall): Promise<ScanResult> {
    const nonce = randomBytes(16).toString('hex')
    this.#scanned++
    this.#relay?.end()
    this.#relay = this.#options.relay()
    return new Promise((resolve) => {
      const stop = () => {
        void this.end('SIGTERM')
        const late = unknown('did not answer within SCANTIMEOUT', 'timeout')
        this.#answer(isLate(signal) ? late : unansweredBy(signal))
      }
      this.#open = {
        nonce,
        resolve(answer) {
          signal.removeEventListener('abort', stop)
          resolve(answer)
        },
      }
      if (this.#isOver) return this.#answer(this.#endResult())
      const { settle } = this.#options
      this.#channel?.write(encodeRequest({ ...question, nonce, timeLeft: timeLeft(), settle }))
      if (signal.aborted) stop()
      else signal.addEventListener('abort', stop, { once: true })
    })
  }

  /** Ends the process with its group, by KILL, or by TERM and then KILL; resolves as `ended`. */
  end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    if (!this.#isEnding) {
      killGroup(this.#child, signal)
      this.#after(GIVE_UP, () => this.#finish())
    }
    this.#isEnding = true
    return this.ended
  }

  #listen(): void {
    this.#stderr?.on('data', (chunk) => this.#relay?.push(chunk))
    this.#stderr?.on('error', () => {})
    this.#channel?.on('data', (chunk: Buffer) => this.#receive(chunk))
    this.#channel?.on('end', () => {
      this.#after(END_WAIT, () => {
        this.#answer(unknown('closed descriptor 3 before it answered', 'broken-off'))
        void this.end('SIGKILL')
      })
    })
    // EPIPE: the process ended before it had read the request. Its exit shows the reason.
    this.#channel?.on('error', () => {})
    this.#lifeline?.on('error', () => {}).resume()
    this.#child.on('error', (error) => {
      this.#answer(unknown(`cannot be started: ${errorText(error)}`, 'unreachable'))
      this.#finish()
    })
    this.#child.on('exit', () => {
      killGroup(this.#child, 'SIGKILL') // the processes that it has started
      this.#after(DRAIN, () => this.#finish())
    })
    this.#child.on('close', () => this.#finish())
  }

  #receive(chunk: Buffer): void {
    this.#received = Buffer.concat([this.#received, chunk])
    // Unexpected bytes belong to no message, but the process is not trusted any longer.
    if (this.#open === undefined) return void this.end('SIGKILL')
    const answer = decodeAnswer(this.#open.nonce, this.#received)
    if (answer) this.#answer(answer)
  }

  /** Answers the request that is open, if there is one. */
  #answer(answer: ScanResult): void {
    const open = this.#open
    this.#open = undefined
    this.#received = Buffer.alloc(0)
    open?.resolve(answer)
  }

  #after(milliseconds: number, act: () => void): void {
    this.#timers.push(setTimeout(act, milliseconds))
  }

  #finish(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#isEnding = true
    for (const timer of this.#timers) clearTimeout(timer)
    const pipes = [this.#stderr, this.#channel, this.#lifeline]
    for (const source of [this.#child, ...pipes]) {
      source?.removeAllListeners()
      source?.on('error', () => {})
    }
    for (const pipe of pipes) pipe?.destroy()
    this.#child.unref()
    this.#relay?.end()
    this.#answer(this.#endResult())
    this.#finished()
  }

  #endResult(): ScanResult {
    const { signalCode, exitCode } = this.#child
    const ending = endingText({ code: exitCode, signal: signalCode })
    return unknown(`${ending} before it answered`, 'broken-off')
  }
}

/** The host's bundle: beside this one, or in dist/ if tests run from the source tree. */
const bundles = import.meta.filename.endsWith('.ts') ? '../../../../../dist' : ''
const program = join(import.meta.dirname, bundles, 'onescan-plugin-host.cjs')

/** Node before 22.18 needs this option to load TypeScript. */
const STRIP_TYPES = '--experimental-strip-types'

/**
 * KiB of data (ulimit(1p) -d). A plugin can use 450 MB of it on Node and 250 MB compiled. The runtime needs
 * the rest. (With a limit of address space the runtimes do not start.)
 */
const MEMORY_KIB = 1024 * 1024

/** KiB of the stack of a plugin in C: the default of a C program, if the caller's is smaller. */
const STACK_KIB = 8 * 1024

/**
 * Sets the memory that the compiled runtime reserves for machine code. Without it the limit of data would
 * make the runtime start without its JIT compiler: fifteen times slower.
 */
const ROOM_FOR_CODE = isCompiled ? `export ${CODE_SETTING}=134217728; ` : ''

/**
 * Waits for the end of descriptor 4, and then kills the process group. The process that started the host holds
 * the other end and writes nothing, so end of file is read when that process has exited for any reason. A
 * plugin in a busy loop would not notice that. The signals of the deadline do not end this shell. It is not a
 * child of the host, because a plugin may wait for all of its children.
 */
const WATCHDOG = `(trap '' HUP INT TERM; { read -r line <&4; kill -s KILL 0; } 3>&- 2>/dev/null &)`

/**
 * Returns the command that runs the host for the plugin `file`, on the runtime of this process and with
 * limits. `timeout` is SCANTIMEOUT in milliseconds. A process is renewed before it has used more than
 * RENEWED_AFTER_SECONDS (protocol.ts), so that each message has as much processor time as it would
 * have alone.
 *
 * Start it as the leader of a process group, with requests on descriptor 3 and a pipe as descriptor 4. The
 * shell starts the watchdog, sets the limits and execs. All children of a plugin inherit them.
 */
export function hostCommand(file: string, timeout: number): readonly [string, ...string[]] {
  const forOne = Math.ceil(timeout / 1000 + 5) * availableParallelism()
  const limits = `ulimit -t ${RENEWED_AFTER_SECONDS + forOne}; ulimit -d ${MEMORY_KIB}; ulimit -S -s ${STACK_KIB}`
  const script = `${WATCHDOG}; { ${limits}; } 2>/dev/null; ${ROOM_FOR_CODE}exec "$@" 4<&-`
  const host = isCompiled ? compiledProgram('onescan-plugin-host') : onNode(file)
  return ['/bin/sh', '-c', script, 'sh', ...host]
}

/** The host on Node, without the runtime's own warnings, which would flood the log. */
function onNode(file: string): readonly string[] {
  const options = ['--no-warnings']
  if (extname(file) === '.ts' && !process.features.typescript) options.push(STRIP_TYPES)
  return [process.execPath, ...options, program]
}
