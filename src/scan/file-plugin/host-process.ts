import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import type { Duplex, Readable } from 'node:stream'
import {
  encodeRequest,
  NONSENSE,
  type PluginRequest,
  ReplyReader,
} from '../plugin-host/protocol.ts'
import type { Cause } from '../shared/cause.ts'
import { killGroup } from '../shared/kill-group.ts'
import { type ScannerAnswer, type ScanTask, unknown } from '../shared/scanner.ts'
import type { LineRelay } from '../shared/stderr-lines.ts'

/** Milliseconds after the deadline until the process is given up; KILL has been sent by then. */
const GIVE_UP = 700
/** Milliseconds for reading the pipes of a process that has ended, and for the end of one that has closed them. */
const DRAIN = 200

export interface HostOptions {
  readonly command: readonly [string, ...string[]]
  readonly directory: string
  readonly environment: Readonly<Record<string, string>>
  /** Makes the relay for stderr, one for each message. */
  readonly relay: () => LineRelay
}

/** The question about one message, whenever it is asked. */
export type PluginQuestion = Omit<PluginRequest, 'nonce' | 'timeLeft'>

/** A process that a plugin runs in, which leads a group of its own. */
export class PluginHost {
  /**
   * Resolves soon after the end of the process, when its stderr was read. A process that has left the
   * group is not awaited, whatever it holds open. No listener, timer or open descriptor is left then.
   */
  readonly ended: Promise<void>
  readonly #options: HostOptions
  readonly #child: ChildProcess
  readonly #stderr: Readable | null
  readonly #channel: Duplex | null
  /** Nothing is written here: its end ends the process (host-command.ts). */
  readonly #lifeline: Duplex | null
  readonly #replies = new ReplyReader()
  readonly #timers: NodeJS.Timeout[] = []
  #asked = 0
  #relay: LineRelay | undefined
  /** Resolves the question that is open. */
  #answer: ((answer: ScannerAnswer) => void) | undefined
  #settledAs: ((ready: boolean) => void) | undefined
  #ready = false
  /** Why it could not tell, if that is known before it ends. */
  #trouble: { readonly why: string; readonly cause: Cause } | undefined
  #over = false
  #finished = () => {}

  /** Starts the process. Throws if the system refuses at once. */
  constructor(options: HostOptions) {
    const [program, ...words] = options.command
    this.#options = options
    this.#child = spawn(program, words, {
      cwd: options.directory,
      env: options.environment,
      detached: true,
      stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'],
    })
    this.#stderr = this.#child.stdio[2] as Readable | null
    this.#channel = this.#child.stdio[3] as Duplex | null
    this.#lifeline = this.#child.stdio[4] as Duplex | null
    this.ended = new Promise((resolve) => {
      this.#finished = resolve
    })
    this.#listen()
  }

  /** The number of messages that it was asked about. */
  get asked(): number {
    return this.#asked
  }

  /**
   * Asks one question at a time. Resolves to the plugin's answer. If it gives none, the process is
   * ended, and the answer is *could not tell*, with what happened to it. At `signal` it is ended
   * within 700 ms. Never rejects.
   */
  ask(question: PluginQuestion, { signal, timeLeft }: ScanTask): Promise<ScannerAnswer> {
    const nonce = randomBytes(16).toString('hex')
    this.#asked++
    this.#ready = false
    this.#relay?.end()
    this.#relay = this.#options.relay()
    this.#replies.expect(nonce)
    return new Promise((resolve) => {
      const stop = () => {
        this.#trouble ??= { why: 'did not answer within SCANTIMEOUT', cause: 'timeout' }
        killGroup(this.#child, 'SIGTERM')
        this.#after(GIVE_UP, () => this.#finish())
      }
      this.#answer = (answer) => {
        this.#answer = undefined
        signal.removeEventListener('abort', stop)
        resolve(answer)
      }
      if (this.#over) return this.#answer(this.#couldNotTell())
      this.#channel?.write(encodeRequest({ ...question, nonce, timeLeft: timeLeft() }))
      if (signal.aborted) stop()
      else signal.addEventListener('abort', stop, { once: true })
    })
  }

  /** Resolves to whether the process may be asked again, once it has said so or has ended. */
  settled(): Promise<boolean> {
    if (this.#ready || this.#over) return Promise.resolve(!this.#over)
    return new Promise((resolve) => {
      this.#settledAs = resolve
    })
  }

  /** Kills the process with its group; resolves as `ended`. */
  end(): Promise<void> {
    if (!this.#over) killGroup(this.#child, 'SIGKILL')
    return this.ended
  }

  #listen(): void {
    this.#stderr?.on('data', (chunk) => this.#relay?.push(chunk))
    this.#stderr?.on('error', () => {})
    this.#channel?.on('data', (chunk: Buffer) => this.#hear(chunk))
    this.#channel?.on('end', () => {
      this.#after(DRAIN, () => {
        this.#trouble ??= { why: 'closed descriptor 3 before it answered', cause: 'broken-off' }
        killGroup(this.#child, 'SIGKILL')
      })
    })
    // EPIPE: the process ended before it had read the request. Its end says why.
    this.#channel?.on('error', () => {})
    this.#lifeline?.on('error', () => {}).resume()
    this.#child.on('error', (error) => {
      this.#trouble ??= { why: `cannot be started: ${error.message}`, cause: 'unreachable' }
      this.#finish()
    })
    this.#child.on('exit', () => {
      killGroup(this.#child, 'SIGKILL') // the processes that it has started
      this.#after(DRAIN, () => this.#finish())
    })
    this.#child.on('close', () => this.#finish())
  }

  #couldNotTell(): ScannerAnswer {
    if (this.#trouble) return unknown(this.#trouble.why, this.#trouble.cause)
    if (this.#replies.amidst) return unknown(NONSENSE)
    return unknown(whatBecameOf(this.#child), 'broken-off')
  }

  #after(milliseconds: number, what: () => void): void {
    this.#timers.push(setTimeout(what, milliseconds))
  }

  #finish(): void {
    if (this.#over) return
    this.#over = true
    for (const timer of this.#timers) clearTimeout(timer)
    const pipes = [this.#stderr, this.#channel, this.#lifeline]
    for (const source of [this.#child, ...pipes]) {
      source?.removeAllListeners()
      source?.on('error', () => {})
    }
    for (const pipe of pipes) pipe?.destroy()
    this.#child.unref()
    this.#relay?.end()
    this.#answer?.(this.#couldNotTell())
    this.#settledAs?.(false)
    this.#finished()
  }

  #hear(chunk: Buffer): void {
    let answer: ScannerAnswer | undefined
    for (const reply of this.#replies.push(chunk)) {
      if (reply.kind === 'answer') answer = reply.answer
      else if (reply.kind === 'settled') this.#ready = true
      else {
        // Other bytes that come with an answer make it invalid. After it, they concern no message.
        this.#trouble ??= { why: reply.why, cause: 'scanner-error' }
        killGroup(this.#child, 'SIGKILL')
        return
      }
    }
    if (answer) this.#answer?.(answer)
    if (this.#ready) this.#settledAs?.(true)
  }
}

function whatBecameOf(child: ChildProcess): string {
  const ending =
    child.signalCode === null ? `exited with code ${child.exitCode}` : `died of ${child.signalCode}`
  return `${ending} before it answered`
}
