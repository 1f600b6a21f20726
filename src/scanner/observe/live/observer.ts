import { attempt } from '../../../base/errors/fault.ts'
import { roomIn } from '../../../base/path/room.ts'
import { formatDuration } from '../../../base/text/units.ts'
import { parseLogText } from '../../log/parsed-line.ts'
import { History, type LoggedDecision } from './history.ts'
import { Metrics } from './metrics.ts'
import type {
  ClamdState,
  LoggedLine,
  ProcessReport,
  SelfTest,
  WorkersState,
} from './process-report.ts'

/**
 * The milliseconds between two self-tests, and the minimum between two if mail could not be scanned or a
 * client requests health.
 */
const TRY_EVERY = 10_000
const TRY_SOON = 2_000
/** The milliseconds for which the result of a self-test is valid for health. */
const SELF_TEST_COUNTS_FOR = 30_000
/** The milliseconds without a report after which a process counts as gone. */
const SILENT_FOR = 10_000

export interface ObserverOptions {
  readonly version: string
  readonly started: number
  /** Milliseconds since 1970, and milliseconds of a monotonic clock. */
  readonly now: () => number
  readonly uptime: () => number
  /** Tests all doors and the judgement, or undefined while no door is open. */
  readonly tryAll: () => Promise<SelfTest> | undefined
  /** The servers of the plugin clamd. */
  readonly clamds: () => readonly ClamdState[]
  /** The directory for messages that are being judged. */
  readonly spoolDirectory: string
  /** The bytes that each process may use for messages (--memory). */
  readonly memoryLimit: number
  /** The state of the processes that judge mail. */
  readonly workers: () => WorkersState
}

/** The word before the fields of each line. */
const PROGRAM = 'onescan: '

/** The state of all processes of onescand, kept by the first one. */
export class Observer {
  readonly history = new History()
  readonly #observed: ObserverOptions
  readonly #metrics: Metrics
  readonly #processes = new Map<number, { readonly report: ProcessReport; readonly at: number }>()
  #notify: (decided: readonly LoggedDecision[]) => void = () => {}
  readonly #timer = setInterval(() => this.tryNow(), TRY_EVERY).unref()
  #selfTest: SelfTest | undefined
  #triedAt = 0 // on the monotonic clock
  #isTrying = false
  #isOver = false

  constructor(observed: ObserverOptions) {
    this.#observed = observed
    this.#metrics = new Metrics(observed.version, observed.started)
    this.tryNow()
  }

  get clamds(): readonly ClamdState[] {
    return this.#observed.clamds()
  }

  get selfTest(): SelfTest | undefined {
    return this.#selfTest
  }

  /**
   * Returns whether mail is scanned. It is if, within SELF_TEST_COUNTS_FOR, a self-test has found EICAR and found
   * nothing in a clean message, and every process that judges mail has sent a recent heartbeat.
   */
  health(): { readonly isHealthy: boolean; readonly reason: string } {
    const { late } = this.#observed.workers()
    if (late.length > 0) {
      const which = late.length === 1 ? 'worker' : 'workers'
      return { isHealthy: false, reason: `no answer from ${which} ${late.join(', ')}` }
    }
    const selfTest = this.#selfTest
    if (selfTest === undefined) return { isHealthy: false, reason: 'no self-test has finished yet' }
    const age = this.#observed.uptime() - this.#triedAt
    if (age > SELF_TEST_COUNTS_FOR) {
      return { isHealthy: false, reason: `the last self-test is ${formatDuration(age)} old` }
    }
    return { isHealthy: selfTest.hasPassed, reason: selfTest.reason + this.#logTrouble() }
  }

  /** Describes the trouble of the log, which does not affect mail. */
  #logTrouble(): string {
    const logs = this.processes.map(({ log }) => log)
    const trouble = logs.find((log) => log.trouble !== undefined)?.trouble
    const lost = logs.reduce((sum, log) => sum + log.lost, 0)
    const waits = trouble === undefined ? '' : `; lines of the log wait: ${trouble}`
    return lost === 0 ? waits : `${waits}; ${lost} lines of the log were lost`
  }

  /** Returns the milliseconds since the last self-test. */
  #selfTestAge(): number | undefined {
    return this.#selfTest && this.#observed.uptime() - this.#triedAt
  }

  /** The last report of each process. */
  get processes(): readonly ProcessReport[] {
    const uptime = this.#observed.uptime()
    for (const [number, { at }] of this.#processes) {
      if (uptime - at > SILENT_FOR) this.#processes.delete(number)
    }
    return [...this.#processes.values()].map(({ report }) => report)
  }

  /** Takes a report of the process of that number. */
  report(process: number, report: ProcessReport): void {
    const { lines, lost } = report
    this.#metrics.report(report, this.#processes.get(process)?.report)
    this.#processes.set(process, { report: { ...report, lines: [] }, at: this.#observed.uptime() })
    this.history.lost(lost)
    this.#notify(this.#count(lines))
  }

  /**
   * Notes that the process of that number has ended without a last report, and how many messages it was
   * judging.
   */
  ended(process: number, inProgress: number): void {
    this.#processes.delete(process)
    this.#metrics.unanswered(inProgress)
  }

  metrics(): Promise<string> {
    const { spoolDirectory, memoryLimit, workers, now } = this.#observed
    return this.#metrics.text({
      processes: this.processes,
      clamds: this.clamds,
      selfTest: this.selfTest,
      selfTestAge: this.#selfTestAge(),
      spool: attempt(() => roomIn(spoolDirectory)),
      memoryLimit,
      workers: workers(),
      now: now(),
    })
  }

  get contentType(): string {
    return this.#metrics.contentType
  }

  /** Runs a self-test immediately, because doors are open now. */
  tryNow(): void {
    void this.#try()
  }

  /** Runs a self-test, unless the last one is recent. */
  trySoon(): void {
    if ((this.#selfTestAge() ?? 0) >= TRY_SOON) void this.#try()
  }

  /** Calls the listener with new decisions. There is one listener. */
  follow(listener: (decided: readonly LoggedDecision[]) => void): void {
    this.#notify = listener
  }

  close(): void {
    this.#isOver = true
    clearInterval(this.#timer)
  }

  async #try(): Promise<void> {
    if (this.#isTrying) return
    this.#isTrying = true
    try {
      const came = await this.#observed.tryAll()
      if (this.#isOver || came === undefined) return
      this.#selfTest = came
      this.#triedAt = this.#observed.uptime()
    } finally {
      this.#isTrying = false
    }
  }

  /** Counts lines. Returns the decisions in them, except those about test messages of `onescan check`. */
  #count(lines: readonly LoggedLine[]): LoggedDecision[] {
    return lines.flatMap(({ line, time }) => {
      const fields = fieldsOf(line)
      if (!fields.has('decision') || fields.has('selftest')) return []
      this.#metrics.message(fields)
      if (this.selfTest?.hasPassed && hasTrouble(fields)) this.trySoon()
      return this.history.add(line, fields, time) ?? []
    })
  }
}

/**
 * Returns whether a message could not be scanned or kept. Health then shows it before the next self-test is
 * due.
 */
function hasTrouble(fields: ReadonlyMap<string, string>): boolean {
  return fields.get('scan') === 'unknown' || fields.has('fault')
}

/** The fields of a line of ours. */
function fieldsOf(line: string): ReadonlyMap<string, string> {
  return parseLogText(line.slice(PROGRAM.length), Number.NaN).fields
}
