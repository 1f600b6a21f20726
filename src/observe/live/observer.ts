import { statfsSync } from 'node:fs'
import type { ScanPolicy } from '../../scan/shared/scan-policy.ts'
import { type ClamdState, type ClamdWatch, watchClamds } from './clamd-watch.ts'
import { createHistory, type History, type LoggedDecision } from './history.ts'
import { createLineOrder, type LoggedLine } from './line-order.ts'
import { createLineViewer, type LineView } from './line-view.ts'
import { createMetrics, type Metrics } from './metrics.ts'
import type { LeftBehind, ProcessReport, WorkersState } from './process-report.ts'
import type { Trial } from './trial.ts'

/**
 * Milliseconds between two trials, and between two if mail could not be scanned or somebody asks
 * for health.
 */
const TRY_EVERY = 10_000
const TRY_SOON = 2_000
/** Milliseconds for which the result of a trial counts as health. */
export const TRIAL_COUNTS_FOR = 30_000
/** Milliseconds without a report after which a process counts as gone. */
const SILENT_FOR = 10_000

export interface ObserverOptions {
  readonly version: string
  readonly started: number
  /** Milliseconds since 1970, and on a clock that nobody sets. */
  readonly now: () => number
  readonly uptime: () => number
  /** Whether mail is scanned; undefined while no door is open. */
  readonly tryAll: () => Promise<Trial> | undefined
  readonly scanPolicy: () => ScanPolicy | undefined
  /** Where messages are kept. */
  readonly spoolDirectory: string
  /** Bytes that each process may keep (--memory). */
  readonly memoryLimit: number
  /** The state of the processes that judge mail. */
  readonly workers: () => WorkersState
}

/** What the first process knows of all processes. */
export interface Observer {
  readonly history: History
  readonly clamds: readonly ClamdState[]
  readonly trial: Trial | undefined
  /** What each process told last. */
  readonly processes: readonly ProcessReport[]
  readonly workers: WorkersState
  /** Takes what the process of that number told. */
  report(process: number, report: ProcessReport): void
  /** The process of that number has ended without a last report. */
  ended(process: number, left: LeftBehind): void
  metrics(): Promise<string>
  readonly contentType: string
  /** Makes a trial at once: doors are open now. */
  tryNow(): void
  /** Makes a trial, unless the last one is recent. */
  trySoon(): void
  /** Calls back with new decisions, and when anything else has changed. */
  follow(listener: (decided: readonly LoggedDecision[]) => void): void
  close(): void
}

interface ObservedProcess {
  report: ProcessReport
  at: number
}

export function createObserver(observed: ObserverOptions): Observer {
  const history = createHistory()
  const viewOf = createLineViewer()
  const metrics: Metrics = createMetrics(observed.version, observed.started)
  const processes = new Map<number, ObservedProcess>()
  /** Lines that each of them has told of, or said that it could not. */
  const toldLines = new Map<number, number>()
  const inOrder = createLineOrder(observed.uptime)
  const listeners: ((decided: readonly LoggedDecision[]) => void)[] = []
  let trial: Trial | undefined
  let trying = false
  let over = false

  const changed = (decided: readonly LoggedDecision[] = []) => {
    for (const listener of listeners) listener(decided)
  }

  async function tryAgain(): Promise<void> {
    if (trying) return
    trying = true
    const came = await observed.tryAll()
    trying = false
    if (over || came === undefined) return
    trial = came
    changed()
  }

  const clamds: ClamdWatch = watchClamds(observed.scanPolicy, changed)
  void tryAgain()
  const timer = setInterval(() => void tryAgain(), TRY_EVERY)
  timer.unref()

  /** What could not be scanned, or kept: health shows it before the next trial is due. */
  function hasTrouble(view: LineView): boolean {
    return view.value('scan') === 'unknown' || view.value('fault') !== undefined
  }

  function trySoon(): void {
    if (trial !== undefined && observed.now() - trial.at >= TRY_SOON) void tryAgain()
  }

  /** Counts it; false if it is about no mail, as that of `onescan check` is. */
  function count({ line }: LoggedLine): boolean {
    const view = viewOf(line)
    if (view.value('decision') === undefined || view.value('trial') !== undefined) return false
    metrics.message(view)
    if (trial?.right && hasTrouble(view)) trySoon()
    return true
  }

  /** Those whose turn it is. */
  const takeLines = () =>
    inOrder.take().flatMap(({ line, time }) => history.add(line, viewOf(line), time) ?? [])

  function present(): ProcessReport[] {
    const now = observed.uptime()
    for (const [number, { at }] of processes) if (now - at > SILENT_FOR) processes.delete(number)
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
    get processes() {
      return present()
    },
    get workers() {
      return observed.workers()
    },
    report(process, report) {
      metrics.report(report, processes.get(process)?.report)
      processes.set(process, { report: { ...report, lines: [] }, at: observed.uptime() })
      toldLines.set(process, (toldLines.get(process) ?? 0) + report.lines.length + report.lost)
      history.lost(report.lost)
      inOrder.add(process, report.lines.filter(count), report.at)
      changed(takeLines())
    },
    ended(process, { inHand, logged }) {
      // It has told nobody about the lines of its last second.
      const untold = Math.max(0, logged - (toldLines.get(process) ?? 0))
      toldLines.delete(process)
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
