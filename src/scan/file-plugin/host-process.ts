import { type ChildProcess, spawn } from 'node:child_process'
import type { Duplex, Readable } from 'node:stream'
import { ownChild } from '../../runtime/own-children.ts'
import { killGroup } from '../shared/kill-group.ts'
import { unknown, type Verdict } from '../shared/scanner.ts'
import type { LineRelay } from '../shared/stderr-lines.ts'
import { createReplyReader, NONSENSE } from './reply-reader.ts'

/** Milliseconds from the deadline until we wait no longer; KILL has been sent by then. */
const GIVE_UP = 700
/** Milliseconds for what an ended process has still in its pipes, or for its end after it closed them. */
const DRAIN = 200

export interface HostOptions {
  readonly command: readonly [string, ...string[]]
  readonly directory: string
  readonly environment: Readonly<Record<string, string>>
  /** Makes what takes the stderr of one message; where there is none, that goes nowhere. */
  readonly relay: (() => LineRelay) | undefined
}

/** One request, as it goes to descriptor 3, and what must come back with its verdict. */
export interface Question {
  readonly request: Buffer
  readonly nonce: string
}

/** A process that a plugin runs in. */
export interface PluginHost {
  /** Its process group, too; undefined if it could not be started. */
  readonly pid: number | undefined
  /** How many messages it was asked about. */
  readonly asked: number
  /**
   * Its verdict, else "could not tell" with what became of the process, which has been
   * ended then. One question at a time. At `signal` it is ended within 700 ms. Never rejects.
   */
  ask(question: Question, signal: AbortSignal): Promise<Verdict>
  /** Resolves to whether it may be asked again, once it has said so or has ended. */
  settled(): Promise<boolean>
  /** Ends it with all of its group; resolves as `ended`. */
  end(): Promise<void>
  /**
   * Resolves when it has been reaped and its stderr was read, soon after its end: a
   * process that left the group is not waited for, whatever it holds open. No listener,
   * timer or open descriptor is left.
   */
  readonly ended: Promise<void>
}

/** Starts a process that leads a group of its own. Throws if the system refuses at once. */
export function startHost(options: HostOptions): PluginHost {
  const [program, ...words] = options.command
  const child = spawn(program, words, {
    cwd: options.directory,
    env: options.environment,
    detached: true,
    stdio: ['ignore', 'ignore', options.relay ? 'pipe' : 'ignore', 'pipe'],
  })
  ownChild(child)
  const stderr = child.stdio[2] as Readable | null
  const channel = child.stdio[3] as Duplex | null
  const replies = createReplyReader()
  const timers: NodeJS.Timeout[] = []
  const after = (milliseconds: number, what: () => void) => {
    timers.push(setTimeout(what, milliseconds))
  }

  let asked = 0
  let relay: LineRelay | undefined
  let answer: ((verdict: Verdict) => void) | undefined // of the question that is open
  let settledAs: ((ready: boolean) => void) | undefined
  let ready = false
  let trouble = '' // what is known before it ends
  let over = false
  let finished = () => {}
  const ended = new Promise<void>((resolve) => {
    finished = resolve
  })

  function finish(): void {
    if (over) return
    over = true
    for (const timer of timers) clearTimeout(timer)
    for (const source of [child, stderr, channel]) source?.removeAllListeners()
    for (const source of [child, stderr, channel]) source?.on('error', () => {})
    stderr?.destroy()
    channel?.destroy()
    child.unref()
    relay?.end()
    answer?.(unknown(trouble || (replies.amidst ? NONSENSE : whatBecameOf(child))))
    settledAs?.(false)
    finished()
  }

  function hear(chunk: Buffer): void {
    let verdict: Verdict | undefined
    for (const reply of replies.push(chunk)) {
      if (reply.kind === 'verdict') verdict = reply.verdict
      else if (reply.kind === 'settled') ready = true
      else {
        // What came with the verdict makes that none; later it concerns no message.
        trouble ||= reply.why
        killGroup(child, 'SIGKILL')
        return
      }
    }
    if (verdict) answer?.(verdict)
    if (ready) settledAs?.(true)
  }

  stderr?.on('data', (chunk) => relay?.push(chunk))
  stderr?.on('error', () => {})
  channel?.on('data', hear)
  channel?.on('end', () => {
    after(DRAIN, () => {
      trouble ||= 'closed descriptor 3 before it answered'
      killGroup(child, 'SIGKILL')
    })
  })
  // EPIPE: it ended before it had read the request. What became of it says why.
  channel?.on('error', () => {})
  child.on('error', (error) => {
    trouble ||= `cannot be started: ${error.message}`
    finish()
  })
  child.on('exit', () => {
    killGroup(child, 'SIGKILL') // what it has started
    after(DRAIN, finish)
  })
  child.on('close', finish)

  function end(): Promise<void> {
    if (!over) killGroup(child, 'SIGKILL')
    return ended
  }

  return {
    pid: child.pid,
    get asked() {
      return asked
    },
    ask({ request, nonce }, signal) {
      asked++
      ready = false
      relay?.end()
      relay = options.relay?.()
      replies.expect(nonce)
      return new Promise((resolve) => {
        const stop = () => {
          trouble ||= 'did not answer within SCANTIMEOUT'
          killGroup(child, 'SIGTERM')
          after(GIVE_UP, finish)
        }
        answer = (verdict) => {
          answer = undefined
          signal.removeEventListener('abort', stop)
          resolve(verdict)
        }
        if (over) return answer(unknown(trouble || whatBecameOf(child)))
        channel?.write(request)
        if (signal.aborted) stop()
        else signal.addEventListener('abort', stop, { once: true })
      })
    },
    settled() {
      if (ready || over) return Promise.resolve(!over)
      return new Promise((resolve) => {
        settledAs = resolve
      })
    },
    end,
    ended,
  }
}

function whatBecameOf(child: ChildProcess): string {
  const ending =
    child.signalCode === null ? `exited with code ${child.exitCode}` : `died of ${child.signalCode}`
  return `${ending} before it answered`
}
