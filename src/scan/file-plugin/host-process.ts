import { type ChildProcess, spawn } from 'node:child_process'
import type { Duplex, Readable } from 'node:stream'
import { ownChild } from '../../ground/process/own-children.ts'
import type { Cause } from '../shared/cause.ts'
import { killGroup } from '../shared/kill-group.ts'
import { unknown, type Verdict } from '../shared/scanner.ts'
import type { LineRelay } from '../shared/stderr-lines.ts'
import { createHostReplyReader, NONSENSE } from './host-reply.ts'

/** Milliseconds from the deadline until we wait no longer; KILL has been sent by then. */
const GIVE_UP = 700
/** Milliseconds for what an ended process has still in its pipes, or for its end after it closed them. */
const DRAIN = 200

export interface HostOptions {
  readonly command: readonly [string, ...string[]]
  readonly directory: string
  readonly environment: Readonly<Record<string, string>>
  /** Makes the taker of one message's stderr; without it, stderr goes nowhere. */
  readonly relay: (() => LineRelay) | undefined
}

/** One request, as it goes to descriptor 3, and what must come back with its verdict. */
export interface PluginQuestion {
  readonly request: Buffer
  readonly nonce: string
}

/** A process that a plugin runs in, which leads a group of its own. */
export class PluginHost {
  /** Its process group, too; undefined if it could not be started. */
  readonly pid: number | undefined
  /**
   * Resolves when it has been reaped and its stderr was read, soon after its end: a
   * process that left the group is not waited for, whatever it holds open. No listener,
   * timer or open descriptor is left.
   */
  readonly ended: Promise<void>
  readonly #options: HostOptions
  readonly #child: ChildProcess
  readonly #stderr: Readable | null
  readonly #channel: Duplex | null
  readonly #replies = createHostReplyReader()
  readonly #timers: NodeJS.Timeout[] = []
  #asked = 0
  #relay: LineRelay | undefined
  #answer: ((verdict: Verdict) => void) | undefined // of the question that is open
  #settledAs: ((ready: boolean) => void) | undefined
  #ready = false
  /** What is known before it ends. */
  #trouble: { readonly why: string; readonly cause: Cause } | undefined
  #over = false
  #finished = () => {}

  /** Starts it. Throws if the system refuses at once. */
  constructor(options: HostOptions) {
    const [program, ...words] = options.command
    this.#options = options
    this.#child = spawn(program, words, {
      cwd: options.directory,
      env: options.environment,
      detached: true,
      stdio: ['ignore', 'ignore', options.relay ? 'pipe' : 'ignore', 'pipe'],
    })
    ownChild(this.#child)
    this.pid = this.#child.pid
    this.#stderr = this.#child.stdio[2] as Readable | null
    this.#channel = this.#child.stdio[3] as Duplex | null
    this.ended = new Promise((resolve) => {
      this.#finished = resolve
    })
    this.#listen()
  }

  /** How many messages it was asked about. */
  get asked(): number {
    return this.#asked
  }

  /**
   * Its verdict, else "could not tell" with what became of the process, which has been
   * ended then. One question at a time. At `signal` it is ended within 700 ms. Never rejects.
   */
  ask({ request, nonce }: PluginQuestion, signal: AbortSignal): Promise<Verdict> {
    this.#asked++
    this.#ready = false
    this.#relay?.end()
    this.#relay = this.#options.relay?.()
    this.#replies.expect(nonce)
    return new Promise((resolve) => {
      const stop = () => {
        this.#trouble ??= { why: 'did not answer within SCANTIMEOUT', cause: 'timeout' }
        killGroup(this.#child, 'SIGTERM')
        this.#after(GIVE_UP, () => this.#finish())
      }
      this.#answer = (verdict) => {
        this.#answer = undefined
        signal.removeEventListener('abort', stop)
        resolve(verdict)
      }
      if (this.#over) return this.#answer(this.#couldNotTell())
      this.#channel?.write(request)
      if (signal.aborted) stop()
      else signal.addEventListener('abort', stop, { once: true })
    })
  }

  /** Resolves to whether it may be asked again, once it has said so or has ended. */
  settled(): Promise<boolean> {
    if (this.#ready || this.#over) return Promise.resolve(!this.#over)
    return new Promise((resolve) => {
      this.#settledAs = resolve
    })
  }

  /** Ends it with all of its group; resolves as `ended`. */
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
    // EPIPE: it ended before it had read the request. What became of it says why.
    this.#channel?.on('error', () => {})
    this.#child.on('error', (error) => {
      this.#trouble ??= { why: `cannot be started: ${error.message}`, cause: 'unreachable' }
      this.#finish()
    })
    this.#child.on('exit', () => {
      killGroup(this.#child, 'SIGKILL') // what it has started
      this.#after(DRAIN, () => this.#finish())
    })
    this.#child.on('close', () => this.#finish())
  }

  #couldNotTell(): Verdict {
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
    for (const source of [this.#child, this.#stderr, this.#channel]) source?.removeAllListeners()
    for (const source of [this.#child, this.#stderr, this.#channel]) source?.on('error', () => {})
    this.#stderr?.destroy()
    this.#channel?.destroy()
    this.#child.unref()
    this.#relay?.end()
    this.#answer?.(this.#couldNotTell())
    this.#settledAs?.(false)
    this.#finished()
  }

  #hear(chunk: Buffer): void {
    let verdict: Verdict | undefined
    for (const reply of this.#replies.push(chunk)) {
      if (reply.kind === 'verdict') verdict = reply.verdict
      else if (reply.kind === 'settled') this.#ready = true
      else {
        // What came with the verdict makes that none; later it concerns no message.
        this.#trouble ??= { why: reply.why, cause: 'scanner-error' }
        killGroup(this.#child, 'SIGKILL')
        return
      }
    }
    if (verdict) this.#answer?.(verdict)
    if (this.#ready) this.#settledAs?.(true)
  }
}

function whatBecameOf(child: ChildProcess): string {
  const ending =
    child.signalCode === null ? `exited with code ${child.exitCode}` : `died of ${child.signalCode}`
  return `${ending} before it answered`
}
