import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import { FAULT_KINDS } from '../../../base/errors/fault.ts'
import { answerWords } from '../../../base/protocol/quota/quota-datagrams.ts'
import { INTERFACES } from '../../../mail/message/envelope.ts'
import { GROUNDS } from '../../scan/replies/reply.ts'
import { causesInWords } from '../../scan/scanners/findings/scan-result.ts'
import { DECISIONS, SCANS } from '../report/counts.ts'
import {
  type ClamdState,
  type ProcessReport,
  type SelfTest,
  STANDALONE_WAYS,
  type WorkersState,
} from './process-report.ts'

/**
 * Upper limit for the values of a label. A log may have more names than expected, and Prometheus keeps each
 * indefinitely.
 */
const VALUES_MAX = 50
const OTHER = 'other'

/** The state of the host, in addition to messages, when a client requests metrics. */
interface HostState {
  readonly processes: readonly ProcessReport[]
  readonly clamds: readonly ClamdState[]
  readonly selfTest: SelfTest | undefined
  /** Milliseconds since it was made. */
  readonly selfTestAge: number | undefined
  /** Bytes of the file system with the messages, or undefined if statfs(2) fails. */
  readonly spool: { readonly size: number; readonly free: number } | undefined
  readonly memoryLimit: number
  readonly workers: WorkersState
  /** Milliseconds since 1970. */
  readonly now: number
}

/**
 * The metrics of onescan-interfaces(7), HTTP, of all its processes together. A verdict is counted from the log line about its
 * message. The line's fields `scan` and `cause` have values of closed lists, SCANS and CAUSES, and each is
 * the label of a counter.
 */
export class Metrics {
  readonly #registry = new Registry()
  readonly #metrics = registerMetrics(this.#registry)
  readonly #scannerLabel = boundedValues()
  readonly #keyLabel = boundedValues()

  /** `started` in milliseconds since 1970. */
  constructor(version: string, started: number) {
    this.#metrics.buildInfo.set({ version }, 1)
    this.#metrics.startTime.set(started / 1000)
  }

  get contentType(): string {
    return this.#registry.contentType
  }

