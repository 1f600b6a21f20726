import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import { FAULT_KINDS } from '../../ground/errors/fault.ts'
import { GROUNDS } from '../../judge/decision.ts'
import { CAUSES } from '../../scan/shared/cause.ts'
import { DECISIONS, SCANS } from '../report/summary.ts'
import type { ClamdState } from './clamd-watch.ts'
import type { LineView } from './line-view.ts'
import { COLD_WAYS, type ProcessReport, type WorkersState } from './process-report.ts'
import type { Trial } from './trial.ts'

/**
 * The most values of a label. A log may have more names than expected, and Prometheus keeps each
 * for ever.
 */
const VALUES_MAX = 50
const OTHER = 'other'

/** The state of the host, besides messages, when somebody asks for metrics. */
export interface HostState {
  readonly processes: readonly ProcessReport[]
  readonly clamds: readonly ClamdState[]
  readonly trial: Trial | undefined
  /** Bytes of the file system with the messages; undefined if statfs(2) fails. */
  readonly spool: { readonly size: number; readonly free: number } | undefined
  readonly memoryLimit: number
  readonly workers: WorkersState
  /** Milliseconds since 1970. */
  readonly now: number
}

export interface Metrics {
  /** Counts a message by its line of the log. */
  message(view: LineView): void
  /** Counts the rest of a process's report; `before` is its last report. */
  report(report: ProcessReport, before: ProcessReport | undefined): void
  /** Counts a worker's end: so many messages had no answer, and so many lines were not reported. */
  leftBehind(inHand: number, untold: number): void
  /** Returns all metrics in the text format of Prometheus. */
  text(state: HostState): Promise<string>
  readonly contentType: string
}

/**
 * The metrics of onescand(8), of all its processes together. A verdict gets here in the line of the
 * log about its message: the line's fields `scan` and `cause` are words of closed lists, SCANS and
 * CAUSES, and each is the label of a counter.
 */
