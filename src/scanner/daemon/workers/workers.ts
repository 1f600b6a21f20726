import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync } from 'node:fs'
import { errorText } from '../../../base/errors/fault.ts'
import { TIMED_OUT, withTimeout } from '../../../base/flow/timeout.ts'
import { readUptime } from '../../../base/flow/uptime.ts'
import { ProcEntry } from '../../../base/process/proc-entry.ts'
import { endingText } from '../../../base/process/run-program.ts'
import { requireSystem, systemError } from '../../../base/runtime/system.ts'
import { formatDuration } from '../../../base/text/units.ts'
import type { ProcessReport, WorkersState } from '../../observe/live/process-report.ts'
import { CrashRecord } from '../../scan/crash-guard/crash-record.ts'
import type { HostEvents, HostMemory } from '../../scan/verdicts/host-memory.ts'
import type { SelfTestAnswer, SelfTestQuestion } from '../self-test/self-tests.ts'
import { HeartbeatWatch, HUNG_AFTER } from './hung-workers.ts'
import {
  type MessageOfWorker,
  receiveFromWorker,
  sendToWorker,
  type WorkerOrder,
} from './worker-messages.ts'

interface WorkersOptions {
  readonly count: number
  /** The command that runs this program again, as a worker. */
  readonly command: readonly [string, ...string[]]
  /** Descriptors of the sockets that all workers listen on. */
  readonly fds: readonly number[]
  /** Milliseconds for messages in progress when workers are asked to stop; SIGKILL follows a little later. */
  readonly grace: number
  readonly log: (line: string) => void
  /** Takes a worker's report about mail. */
  readonly onReport: (worker: number, report: ProcessReport) => void
  /** Takes a worker's answer to askNext(). */
  readonly onAnswer: (answer: SelfTestAnswer) => void
  /** Called when a worker has ended without being asked to, with the number of its messages in progress. */
  readonly onEnd: (worker: number, inProgress: number) => void
  /** Called while the exit is delayed, with the upper limit in milliseconds from now on. */
  readonly onLasting: (milliseconds: number) => void
  /** The cached data of all processes of onescand, including this one. */
  readonly memory: HostMemory
}

/** Milliseconds before a worker that exited unexpectedly, or could not be started, is replaced. */
const REPLACE_AFTER = 1000
/**
 * Milliseconds after the grace period (--grace) until workers that have not exited are killed: longer than flush()
 * waits for their log.
 */
const KILL_AFTER = 6000
/**
 * Milliseconds after SIGKILL in which a worker ends. It does not end while it waits in the kernel for a file
 * of a user's own file system (FUSE), or for a dead disk.
 */
const GONE_AFTER = 3000
/**
 * Upper limit for the abandoned workers that are replaced, for each worker: an abandoned one keeps its memory
 * and its connections.
 */
const LOST_MAX = 2

/** A worker, and the file in memory in which it notes its messages in progress. */
interface Worker {
  readonly child: ChildProcess
  readonly pid: number
  readonly crashRecord: number
  /** Takes the addresses where it listens. */
  readonly serves: (addresses: readonly string[]) => void
  /** Takes the reason why it will never serve. */
  readonly fails: (reason: Error) => void
  isServing: boolean
}

/**
 * Processes that share listening sockets, so that an idle one takes the next connection. A worker that exits
 * unexpectedly is replaced. A worker that hangs is killed, and then replaced. Its end counts as the death of a
 * scanner for a message that was alone in it. A worker that does not end after SIGKILL is abandoned: it is also
 * replaced, and no caller waits for it.
 */
export class Workers {
  /**
   * Resolves to the addresses where the first worker listens, when all of them serve. Rejects if a
   * worker ends before, or too many are lost.
   */
  readonly ready: Promise<readonly string[]>
  readonly #options: WorkersOptions
  readonly #workers = new Set<Worker>()
  readonly #replacements = new Set<NodeJS.Timeout>()
  /** The number of abandoned workers that have not ended. */
  #lost = 0
  /** The number of missing workers, because too many were abandoned. */
  #missing = 0
  readonly #heartbeats: HeartbeatWatch
  #isStopping = false
  #allEnded = () => {}
  #putOff = () => {}
  #replaced = 0
  #hung = 0

