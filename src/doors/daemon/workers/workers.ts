import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync } from 'node:fs'
import { errorText } from '../../../ground/errors/fault.ts'
import { ownChild } from '../../../ground/process/own-children.ts'
import { processStat } from '../../../ground/process/process-stat.ts'
import type { LeftBehind, WorkersState } from '../../../observe/live/process-report.ts'
import { type HostEvents, type HostMemory, isHostEvents } from '../../../verdicts/host-memory.ts'
import { HUNG_AFTER, watchBeats } from './hung-workers.ts'
import { countNotes, openNotes } from './notes.ts'

export interface Workers {
  /**
   * Resolves with the addresses where the first worker listens, when all of them serve. Rejects if a
   * worker ends before.
   */
  readonly ready: Promise<readonly string[]>
  state(): WorkersState
  /**
   * Sends a question to one of the workers that serve, to each in its turn. Returns its process id;
   * undefined if there is none. The answer comes to `onMessage`.
   */
  askNext(question: object): number | undefined
  reload(): void
  report(): void
  /** Resolves when all workers have ended. */
  stop(): Promise<void>
}

export interface WorkersOptions {
  readonly count: number
  /** The command that runs this very program once more, as a worker. */
  readonly command: readonly [string, ...string[]]
  /** Descriptors of the sockets that all workers listen on. */
  readonly fds: readonly number[]
  /** The directory for the notes of what each worker has in hand. */
  readonly directory: string
  /**
   * Milliseconds for messages in flight when workers are told to stop; SIGKILL follows a little
   * later.
   */
  readonly grace: number
  readonly log: (line: string) => void
  /** Takes each message of a worker that is not for this file or for `memory`. */
  readonly onMessage: (worker: number, message: unknown) => void
  /** Called when a worker has ended, unless it was told to; `left` is what is known of its work. */
  readonly onEnd?: ((worker: number, left: LeftBehind) => void) | undefined
  /** What all processes of onescand know, this one included. */
  readonly memory: HostMemory
}

/** Milliseconds before a worker that ended by itself, or could not be started, is replaced. */
const REPLACE_AFTER = 1000
/** Milliseconds beyond the grace. */
const KILL_AFTER = 3000

/** An order to a worker on its channel. If the channel closes, the worker ends at once. */
export type WorkerOrder = 'reload' | 'report' | 'stop'
/** What a worker sends each second. */
export const BEAT = 'beat'
/** What a worker sends when it listens: the addresses where it does. */
export interface ServingNotice {
  readonly serving: readonly string[]
}

/** A worker, and the file with what it has in hand. */
interface Worker {
  readonly child: ChildProcess
  readonly notes: number | undefined
  isServing: boolean
}

/**
 * Starts processes that share listening sockets, so that an idle one takes the next connection. A
 * worker that ends by itself is replaced. A worker that hangs is killed, and then replaced. The
 * messages that it had in hand count like messages that scanners died of.
 */
