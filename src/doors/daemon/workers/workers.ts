import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync } from 'node:fs'
import { errorText } from '../../../ground/errors/fault.ts'
import { ownChild } from '../../../ground/process/own-children.ts'
import { processStat } from '../../../ground/process/process-stat.ts'
import { openAnonymousFile } from '../../../message/anonymous-file.ts'
import type { LeftBehind, WorkersState } from '../../../observe/live/process-report.ts'
import { type HostEvents, type HostMemory, isHostEvents } from '../../../verdicts/host-memory.ts'
import { readNotes } from '../../../verdicts/in-hand.ts'
import { HELD_AFTER, watchBeats } from './held-workers.ts'

export interface Workers {
  /** Resolves when each of them serves, with where that one listens; rejects if one ends before. */
  readonly ready: Promise<readonly string[]>
  state(): WorkersState
  reload(): void
  report(): void
  /** Resolves when all of them have ended. */
  stop(): Promise<void>
}

export interface WorkersOptions {
  readonly count: number
  /** How to run this very program once more, as a worker. */
  readonly command: readonly [string, ...string[]]
  /** Descriptors of the sockets that all of them listen on. */
  readonly fds: readonly number[]
  /** Where the notes of what each has in hand are kept. */
  readonly directory: string
  /** Milliseconds for what is in flight; KILL follows a little later. */
  readonly grace: number
  readonly log: (line: string) => void
  /** Takes what a worker says, except that it serves. */
  readonly heard?: ((worker: number, message: unknown) => void) | undefined
  /** Said to each of them at its beginning. */
  readonly welcome: readonly object[]
  /** One has ended by itself, or was ended: what is known of its work. */
  readonly ended?: ((worker: number, left: LeftBehind) => void) | undefined
  /** What all of them know, this process included. */
  readonly memory: HostMemory
}

const NOTHING = { inHand: [], logged: 0 }
/** Milliseconds before one that ended by itself is replaced. */
const REPLACE_AFTER = 1000
/** Milliseconds beyond the grace. */
const KILL_AFTER = 3000

/** What is said to a worker on its channel; if the channel closes, the worker ends at once. */
export type WorkerOrder = 'reload' | 'report' | 'stop'
/** What a worker says each second. */
export const BEAT = 'beat'
/** What a worker says when it listens, and where. */
export interface ServingNotice {
  readonly serving: readonly string[]
}

/** A worker, and the file with what it has in hand. */
interface Worker {
  readonly child: ChildProcess
  readonly notes: number | undefined
}

/**
 * Processes that share listening sockets, so that an idle one takes the next connection. One that
 * ends by itself or is held is replaced; one that is held is ended first. What it had in hand
 * counts like messages that scanners died of.
 */
export function startWorkers(options: WorkersOptions): Workers {
  const { count, command, fds, log, memory } = options
  const [program, ...words] = command
  const workers = new Set<Worker>()
  const timers = new Set<NodeJS.Timeout>()
  let stopping = false
  let emptied = () => {}
  let replaced = 0
  let held = 0

  const beats = watchBeats({
    now: () => performance.now(),
    stat: processStat,
    held(pid, how) {
      held++
      log(`worker ${pid} has said nothing for ${HELD_AFTER / 1000} seconds (${how}); it is ended`)
      for (const { child } of workers) if (child.pid === pid) child.kill('SIGKILL')
    },
  })

  function startWorker(): Promise<readonly string[]> {
    const notes = openNotes()
    // From descriptor 3 on: FIRST_HANDED_OVER.
    const inherited = [...fds, notes ?? 'ignore', 'ipc'] as const
    const child = ownChild(
      spawn(program, words, { stdio: ['ignore', 'ignore', 'inherit', ...inherited] }),
    )
    const worker = { child, notes }
    workers.add(worker)
    if (child.pid !== undefined) beats.heard(child.pid)
    for (const words of [...options.welcome, memory.welcome()]) tell(child, words)
    return new Promise((resolve, reject) => {
      child.on('message', (message) => {
        beats.heard(child.pid!)
        if (message === BEAT) return
        if (isHostEvents(message)) {
          memory.hear(message)
          tellAll(message, child)
        } else if (isServing(message)) resolve(message.serving)
        else options.heard?.(child.pid!, message)
      })
      child.on('error', reject)
      child.once('exit', (code, signal) => {
        workers.delete(worker)
        const pid = child.pid ?? 0
        beats.forget(pid)
        tellAll(memory.farewell(pid))
        reject(new Error(`worker ${pid} ended with ${signal ?? code}`))
        if (!stopping) countInHand(worker)
        if (notes !== undefined) closeSync(notes)
        if (stopping) return workers.size === 0 ? emptied() : undefined
        replaced++
        log(`worker ${pid} ended with ${signal ?? code}; another one takes its place`)
        const timer = setTimeout(() => {
          timers.delete(timer)
          startWorker().catch((error) => log(error.message))
        }, REPLACE_AFTER)
        timers.add(timer)
      })
    })
  }

  function openNotes(): number | undefined {
    try {
      return openAnonymousFile(options.directory)
    } catch (error) {
      log(`what workers have in hand is not noted: ${errorText(error)}`)
      return undefined
    }
  }

  /** All in one call, since they were in hand together. */
  function countInHand({ child, notes }: Worker): void {
    const { inHand, logged } = notes === undefined ? NOTHING : readNotes(notes)
    options.ended?.(child.pid ?? 0, { inHand: inHand.length, logged })
    if (inHand.length === 0) return
    const since = memory.poison.now()
    const counted = inHand.map((message) => memory.poison.harmed(message, since))
    void Promise.all(counted).then((counts) => {
      const what = inHand.length === 1 ? 'a message' : `${inHand.length} messages`
      const times = counts.find((times) => times !== undefined)
      const how = times === undefined ? 'as suspects' : `its scan ${times} that went so`
      log(`worker ${child.pid} had ${what} in hand, counted ${how} (POISONTRIES)`)
    })
  }

  function tell(child: ChildProcess, words: object): void {
    // If that cannot be sent any more the child has ended, or is about to.
    if (child.connected) child.send(words, () => {})
  }

  function tellAll(words: HostEvents, but?: ChildProcess): void {
    for (const { child } of workers) if (child !== but) tell(child, words)
  }

  function order(what: WorkerOrder): void {
    for (const { child } of workers) if (child.connected) child.send(what)
  }

  memory.connect(tellAll)
  const ready = Promise.all(Array.from({ length: count }, startWorker)).then(([first]) => first!)
  return {
    ready,
    state: () => ({ replaced, held, late: beats.late() }),
    reload: () => order('reload'),
    report: () => order('report'),
    stop() {
      stopping = true
      for (const timer of timers) clearTimeout(timer)
      order('stop')
      return new Promise((resolve) => {
        const killer = setTimeout(() => {
          for (const { child } of workers) child.kill('SIGKILL')
        }, options.grace + KILL_AFTER)
        emptied = () => {
          clearTimeout(killer)
          beats.close()
          resolve()
        }
        if (workers.size === 0) emptied()
      })
    },
  }
}

function isServing(message: unknown): message is ServingNotice {
  return Array.isArray((message as ServingNotice | null)?.serving)
}
