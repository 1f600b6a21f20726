import { statfsSync } from 'node:fs'
import type { ScanPolicy } from '../../scan/shared/scan-policy.ts'
import { readLogText } from '../log/log-record.ts'
import { type ClamdState, type ClamdWatch, watchClamds } from './clamd-watch.ts'
import { History, type LoggedDecision } from './history.ts'
import { createLineOrder, type LoggedLine } from './line-order.ts'
import { createMetrics, type Metrics } from './metrics.ts'
import type { LeftBehind, ProcessReport, WorkersState } from './process-report.ts'
import type { Trial } from './trial.ts'

/**
 * The milliseconds between two trials, and the least between two if mail could not be scanned or
 * somebody asks for health.
 */
const TRY_EVERY = 10_000
const TRY_SOON = 2_000
/** The milliseconds for which the result of a trial counts as health. */
export const TRIAL_COUNTS_FOR = 30_000
/** The milliseconds without a report after which a process counts as gone. */
const SILENT_FOR = 10_000

export interface ObserverOptions {
  readonly version: string
  readonly started: number
  /** Milliseconds since 1970, and milliseconds of a clock that nobody sets. */
  readonly now: () => number
  readonly uptime: () => number
  /** Tries all doors and the judgement; undefined while no door is open. */
  readonly tryAll: (clamds: readonly ClamdState[]) => Promise<Trial> | undefined
  readonly scanPolicy: () => ScanPolicy | undefined
  /** The directory in which messages lie while they are judged. */
  readonly spoolDirectory: string
  /** The bytes that each process may take for messages (--memory). */
  readonly memoryLimit: number
  /** The state of the processes that judge mail. */
  readonly workers: () => WorkersState
}

/** What the first process of onescand knows of all its processes. */
export interface Observer {
  readonly history: History
  readonly clamds: readonly ClamdState[]
  readonly trial: Trial | undefined
  /** Milliseconds since that trial. */
  readonly trialAge: number | undefined
  /** The last report of each process. */
  readonly processes: readonly ProcessReport[]
  readonly workers: WorkersState
  /** Takes a report of the process of that number. */
  report(process: number, report: ProcessReport): void
  /** Notes that the process of that number has ended without a last report. */
  ended(process: number, left: LeftBehind): void
  metrics(): Promise<string>
  readonly contentType: string
  /** Makes a trial at once, since doors are open now. */
  tryNow(): void
  /** Makes a trial, unless the last one is recent. */
  trySoon(): void
  /** Calls the listener with new decisions, and without any when other things have changed. */
  follow(listener: (decided: readonly LoggedDecision[]) => void): void
  close(): void
}

/** The word before the fields of each line. */
const PROGRAM = 'onescan: '

interface ObservedProcess {
  report: ProcessReport
  at: number
}

export function createObserver(observed: ObserverOptions): Observer {
  const history = new History()
  const metrics: Metrics = createMetrics(observed.version, observed.started)
  const processes = new Map<number, ObservedProcess>()
  /** How many lines each process has reported, or reported as lost. */
  const reportedLines = new Map<number, number>()
  const inOrder = createLineOrder(observed.uptime)
  const listeners: ((decided: readonly LoggedDecision[]) => void)[] = []
  let trial: Trial | undefined
  let triedAt = 0 // on the clock that nobody sets
  let trying = false
  let over = false

  const changed = (decided: readonly LoggedDecision[] = []) => {
    for (const listener of listeners) listener(decided)
  }

  async function tryAgain(): Promise<void> {
    if (trying) return
    trying = true
    try {
      const came = await observed.tryAll(clamds.states)
      if (over || came === undefined) return
      trial = came
      triedAt = observed.uptime()
      changed()
    } finally {
      trying = false
    }
  }

  const clamds: ClamdWatch = watchClamds(observed.scanPolicy, changed)
  void tryAgain()
  const timer = setInterval(() => void tryAgain(), TRY_EVERY)
  timer.unref()

  /**
   * Whether a message could not be scanned or kept. Health then shows it before the next trial is
   * due.
   */
  function hasTrouble(fields: ReadonlyMap<string, string>): boolean {
    return fields.get('scan') === 'unknown' || fields.has('fault')
  }

  const trialAge = () => (trial === undefined ? undefined : observed.uptime() - triedAt)

  function trySoon(): void {
    const age = trialAge()
    if (age !== undefined && age >= TRY_SOON) void tryAgain()
  }

  /** Counts a line. Returns false if it is about no mail, such as a trial of `onescan check`. */
  function count({ line }: LoggedLine): boolean {
    const fields = fieldsOf(line)
    if (!fields.has('decision') || fields.has('trial')) return false
    metrics.message(fields)
    if (trial?.right && hasTrouble(fields)) trySoon()
    return true
  }

  /** Returns the decisions of the lines whose turn has come. */
  const takeLines = () =>
    inOrder.take().flatMap(({ line, time }) => history.add(line, fieldsOf(line), time) ?? [])

  function present(): ProcessReport[] {
    const uptime = observed.uptime()
    for (const [number, { at }] of processes) if (uptime - at > SILENT_FOR) processes.delete(number)
    return [...processes.values()].map(({ report }) => report)
  }

  return {
    history,
    contentType: metrics.contentType,
    get clamds() {
      return clamds.states
    },
    get trial() {
      return trial
    },
    get trialAge() {
      return trialAge()
    },
    get processes() {
      return present()
    },
    get workers() {
      return observed.workers()
    },
    report(process, report) {
      metrics.report(report, processes.get(process)?.report)
      processes.set(process, { report: { ...report, lines: [] }, at: observed.uptime() })
      reportedLines.set(
        process,
        (reportedLines.get(process) ?? 0) + report.lines.length + report.lost,
      )
      history.lost(report.lost)
      inOrder.add(process, report.lines.filter(count), report.at)
      changed(takeLines())
    },
    ended(process, { inHand, logged }) {
      // The process has not reported the lines of its last second.
      const untold = Math.max(0, logged - (reportedLines.get(process) ?? 0))
      reportedLines.delete(process)
      processes.delete(process)
      inOrder.forget(process)
      metrics.leftBehind(inHand, untold)
      history.lost(untold)
      changed(takeLines())
    },
    metrics() {
      return metrics.text({
        processes: present(),
        clamds: clamds.states,
        trial,
        trialAge: trialAge(),
        spool: spoolSpace(observed.spoolDirectory),
        memoryLimit: observed.memoryLimit,
        workers: observed.workers(),
        now: observed.now(),
      })
    },
    tryNow: () => void tryAgain(),
    trySoon,
    follow(listener) {
      listeners.push(listener)
    },
    close() {
      over = true
      clearInterval(timer)
      clamds.close()
    },
  }
}

/** The fields of a line of ours. */
function fieldsOf(line: string): ReadonlyMap<string, string> {
  return readLogText(line.slice(PROGRAM.length), Number.NaN).fields
}

function spoolSpace(
  directory: string,
): { readonly size: number; readonly free: number } | undefined {
  try {
    const { bsize, blocks, bavail } = statfsSync(directory)
    return { size: blocks * bsize, free: bavail * bsize }
  } catch {
    return undefined
  }
}