export function createMetrics(version: string, started: number): Metrics {
  const registers = [new Registry()]
  const registry = registers[0]!
  const counter = <Label extends string>(name: string, help: string, labelNames: Label[] = []) =>
    new Counter({ name, help, labelNames, registers })
  const gauge = <Label extends string>(name: string, help: string, labelNames: Label[] = []) =>
    new Gauge({ name, help, labelNames, registers })
  const histogram = (name: string, help: string, buckets: number[]) =>
    new Histogram({ name, help, buckets, registers })

  const messages = counter('onescan_messages_total', 'Messages by what became of them.', ['door', 'decision', 'grounds']) // biome-ignore format: a metric a line
  const recipients = counter('onescan_recipients_total', 'Recipients who were asked about before there was a message, by what is known of their mailboxes.', ['door', 'quota']) // biome-ignore format: a metric a line
  const verdicts = counter('onescan_verdicts_total', 'Messages by how they were found to be what they are: trusted by a stamp, known from another scan, skipped, or scanned.', ['scan']) // biome-ignore format: as above
  const scans = counter('onescan_scans_total', 'Scans by scanner and answer.', ['scanner', 'answer']) // biome-ignore format: as above
  const stamps = counter('onescan_stamps_total', 'Stamps by key, made or trusted.', ['key', 'use'])
  const untold = counter('onescan_could_not_tell_total', 'Messages about which no scanner could tell, by cause.', ['cause']) // biome-ignore format: as above
  const faults = counter('onescan_faults_total', 'Messages that were kept from a decision, by fault.', ['fault']) // biome-ignore format: as above
  const scanSeconds = histogram('onescan_scan_seconds', 'Time of scans.', [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120]) // biome-ignore format: as above
  const judgeSeconds = histogram('onescan_judge_seconds', 'Time from a message being here to its answer.', [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120]) // biome-ignore format: as above
  const bytes = histogram('onescan_message_bytes', 'Size of messages.', [1e3, 4e3, 16e3, 64e3, 256e3, 1e6, 4e6, 16e6, 64e6]) // biome-ignore format: as above
  const lost = counter('onescan_uncounted_total', 'Messages that were not counted: too many came at once, or their worker ended before it told of them.') // biome-ignore format: as above
  const unanswered = counter('onescan_unanswered_total', 'Messages that a worker had in hand when it ended: they have no answer from it.') // biome-ignore format: as above
  const store = counter('onescan_store_total', 'Questions to the store that hosts share, and verdicts put there, by what became of them.', ['event']) // biome-ignore format: as above
  const storeOk = gauge(
    'onescan_store_ok',
    'Whether nothing keeps this host from sharing verdicts.',
  )
  const unpublished = gauge('onescan_store_unpublished', 'Verdicts that wait for the store to be back.') // biome-ignore format: as above
  const poison = counter('onescan_poison_total', 'Messages that were kept from other mail after scanners died: looked at by themselves, or held back for what they have in common with those.', ['event']) // biome-ignore format: as above
  const cold = counter('onescan_slot_cold_total', 'Clients of the slot that had no answer: they were told to go cold, or left before it.', ['how']) // biome-ignore format: as above
  const quota = counter('onescan_quota_answers_total', 'Questions about mailboxes by what became of them.', ['answer']) // biome-ignore format: as above
  const judging = gauge('onescan_judging', 'Messages that are being judged.')
  const processes = gauge('onescan_processes', 'Processes that judge mail.')
  const replaced = counter('onescan_workers_replaced_total', 'Processes that judged mail and were replaced: they ended by themselves, or were ended since they were held.', ['why']) // biome-ignore format: as above
  const late = gauge('onescan_workers_late', 'Processes that judge mail and have said nothing for some seconds.') // biome-ignore format: as above
  const clients = gauge('onescan_clients', 'Connections by door.', ['door'])
  const memory = gauge('onescan_memory_bytes', 'Bytes that clients have sent and that are not answered yet, by door.', ['door']) // biome-ignore format: as above
  const memoryLimit = gauge('onescan_memory_limit_bytes', 'What --memory sets for each process.')
  const clamdUp = gauge('onescan_clamd_up', 'Whether this clamd answers.', ['server'])
  const clamdSessions = gauge('onescan_clamd_sessions', 'Messages that are at this clamd now.', ['server']) // biome-ignore format: as above
  const clamdVersion = gauge('onescan_clamd_signature_version', 'Version of its signatures.', ['server']) // biome-ignore format: as above
  const clamdAge = gauge('onescan_clamd_signature_age_seconds', 'Seconds since its signatures were made.', ['server']) // biome-ignore format: as above
  const trialOk = gauge('onescan_trial_ok', 'Whether a clean message and the EICAR test file came out right.') // biome-ignore format: as above
  const doorOk = gauge('onescan_door_ok', 'Whether they came out right through the doors of a kind.', ['door']) // biome-ignore format: as above
  const trialAge = gauge('onescan_trial_age_seconds', 'Seconds since that was tried.')
  const spoolSize = gauge('onescan_spool_size_bytes', 'Size of the file system with messages.')
  const spoolFree = gauge('onescan_spool_free_bytes', 'What is free of it.')
  gauge('onescan_build_info', 'The version, as a label.', ['version']).set({ version }, 1)
  gauge('process_start_time_seconds', 'When onescand was started.').set(started / 1000)
  memoryLimit.set(0)

  const scanner = boundedValues()
  const key = boundedValues()

  return {
    contentType: registry.contentType,
    message(view) {
      const value = (name: string) => view.value(name) ?? ''
      const decision = oneOf(DECISIONS, value('decision'))
      const grounds = oneOf(['none', ...GROUNDS], value('grounds') || 'none')
      const door = oneOf(DOORS, value('door') || 'slot')
      const quota = value('quota')
      if (quota !== '') {
        recipients.inc({ door, quota: oneOf(QUOTAS, quota) })
        return
      }
      messages.inc({ door, decision, grounds })
      const scan = value('scan')
      if (scan !== '') verdicts.inc({ scan: oneOf(SCANS, scan) })
      if (scan === 'clean' || scan === 'infected' || scan === 'unknown') {
        for (const name of value('scanner').split(',')) {
          if (name !== '') scans.inc({ scanner: scanner(name), answer: scan })
        }
      }
      if (value('key') !== '') {
        stamps.inc({ key: key(value('key')), use: scan === 'trusted' ? 'trusted' : 'made' })
      }
      if (scan === 'unknown') untold.inc({ cause: oneOf(CAUSES, value('cause')) })
      if (value('fault') !== '') faults.inc({ fault: oneOf(FAULT_KINDS, value('fault')) })
      observe(scanSeconds, Number(view.value('scan_ms')) / 1000)
      observe(judgeSeconds, Number(view.value('total_ms')) / 1000)
      observe(bytes, Number(view.value('size')))
    },
    report(report, before) {
      if (report.lost > 0) lost.inc(report.lost)
      for (const how of COLD_WAYS) cold.inc({ how }, report.cold[how])
      for (const [name, more] of growth(report.quota, before?.quota)) {
        quota.inc({ answer: snake(name) }, more)
      }
      for (const [name, more] of growth(report.poisoned, before?.poisoned)) {
        poison.inc({ event: snake(name) }, more)
      }
      for (const [event, more] of growth(report.sharing?.counters, before?.sharing?.counters)) {
        store.inc({ event }, more)
      }
    },
    leftBehind(inHand, untold) {
      unanswered.inc(inHand)
      lost.inc(untold)
    },
    async text({ processes: all, clamds, trial, spool, memoryLimit: limit, workers, now }) {
      judging.set(all.reduce((sum, report) => sum + report.judging, 0))
      processes.set(all.length)
      replaced.reset()
      replaced.inc({ why: 'ended' }, workers.replaced - workers.held)
      replaced.inc({ why: 'held' }, workers.held)
      late.set(workers.late.length)
      memoryLimit.set(limit)
      clients.reset()
      memory.reset()
      clamdSessions.reset()
      for (const { doors, servers } of all) {
        for (const [server, count] of Object.entries(servers)) clamdSessions.inc({ server }, count)
        for (const [door, state] of Object.entries(doors)) {
          clients.inc({ door }, state.clients)
          memory.inc({ door }, state.memory)
        }
      }
      const sharing = all.flatMap(({ sharing }) => sharing ?? [])
      const isWell = sharing.every(({ trouble }) => trouble === undefined)
      storeOk.set(sharing.length === 0 ? Number.NaN : isWell ? 1 : 0)
      unpublished.set(sharing.reduce((sum, { unpublished }) => sum + unpublished, 0))
      for (const gauge of [clamdUp, clamdVersion, clamdAge]) gauge.reset()
      for (const { server, up, version, made } of clamds) {
        clamdUp.set({ server }, up ? 1 : 0)
        if (version !== undefined) clamdVersion.set({ server }, version)
        if (made !== undefined) clamdAge.set({ server }, Math.round((now - made) / 1000))
      }
      trialOk.set(trial?.right ? 1 : 0)
      doorOk.reset()
      const wrong = trial?.doors.filter(({ right }) => !right).map(({ kind }) => kind)
      for (const { kind: door } of trial?.doors ?? []) {
        doorOk.set({ door }, wrong?.includes(door) ? 0 : 1)
      }
      trialAge.set(trial === undefined ? Number.NaN : (now - trial.at) / 1000)
      spoolSize.set(spool?.size ?? Number.NaN)
      spoolFree.set(spool?.free ?? Number.NaN)
      return registry.metrics()
    },
  }
}

const DOORS = ['slot', 'milter', 'policy', 'smtp'] as const
const QUOTAS = ['full', 'room', 'unknown', 'no-such-user'] as const

function oneOf(words: readonly string[], word: string): string {
  return words.includes(word) ? word : OTHER
}

/** Returns a function that lets the first values through, and says "other" for all further ones. */
function boundedValues(): (value: string) => string {
  const known = new Set<string>()
  return (value) => {
    if (known.has(value)) return value
    if (known.size >= VALUES_MAX) return OTHER
    const plain = /^[A-Za-z0-9._-]{1,64}$/.test(value)
    if (!plain) return OTHER
    known.add(value)
    return value
  }
}

/** Returns by how much each counter has grown. Counters begin at 0 again when settings are read. */
function growth(now: object = {}, before: object = {}): [name: string, more: number][] {
  const last = before as Readonly<Record<string, number>>
  return Object.entries(now as Readonly<Record<string, number>>).flatMap(([name, count]) => {
    const more = count >= (last[name] ?? 0) ? count - (last[name] ?? 0) : count
    return more > 0 ? [[name, more] as [string, number]] : []
  })
}

function observe(histogram: Histogram, value: number): void {
  if (value >= 0) histogram.observe(value)
}

function snake(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}
