import type { LoggedLine } from './line-order.ts'
import type { ColdWay, DoorState, MailInFlight, ProcessReport } from './process-report.ts'

/**
 * Collects what a process does with mail, for metrics and the page. It decides and throws nothing.
 */
export interface MailReporter {
  /** Takes a line of the log about a message, with its line end. */
  line(line: Buffer): void
  /** Notes that a client of the slot gets no answer about its mail. */
  cold(way: ColdWay): void
  /** Notes that a message is being judged. Call the result when that is over. */
  begin(what: Omit<MailInFlight, 'since'>): () => void
}

/** The milliseconds between two reports. */
const EVERY = 1000
/** The most characters of lines in a report, which are some 5,000 messages. */
const KEPT_MAX = 2 * 1024 * 1024
/** The most messages in flight that a report names. */
const NAMED_MAX = 20

interface ReporterOptions {
  readonly state: () => Pick<ProcessReport, 'doors' | 'quota' | 'servers' | 'sharing'>
  readonly send: (report: ProcessReport) => void
  /** Milliseconds since 1970. */
  readonly now: () => number
}

export interface TimedReporter extends MailReporter {
  /** Sends a report now. */
  report(): void
  /** Sends the last report. */
  close(): void
}

/**
 * Sends a report once a second. Between two reports a message costs nothing but a copy of its line.
 */
export function createMailReporter({ state, send, now }: ReporterOptions): TimedReporter {
  let lines: LoggedLine[] = []
  let size = 0
  let lost = 0
  let cold = { told: 0, left: 0 }
  const underway = new Set<MailInFlight>()

  function reportNow(): void {
    const report: ProcessReport = {
      kind: 'report',
      at: now(),
      lines,
      lost,
      cold,
      underway: [...underway].slice(0, NAMED_MAX),
      judging: underway.size,
      ...state(),
    }
    lines = []
    size = 0
    lost = 0
    cold = { told: 0, left: 0 }
    send(report)
  }

  const timer = setInterval(reportNow, EVERY)
  timer.unref()
  return {
    report: reportNow,
    line(line) {
      if (size + line.length > KEPT_MAX) {
        lost++
        return
      }
      size += line.length
      lines.push({ line: line.toString('latin1', 0, line.length - 1), time: now() })
    },
    cold(way) {
      cold[way]++
    },
    begin(what) {
      const entry = { ...what, since: now() }
      underway.add(entry)
      return () => underway.delete(entry)
    },
    close() {
      clearInterval(timer)
      reportNow()
    },
  }
}

/** Adds up the states of the doors of each kind. */
export function addUpDoors(
  doors: readonly { kind: string; state(): DoorState }[],
): ProcessReport['doors'] {
  const sum: Record<string, DoorState> = {}
  for (const door of doors) {
    const { clients, memory } = door.state()
    const before = sum[door.kind] ?? { clients: 0, memory: 0 }
    sum[door.kind] = { clients: before.clients + clients, memory: before.memory + memory }
  }
  return sum
}