  /**
   * Counts a message by its line of the log. MessageCounts does so for people, in the terms of a report; these are the
   * labels that boards and alerts of Prometheus query.
   */
  message(fields: ReadonlyMap<string, string>): void {
    const metrics = this.#metrics
    const value = (name: string) => fields.get(name) ?? ''
    const interfaceName = orOther(DOORS, value('interface') || 'qmail')
    const quota = value('quota')
    if (quota !== '') {
      metrics.recipients.inc({ interface: interfaceName, quota: orOther(QUOTAS, quota) })
      return
    }
    const decision = orOther(DECISIONS, value('decision'))
    const grounds = orOther(['none', ...GROUNDS], value('grounds') || 'none')
    metrics.messages.inc({ interface: interfaceName, decision, grounds })
    const scan = value('scan')
    if (scan !== '') metrics.verdicts.inc({ scan: orOther(SCANS, scan) })
    if (scan === 'clean' || scan === 'infected' || scan === 'unknown') {
      for (const name of value('scanner').split(',')) {
        if (name !== '') metrics.scans.inc({ scanner: this.#scannerLabel(name), answer: scan })
      }
    }
    if (value('key') !== '') {
      const use = scan === 'trusted' ? 'trusted' : 'made'
      metrics.stamps.inc({ key: this.#keyLabel(value('key')), use })
    }
    if (scan === 'unknown') metrics.unknown.inc({ cause: orOther(CAUSES, value('cause')) })
    if (value('fault') !== '') metrics.faults.inc({ fault: orOther(FAULT_KINDS, value('fault')) })
    observe(metrics.scanSeconds, Number(fields.get('scan_ms')) / 1000)
    observe(metrics.judgeSeconds, Number(fields.get('total_ms')) / 1000)
    observe(metrics.bytes, Number(fields.get('size')))
  }

  /** Counts the rest of a process's report. `before` is its last report. */
  report(report: ProcessReport, before: ProcessReport | undefined): void {
    const metrics = this.#metrics
    if (report.lost > 0) metrics.lost.inc(report.lost)
    metrics.logLost.inc(Math.max(0, report.log.lost - (before?.log.lost ?? 0)))
    for (const way of STANDALONE_WAYS) metrics.standalone.inc({ how: way }, report.standalone[way])
    for (const [name, more] of growth(report.quota, before?.quota)) {
      metrics.quota.inc({ answer: snake(name) }, more)
    }
    for (const [event, more] of growth(report.sharing?.counters, before?.sharing?.counters)) {
      metrics.store.inc({ event }, more)
    }
  }

  /** Counts messages that had no answer when their worker ended. */
  unanswered(messages: number): void {
    this.#metrics.unanswered.inc(messages)
  }

  /** Returns all metrics in the text format of Prometheus. */
  text(state: HostState): Promise<string> {
    const metrics = this.#metrics
    setProcesses(metrics, state)
    setStore(metrics, state)
    setClamds(metrics, state)
    setSelfTest(metrics, state)
    metrics.spoolSize.set(state.spool?.size ?? Number.NaN)
    metrics.spoolFree.set(state.spool?.free ?? Number.NaN)
    return this.#registry.metrics()
  }
}

function setProcesses(metrics: MetricSet, { processes, workers, memoryLimit }: HostState): void {
  metrics.judging.set(processes.reduce((sum, report) => sum + report.judging, 0))
  metrics.processes.set(processes.length)
  metrics.replaced.reset()
  metrics.replaced.inc({ reason: 'ended' }, workers.replaced - workers.hung)
  metrics.replaced.inc({ reason: 'hung' }, workers.hung)
  metrics.late.set(workers.late.length)
  metrics.memoryLimit.set(memoryLimit)
  for (const gauge of [metrics.clients, metrics.memory, metrics.clamdSessions]) gauge.reset()
  for (const { doors, servers } of processes) {
    for (const [server, count] of Object.entries(servers)) {
      metrics.clamdSessions.inc({ server }, count)
    }
    for (const [interfaceName, state] of Object.entries(doors)) {
      metrics.clients.inc({ interface: interfaceName }, state.clients)
      metrics.memory.inc({ interface: interfaceName }, state.memory)
    }
  }
}

function setStore(metrics: MetricSet, { processes }: HostState): void {
  const stores = processes.flatMap(({ sharing }) => sharing ?? [])
  const isWell = stores.every(({ trouble }) => trouble === undefined)
  metrics.storeOk.set(stores.length === 0 ? Number.NaN : isWell ? 1 : 0)
}

function setClamds(metrics: MetricSet, { clamds, now }: HostState): void {
  const { clamdUp, clamdVersion, clamdAge } = metrics
  for (const gauge of [clamdUp, clamdVersion, clamdAge]) gauge.reset()
  for (const { server, isUp, version, made } of clamds) {
    clamdUp.set({ server }, isUp ? 1 : 0)
    if (version !== undefined) clamdVersion.set({ server }, version)
    if (made !== undefined) clamdAge.set({ server }, Math.round((now - made) / 1000))
  }
}

function setSelfTest(metrics: MetricSet, { selfTest, selfTestAge }: HostState): void {
  metrics.selfTestOk.set(selfTest?.hasPassed ? 1 : 0)
  metrics.selfTestAge.set(selfTestAge === undefined ? Number.NaN : selfTestAge / 1000)
  metrics.doorOk.reset()
  const doors = selfTest?.doors ?? []
  const wrong = doors.filter(({ hasPassed }) => !hasPassed).map(({ kind }) => kind)
  for (const { kind: interfaceName } of doors)
    metrics.doorOk.set({ interface: interfaceName }, wrong.includes(interfaceName) ? 0 : 1)
}

const DOORS = [...INTERFACES, 'policy']
const QUOTAS = Object.keys(answerWords)
const CAUSES = Object.keys(causesInWords)

function orOther(words: readonly string[], word: string): string {
  return words.includes(word) ? word : OTHER
}

/** Returns a function that returns the first values unchanged, and "other" for all further ones. */
function boundedValues(): (value: string) => string {
  const known = new Set<string>()
  return (value) => {
    if (known.has(value)) return value
    if (known.size >= VALUES_MAX) return OTHER
    if (!/^[A-Za-z0-9._-]{1,64}$/.test(value)) return OTHER
    known.add(value)
    return value
  }
}

/** Returns by how much each counter has grown. Counters begin at 0 again when settings are read. */
function growth(now: object = {}, before: object = {}): [name: string, more: number][] {
  const last = before as Readonly<Record<string, number>>
  return Object.entries(now).flatMap(([name, count]) => {
    const more = count >= (last[name] ?? 0) ? count - (last[name] ?? 0) : count
    return more > 0 ? [[name, more]] : []
  })
}

function observe(histogram: Histogram, value: number): void {
  if (value >= 0) histogram.observe(value)
}

function snake(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}

/** Histogram bucket bounds, in seconds. */
const SECONDS = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120,
]

/**
 * The metrics of onescan-interfaces(7), HTTP, each with its help text and labels.
 */
type MetricSet = ReturnType<typeof registerMetrics>

/** Registers all metrics, each without a value yet. */
function registerMetrics(registry: Registry) {
  const registers = [registry]
  const counter = <Label extends string>(name: string, help: string, labelNames: Label[] = []) =>
    new Counter({ name, help, labelNames, registers })
  const gauge = <Label extends string>(name: string, help: string, labelNames: Label[] = []) =>
    new Gauge({ name, help, labelNames, registers })
  const histogram = (name: string, help: string, buckets: number[]) =>
    new Histogram({ name, help, buckets, registers })

  // biome-ignore format: a metric a line
  return {
    messages: counter('onescan_messages_total', 'Messages by decision and grounds, as in the log.', ['interface', 'decision', 'grounds']),
    recipients: counter('onescan_recipients_total', 'Recipients that an MTA checked before the message, except those with room.', ['interface', 'quota']),
    verdicts: counter('onescan_verdicts_total', 'Messages by scan, as in the log.', ['scan']),
    scans: counter('onescan_scans_total', 'Scans by scanner and answer.', ['scanner', 'answer']),
    stamps: counter('onescan_stamps_total', 'Stamps by key and use: made or trusted.', ['key', 'use']),
    unknown: counter('onescan_unknown_total', 'Messages that could not be scanned, by cause as in the log, or other.', ['cause']),
    faults: counter('onescan_faults_total', 'Messages deferred or refused by a fault.', ['fault']),
    scanSeconds: histogram('onescan_scan_seconds', 'Seconds that scans took.', SECONDS),
    judgeSeconds: histogram('onescan_judge_seconds', 'Seconds from the arrival of a message to its answer.', SECONDS),
    bytes: histogram('onescan_message_bytes', 'Bytes of messages.', [1e3, 4e3, 16e3, 64e3, 256e3, 1e6, 4e6, 16e6, 64e6]),
    lost: counter('onescan_uncounted_total', 'Messages that were not counted, since more than about 5,000 arrived at a process in a second.'),
    logLost: counter('onescan_log_lost_total', 'Lines of the log that were lost, since it could not be written.'),
    unanswered: counter('onescan_unanswered_total', 'Messages that a worker had not finished when it exited.'),
    store: counter('onescan_store_total', 'Requests to the store that hosts share: asked; of these known, or late; waited, for another host that was scanning; errors; and published, verdicts that were stored.', ['event']),
    storeOk: gauge('onescan_store_ok', 'Whether this host shares verdicts; NaN without such a store.'),
    standalone: counter('onescan_standalone_total', 'Clients of the socket for onescanc that got no answer: they ran onescan-queue, or disconnected. Clients that could not connect are not counted.', ['how']),
    quota: counter('onescan_quota_answers_total', 'Quota requests by answer.', ['answer']),
    judging: gauge('onescan_judging', 'Messages in progress.'),
    processes: gauge('onescan_processes', 'Worker processes.'),
    replaced: counter('onescan_workers_replaced_total', 'Workers that were replaced, since they exited or hung.', ['reason']),
    late: gauge('onescan_workers_late', 'Workers that have not answered for 3 seconds.'),
    clients: gauge('onescan_clients', 'Connections.', ['interface']),
    memory: gauge('onescan_memory_bytes', 'Bytes that clients have sent and that are not answered yet.', ['interface']),
    memoryLimit: gauge('onescan_memory_limit_bytes', 'Their limit at each address of each process, as --memory sets it.'),
    clamdUp: gauge('onescan_clamd_up', 'Whether this server of CLAMD answers, asked every 15 seconds.', ['server']),
    clamdSessions: gauge('onescan_clamd_sessions', 'Messages that it is scanning now.', ['server']),
    clamdVersion: gauge('onescan_clamd_signature_version', 'Version of its signatures.', ['server']),
    clamdAge: gauge('onescan_clamd_signature_age_seconds', 'Seconds since its signatures were made.', ['server']),
    selfTestOk: gauge('onescan_selftest_ok', 'Whether the self-test of /healthz succeeded.'),
    doorOk: gauge('onescan_interface_ok', 'Whether it succeeded at all interfaces of this kind.', ['interface']),
    selfTestAge: gauge('onescan_selftest_age_seconds', 'Seconds since that self-test.'),
    spoolSize: gauge('onescan_spool_size_bytes', 'Size of the file system in which messages are kept.'),
    spoolFree: gauge('onescan_spool_free_bytes', 'Free bytes of it.'),
    buildInfo: gauge('onescan_build_info', 'The version, as a label.', ['version']),
    startTime: gauge('process_start_time_seconds', 'When onescand was started, in unix seconds.'),
  }
}
