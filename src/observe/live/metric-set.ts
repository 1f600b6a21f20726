import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import { CAUSES } from '../../scan/shared/cause.ts'

/** The upper ends of the steps of times. */
const SECONDS = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120,
]

/**
 * The metrics of onescand(8), each with its help text and labels. `npm run docs` writes both into the
 * manual page.
 */
export type MetricSet = ReturnType<typeof registerMetrics>

/** Registers all metrics, each without a value yet. */
export function registerMetrics(registry: Registry) {
  const registers = [registry]
  const counter = <Label extends string>(name: string, help: string, labelNames: Label[] = []) =>
    new Counter({ name, help, labelNames, registers })
  const gauge = <Label extends string>(name: string, help: string, labelNames: Label[] = []) =>
    new Gauge({ name, help, labelNames, registers })
  const histogram = (name: string, help: string, buckets: number[]) =>
    new Histogram({ name, help, buckets, registers })

  const messages = counter('onescan_messages_total', 'Messages by decision and grounds, words as in the log.', ['door', 'decision', 'grounds']) // biome-ignore format: a metric a line
  const recipients = counter('onescan_recipients_total', 'Recipients about whom an MTA asked before there was a message; those with room are not counted.', ['door', 'quota']) // biome-ignore format: a metric a line
  const verdicts = counter('onescan_verdicts_total', 'Messages by scan: trusted, known, skipped, clean, infected or unknown.', ['scan']) // biome-ignore format: a metric a line
  const scans = counter('onescan_scans_total', 'Scans by scanner and answer.', ['scanner', 'answer']) // biome-ignore format: a metric a line
  const stamps = counter('onescan_stamps_total', 'Stamps by key and use: made or trusted.', ['key', 'use']) // biome-ignore format: a metric a line
  const untold = counter('onescan_could_not_tell_total', `Messages about which no scanner could tell, by cause: ${CAUSES.join(', ')}, or other.`, ['cause']) // biome-ignore format: a metric a line
  const faults = counter('onescan_faults_total', 'Messages that were deferred or refused by a fault instead of a decision.', ['fault']) // biome-ignore format: a metric a line
  const scanSeconds = histogram('onescan_scan_seconds', 'Seconds that scans took.', SECONDS)
  const judgeSeconds = histogram('onescan_judge_seconds', 'Seconds from the arrival of a message to its answer.', SECONDS) // biome-ignore format: a metric a line
  const bytes = histogram('onescan_message_bytes', 'Bytes of messages.', [1e3, 4e3, 16e3, 64e3, 256e3, 1e6, 4e6, 16e6, 64e6]) // biome-ignore format: a metric a line
  const lost = counter('onescan_uncounted_total', 'Messages that were not counted, since some 5,000 came to one process within a second.') // biome-ignore format: a metric a line
  const unanswered = counter('onescan_unanswered_total', 'Messages that a worker was having scanned when it ended.') // biome-ignore format: a metric a line
  const store = counter('onescan_store_total', 'Questions to the store that hosts share, and verdicts put there: asked; of these known, or late; waited, for another host that was scanning; errors; published.', ['event']) // biome-ignore format: a metric a line
  const storeOk = gauge('onescan_store_ok', 'Whether nothing keeps this host from sharing verdicts; NaN without such a store.') // biome-ignore format: a metric a line
  const cold = counter('onescan_slot_cold_total', 'Clients of the slot that had no answer: told, if they were told to go cold; left, if they hung up before their answer. Those that could not connect are not among them, nor are trials of onescan check.', ['how']) // biome-ignore format: a metric a line
  const quota = counter('onescan_quota_answers_total', 'Questions about mailboxes by answer.', ['answer']) // biome-ignore format: a metric a line
  const judging = gauge('onescan_judging', 'Messages that are being judged.')
  const processes = gauge('onescan_processes', 'Processes that judge mail.')
  const replaced = counter('onescan_workers_replaced_total', 'Workers that were replaced, since they ended or hung.', ['why']) // biome-ignore format: a metric a line
  const late = gauge('onescan_workers_late', 'Workers of which nothing has been heard for 3 seconds.') // biome-ignore format: a metric a line
  const clients = gauge('onescan_clients', 'Connections.', ['door'])
  const memory = gauge('onescan_memory_bytes', 'Bytes that clients have sent and that are not answered yet.', ['door']) // biome-ignore format: a metric a line
  const memoryLimit = gauge('onescan_memory_limit_bytes', 'Their limit in each process, as --memory sets it.') // biome-ignore format: a metric a line
  const clamdUp = gauge('onescan_clamd_up', 'Whether this server of CLAMD answers, asked every 15 seconds.', ['server']) // biome-ignore format: a metric a line
  const clamdSessions = gauge('onescan_clamd_sessions', 'Messages that it is scanning now.', ['server']) // biome-ignore format: a metric a line
  const clamdVersion = gauge('onescan_clamd_signature_version', 'Version of its signatures.', ['server']) // biome-ignore format: a metric a line
  const clamdAge = gauge('onescan_clamd_signature_age_seconds', 'Seconds since its signatures were made.', ['server']) // biome-ignore format: a metric a line
  const trialOk = gauge('onescan_trial_ok', 'Whether the trial of /healthz came out right.')
  const doorOk = gauge('onescan_door_ok', 'Whether it did at all doors of a kind.', ['door'])
  const trialAge = gauge('onescan_trial_age_seconds', 'Seconds since that trial.')
  const spoolSize = gauge('onescan_spool_size_bytes', 'Size of the file system in which messages are kept.') // biome-ignore format: a metric a line
  const spoolFree = gauge('onescan_spool_free_bytes', 'Free bytes of it.')
  const buildInfo = gauge('onescan_build_info', 'The version, as a label.', ['version'])
  const startTime = gauge('process_start_time_seconds', 'When onescand was started, in unix seconds.') // biome-ignore format: a metric a line

  return {
    messages,
    recipients,
    verdicts,
    scans,
    stamps,
    untold,
    faults,
    scanSeconds,
    judgeSeconds,
    bytes,
    lost,
    unanswered,
    store,
    storeOk,
    cold,
    quota,
    judging,
    processes,
    replaced,
    late,
    clients,
    memory,
    memoryLimit,
    clamdUp,
    clamdSessions,
    clamdVersion,
    clamdAge,
    trialOk,
    doorOk,
    trialAge,
    spoolSize,
    spoolFree,
    buildInfo,
    startTime,
  }
}