export function startWorkers(options: WorkersOptions): Workers {
  const { count, command, directory, fds, log, memory } = options
  const workers = new Set<Worker>()
  const replacements = new Set<NodeJS.Timeout>()
  let stopping = false
  let allEnded = () => {}
  let replaced = 0
  let hung = 0

  const beats = watchBeats({
    uptime: () => performance.now(),
    stat: processStat,
    onHung(pid, how) {
      hung++
      log(`worker ${pid} has said nothing for ${HUNG_AFTER / 1000} seconds (${how}); it is ended`)
      for (const { child } of workers) if (child.pid === pid) child.kill('SIGKILL')
    },
  })

  /**
   * Resolves with the addresses where the worker listens. Rejects if it cannot be started, or ends
   * before it listens; it is then replaced.
   */
  async function startWorker(): Promise<readonly string[]> {
    const notes = openNotes(directory, log)
    let child: ChildProcess
    try {
      child = spawnWorker(command, [...fds, notes ?? 'ignore'])
      // A process that could not be started never ends: there is no 'exit'.
      if (child.pid === undefined) await once(child, 'spawn')
    } catch (error) {
      if (notes !== undefined) closeSync(notes)
      startLater()
      throw new Error(`a worker cannot be started: ${errorText(error)}`)
    }
    return watchWorker({ child, notes, isServing: false })
  }

  function watchWorker(worker: Worker): Promise<readonly string[]> {
    const { child } = worker
    workers.add(worker)
    beats.heard(child.pid!)
    send(child, memory.initialEvents())
    return new Promise((resolve, reject) => {
      child.on('message', (message) => {
        const addresses = take(child, message)
        if (addresses === undefined) return
        worker.isServing = true
        resolve(addresses)
      })
      child.on('error', reject)
      child.once('exit', (code, signal) => {
        const how = `worker ${child.pid} ended with ${signal ?? code}`
        reject(new Error(how))
        forgetWorker(worker)
        if (!stopping) replace(how)
        else if (workers.size === 0) allEnded()
      })
    })
  }

  /** Takes a message of a worker. Returns the addresses where it listens, if the message says them. */
  function take(child: ChildProcess, message: unknown): readonly string[] | undefined {
    beats.heard(child.pid!)
    if (message === BEAT) return undefined
    if (isServingNotice(message)) return message.serving
    if (isHostEvents(message)) {
      memory.receive(message)
      sendAll(message, child)
    } else options.onMessage(child.pid!, message)
    return undefined
  }

  /** Tells everybody that the worker has ended. */
  function forgetWorker(worker: Worker): void {
    const { child, notes } = worker
    const pid = child.pid!
    workers.delete(worker)
    beats.forget(pid)
    sendAll(memory.endOf(pid))
    if (!stopping) options.onEnd?.(pid, countNotes(pid, notes, memory.poison, log))
    if (notes !== undefined) closeSync(notes)
  }

  function replace(how: string): void {
    replaced++
    log(`${how}; another one takes its place`)
    startLater()
  }

  function startLater(): void {
    if (stopping) return
    const timer = setTimeout(() => {
      replacements.delete(timer)
      startWorker().catch((error) => log(error.message))
    }, REPLACE_AFTER)
    replacements.add(timer)
  }

  function sendAll(message: HostEvents, except?: ChildProcess): void {
    for (const { child } of workers) if (child !== except) send(child, message)
  }

  function order(what: WorkerOrder): void {
    for (const { child } of workers) if (child.connected) child.send(what)
  }

  function askNext(question: object): number | undefined {
    for (const worker of workers) {
      if (!worker.isServing || !worker.child.connected) continue
      workers.delete(worker)
      workers.add(worker) // the last one in the next turn
      send(worker.child, question)
      return worker.child.pid
    }
    return undefined
  }

  /** Resolves when all workers have ended; those that do not within their time are killed. */
  function untilEnded(): Promise<void> {
    return new Promise((resolve) => {
      const killer = setTimeout(() => {
        for (const { child } of workers) child.kill('SIGKILL')
      }, options.grace + KILL_AFTER)
      allEnded = () => {
        clearTimeout(killer)
        beats.close()
        resolve()
      }
      if (workers.size === 0) allEnded()
    })
  }

  memory.connect(sendAll)
  const ready = Promise.all(Array.from({ length: count }, startWorker)).then(([first]) => first!)
  return {
    ready,
    askNext,
    state: () => ({ replaced, hung, late: beats.late() }),
    reload: () => order('reload'),
    report: () => order('report'),
    stop() {
      stopping = true
      for (const timer of replacements) clearTimeout(timer)
      order('stop')
      return untilEnded()
    },
  }
}

/** The worker gets the descriptors as its own from FIRST_HANDED_OVER on, in this order. */
function spawnWorker(
  [program, ...words]: readonly [string, ...string[]],
  descriptors: readonly (number | 'ignore')[],
): ChildProcess {
  const stdio = ['ignore', 'ignore', 'inherit', ...descriptors, 'ipc'] as const
  return ownChild(spawn(program, words, { stdio: [...stdio] }))
}

/** A message that cannot be sent any more is for a worker that has ended, or is about to. */
function send(child: ChildProcess, message: object): void {
  if (child.connected) child.send(message, () => {})
}

function isServingNotice(message: unknown): message is ServingNotice {
  return Array.isArray((message as ServingNotice | null)?.serving)
}
