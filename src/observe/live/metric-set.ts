import { Counter, Gauge, Histogram, type Registry } from 'prom-client'

/** The metrics of onescand(8), each with its help text and labels. */
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

  const messages = counter('onescan_messages_total', 'Messages by what became of them.', ['door', 'decision', 'grounds']) // biome-ignore format: a metric a line
  const recipients = counter('onescan_recipients_total', 'Recipients who were asked about before there was a message, by what is known of their mailboxes.', ['door', 'quota']) // biome-ignore format: a metric a line
  const verdicts = counter('onescan_verdicts_total', 'Messages by scan: clean, infected, unknown, skipped, trusted by a stamp, or known from another scan.', ['scan']) // biome-ignore format: as above
  const scans = counter('onescan_scans_total', 'Scans by scanner and answer.', ['scanner', 'answer']) // biome-ignore format: as above
  const stamps = counter('onescan_stamps_total', 'Stamps by key, made or trusted.', ['key', 'use'])
  const untold = counter('onescan_could_not_tell_total', 'Messages about which no scanner could tell, by cause.', ['cause']) // biome-ignore format: as above
  const faults = counter('onescan_faults_total', 'Messages that were kept from a decision, by fault.', ['fault']) // biome-ignore format: as above
  const scanSeconds = histogram('onescan_scan_seconds', 'Time of scans.', [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120]) // biome-ignore format: as above
  const judgeSeconds = histogram('onescan_judge_seconds', 'Time from the arrival of a message to its answer.', [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120]) // biome-ignore format: as above
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
  const replaced = counter('onescan_workers_replaced_total', 'Processes that judged mail and were replaced: they ended by themselves, or were ended since they hung.', ['why']) // biome-ignore format: as above
  const late = gauge('onescan_workers_late', 'Processes that judge mail and have said nothing for some seconds.') // biome-ignore format: as above
  const clients = gauge('onescan_clients', 'Connections by door.', ['door'])
  const memory = gauge('onescan_memory_bytes', 'Bytes of messages that have no answer yet, by door.', ['door']) // biome-ignore format: as above
  const memoryLimit = gauge(
    'onescan_memory_limit_bytes',
    'The limit for each process, as --memory sets it.',
  )
  const clamdUp = gauge('onescan_clamd_up', 'Whether this clamd answers.', ['server'])
  const clamdSessions = gauge('onescan_clamd_sessions', 'Messages that are at this clamd now.', ['server']) // biome-ignore format: as above
  const clamdVersion = gauge('onescan_clamd_signature_version', 'Version of its signatures.', ['server']) // biome-ignore format: as above
  const clamdAge = gauge('onescan_clamd_signature_age_seconds', 'Seconds since its signatures were made.', ['server']) // biome-ignore format: as above
  const trialOk = gauge('onescan_trial_ok', 'Whether a clean message and the EICAR test file came out right.') // biome-ignore format: as above
  const doorOk = gauge('onescan_door_ok', 'Whether both came out right through all doors of a kind.', ['door']) // biome-ignore format: as above
  const trialAge = gauge('onescan_trial_age_seconds', 'Seconds since that trial.')
  const spoolSize = gauge('onescan_spool_size_bytes', 'Size of the file system with messages.')
  const spoolFree = gauge('onescan_spool_free_bytes', 'Free bytes of that file system.')
  const buildInfo = gauge('onescan_build_info', 'The version, as a label.', ['version'])
  const startTime = gauge('process_start_time_seconds', 'When onescand was started.')

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
    unpublished,
    poison,
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