  constructor(options: WorkersOptions) {
    this.#options = options
    this.#heartbeats = new HeartbeatWatch({
      uptime: readUptime,
      stat: (pid) => new ProcEntry(pid).stat(),
      onHung: (pid, reason) => this.#endHung(pid, reason),
    })
    options.memory.connect((events) => this.#sendEvents(events))
    const started = Array.from({ length: options.count }, () => this.#startWorker())
    this.ready = Promise.all(started).then(([first = []]) => first)
  }

  state(): WorkersState {
    return { replaced: this.#replaced, hung: this.#hung, late: this.#heartbeats.late() }
  }

  /**
   * Asks one of the serving workers for a self-test, in turn. Returns its process id, or undefined if there is
   * none. The answer is passed to `onAnswer`.
   */
  askNext(question: SelfTestQuestion): number | undefined {
    for (const worker of this.#workers) {
      if (!worker.isServing || !worker.child.connected) continue
      this.#workers.delete(worker)
      this.#workers.add(worker) // the last one in the next turn
      sendToWorker(worker.child, { kind: 'self-test', question })
      return worker.pid
    }
    return undefined
  }

  order(order: WorkerOrder): void {
    for (const { child } of this.#workers) sendToWorker(child, { kind: 'order', order })
  }

  /**
   * Resolves when all workers have ended. Those that do not end within their time are killed. The time
   * restarts whenever a worker reports that it must answer.
   */
  stop(): Promise<void> {
    this.#isStopping = true
    for (const timer of this.#replacements) clearTimeout(timer)
    this.order('stop')
    const within = this.#options.grace + KILL_AFTER
    return new Promise((resolve) => {
      const killer = setTimeout(() => {
        for (const worker of this.#workers) this.#kill(worker)
      }, within)
      this.#putOff = () => {
        killer.refresh()
        this.#options.onLasting(within + KILL_AFTER)
      }
      this.#allEnded = () => {
        clearTimeout(killer)
        this.#heartbeats.close()
        resolve()
      }
      if (this.#workers.size === 0) this.#allEnded()
    })
  }

  /**
   * Resolves to the addresses where the worker listens. Rejects if it cannot be started, or ends before it
   * listens. It is then replaced.
   */
  async #startWorker(): Promise<readonly string[]> {
    const { command, fds } = this.#options
    const crashRecord = requireSystem('no worker can be started').memoryFile()
    let child: ChildProcess
    try {
      if (crashRecord < 0) throw systemError(crashRecord)
      child = spawnWorker(command, [...fds, crashRecord])
      // A process that could not be started never ends: there is no 'exit'.
      if (child.pid === undefined) await once(child, 'spawn')
    } catch (error) {
      if (crashRecord >= 0) closeSync(crashRecord)
      this.#startLater()
      throw new Error(`a worker cannot be started: ${errorText(error)}`)
    }
    return new Promise((serves, fails) =>
      this.#watch({ child, pid: child.pid!, crashRecord, serves, fails, isServing: false }),
    )
  }

  #watch(worker: Worker): void {
    const { child, pid } = worker
    this.#workers.add(worker)
    this.#heartbeats.beat(pid)
    sendToWorker(child, { kind: 'events', events: this.#options.memory.initialEvents() })
    receiveFromWorker(child, (message) => this.#receive(worker, message))
    child.on('error', worker.fails)
    child.once('exit', (code, signal) => {
      if (!this.#workers.has(worker)) return this.#lostIsGone()
      const ending = endingText({ code, signal })
      worker.fails(new Error(`worker ${pid} ${ending}`))
      this.#forget(worker, ending)
    })
  }

  #receive(worker: Worker, message: MessageOfWorker): void {
    const { memory, onReport, onAnswer } = this.#options
    const { child, pid } = worker
    this.#heartbeats.beat(pid)
    switch (message.kind) {
      case 'heartbeat':
        if (message.mustAnswer) this.#putOff()
        break
      case 'serving':
        worker.isServing = true
        worker.serves(message.addresses)
        break
      case 'events':
        memory.receive(message.events)
        this.#sendEvents(message.events, child)
        break
      case 'report':
        onReport(pid, message.report)
        break
      case 'self-test':
        onAnswer(message.answer)
    }
  }

  #endHung(pid: number, reason: string): void {
    this.#hung++
    const silent = `has been silent for ${formatDuration(HUNG_AFTER)}`
    this.#options.log(`worker ${pid} ${silent} (${reason}); killing it`)
    for (const worker of this.#workers) if (worker.pid === pid) this.#kill(worker)
  }

  #kill(worker: Worker): void {
    worker.child.kill('SIGKILL')
    const gone = once(worker.child, 'exit')
    void withTimeout(gone, GONE_AFTER).then((end) => end === TIMED_OUT && this.#lose(worker))
  }

  /** Continues without a worker that was killed, unless it has exited. */
  #lose(worker: Worker): void {
    if (!this.#workers.has(worker)) return
    const { child } = worker
    child.removeAllListeners('message')
    if (child.connected) child.disconnect()
    const isOneTooMany = ++this.#lost > LOST_MAX * this.#options.count
    this.#forget(
      worker,
      'was killed but has not exited: it is waiting for a file or a disk',
      isOneTooMany,
    )
  }

  #lostIsGone(): void {
    this.#lost--
    if (this.#missing === 0) return
    this.#missing--
    this.#startLater()
  }

  /** Notifies all listeners that the worker has ended, and starts another one if that helps. */
  #forget(worker: Worker, reason: string, isOneTooMany = false): void {
    const { memory, onEnd, log } = this.#options
    const { crashRecord, pid } = worker
    this.#workers.delete(worker)
    this.#heartbeats.forget(pid)
    this.#sendEvents(memory.endOf(pid))
    if (!this.#isStopping) onEnd(pid, this.#countInProgress(worker))
    closeSync(crashRecord)
    if (this.#isStopping) {
      if (this.#workers.size === 0) this.#allEnded()
    } else if (isOneTooMany) {
      this.#missing++
      worker.fails(new Error(`worker ${pid} ${reason}`))
      log(
        `worker ${pid} ${reason}; too many workers are stuck, so it is not replaced until one has exited`,
      )
    } else {
      this.#replaced++
      log(`worker ${pid} ${reason}; starting another`)
      this.#startLater(worker)
    }
  }

  /**
   * Returns the number of messages that a worker had in progress. Its end counts against the message that it
   * scanned, if there was only one. Otherwise, each scanned message becomes a suspect.
   */
  #countInProgress({ child, crashRecord }: Worker): number {
    const { memory, log } = this.#options
    const { judged, scanned } = CrashRecord.read(crashRecord)
    const count = Math.max(judged, scanned.length)
    for (const { fingerprint, isLone } of scanned) {
      if (isLone || count === 1) memory.poison.died(fingerprint)
      else memory.poison.diedWithOthers(fingerprint)
    }
    if (count > 0)
      log(`worker ${child.pid} had ${count === 1 ? 'a message' : `${count} messages`} in progress`)
    return count
  }

  /** If onescand itself still waits for the worker that is replaced, it waits for the next one. */
  #startLater(before?: Worker): void {
    if (this.#isStopping) return
    const timer = setTimeout(() => {
      this.#replacements.delete(timer)
      this.#startWorker().then(before?.serves, (error) => {
        this.#options.log(errorText(error))
        before?.fails(error)
      })
    }, REPLACE_AFTER)
    this.#replacements.add(timer)
  }

  #sendEvents(events: HostEvents, except?: ChildProcess): void {
    for (const { child } of this.#workers)
      if (child !== except) sendToWorker(child, { kind: 'events', events })
  }
}

/**
 * The worker gets the descriptors as its own from FIRST_HANDED_OVER on, in this order. (It serves until it is stopped, and is
 * sent messages: runProgram() waits until a program has ended.)
 */
function spawnWorker(
  [program, ...args]: readonly [string, ...string[]],
  descriptors: readonly number[],
): ChildProcess {
  const stdio = ['ignore', 'ignore', 'inherit', ...descriptors, 'ipc'] as const
  return spawn(program, args, { stdio: [...stdio] })
}
