import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import type { Duplex, Readable } from 'node:stream'
import { decodeAnswer, encodeRequest, type PluginRequest } from '../plugin-host/protocol.ts'
import { type ScanFinding, unknown } from '../shared/finding.ts'
import { killGroup } from '../shared/kill-group.ts'
import type { ScanTask } from '../shared/scanner.ts'
import type { LineRelay } from '../shared/stderr-lines.ts'

/** Milliseconds after the deadline until the process is given up; KILL has been sent by then. */
const GIVE_UP = 700
/** Milliseconds for reading the pipes of a process that has ended, and for the end of one that has closed them. */
const DRAIN = 200

export interface HostOptions {
  readonly command: readonly [string, ...string[]]
  readonly directory: string
  readonly environment: Readonly<Record<string, string>>
  /** Milliseconds after an answer within which all that the plugin has begun must be over. */
  readonly settle: number
  /** Makes the relay for stderr, one for each message. */
  readonly relay: () => LineRelay
}

/** The question about one message, whenever it is asked. */
export type PluginQuestion = Omit<PluginRequest, 'nonce' | 'timeLeft' | 'settle'>

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
  readonly #timers: NodeJS.Timeout[] = []
  #asked = 0
  #relay: LineRelay | undefined
  /** The question that is open. */
  #open: { readonly nonce: string; resolve(answer: ScanFinding): void } | undefined
  /** What the process has written since that. */
  #said: Buffer = Buffer.alloc(0)
  #isEnding = false
  #isOver = false
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
   * Asks one question at a time. Resolves to the plugin's answer. If it gives none, the answer is
   * *could not tell*, with what happened to it; then end the process. At `signal` it is ended within
   * 700 ms. Never rejects.
   */
  ask(question: PluginQuestion, { signal, timeLeft }: ScanTask): Promise<ScanFinding> {
    const nonce = randomBytes(16).toString('hex')
    this.#asked++
    this.#relay?.end()
    this.#relay = this.#options.relay()
    return new Promise((resolve) => {
      const stop = () => {
        void this.end('SIGTERM')
        this.#answer(unknown('did not answer within SCANTIMEOUT', 'timeout'))
      }
      this.#open = {
        nonce,
        resolve(answer) {
          signal.removeEventListener('abort', stop)
          resolve(answer)
        },
      }
      if (this.#isOver) return this.#answer(this.#whatBecameOfIt())
      const { settle } = this.#options
      this.#channel?.write(encodeRequest({ ...question, nonce, timeLeft: timeLeft(), settle }))
      if (signal.aborted) stop()
      else signal.addEventListener('abort', stop, { once: true })
    })
  }

  /** Ends the process with its group, by KILL, or by TERM and then KILL; resolves as `ended`. */
  end(signal: 'SIGTERM' | 'SIGKILL' = 'SIGKILL'): Promise<void> {
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
    this.#channel?.on('data', (chunk: Buffer) => this.#hear(chunk))
    this.#channel?.on('end', () => {
      this.#after(DRAIN, () => {
        this.#answer(unknown('closed descriptor 3 before it answered', 'broken-off'))
        void this.end()
      })
    })
    // EPIPE: the process ended before it had read the request. Its end says why.
    this.#channel?.on('error', () => {})
    this.#lifeline?.on('error', () => {}).resume()
    this.#child.on('error', (error) => {
      this.#answer(unknown(`cannot be started: ${error.message}`, 'unreachable'))
      this.#finish()
    })
    this.#child.on('exit', () => {
      killGroup(this.#child, 'SIGKILL') // the processes that it has started
      this.#after(DRAIN, () => this.#finish())
    })
    this.#child.on('close', () => this.#finish())
  }

  #hear(chunk: Buffer): void {
    this.#said = Buffer.concat([this.#said, chunk])
    // Bytes that nobody asked for concern no message, but nothing from this process is believed any more.
    if (this.#open === undefined) return void this.end()
    const answer = decodeAnswer(this.#open.nonce, this.#said)
    if (answer) this.#answer(answer)
  }

  /** Answers the question that is open, if there is one. */
  #answer(answer: ScanFinding): void {
    const open = this.#open
    this.#open = undefined
    this.#said = Buffer.alloc(0)
    open?.resolve(answer)
  }

  #after(milliseconds: number, what: () => void): void {
    this.#timers.push(setTimeout(what, milliseconds))
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
    this.#answer(this.#whatBecameOfIt())
    this.#finished()
  }

  #whatBecameOfIt(): ScanFinding {
    const { signalCode, exitCode } = this.#child
    const ending = signalCode === null ? `exited with code ${exitCode}` : `died of ${signalCode}`
    return unknown(`${ending} before it answered`, 'broken-off')
  }
}
