import type { LogState } from '../../../base/log/log-queue.ts'
import type { Sharing } from '../../scan/verdicts/store/shared-store.ts'

/** A line of the log, and the time at which the process logged it, in milliseconds since 1970. */
export interface LoggedLine {
  readonly line: string
  readonly time: number
}

/** A message that scanners are looking at. */
interface MailUnderway {
  readonly interfaceName: string
  /** The address of the SMTP client. */
  readonly remote: string | undefined
  /** The sender in latin1, without brackets. */
  readonly from: string
  readonly size: number
  /** The time at which the scan began, in milliseconds since 1970. */
  readonly since: number
}

export interface DoorState {
  readonly clients: number
  /** The bytes that are reserved for the clients' messages. */
  readonly memory: number
}

/**
 * Why a client of the qmail door received no answer: onescand asked it to scan standalone, or it
 * disconnected before.
 */
export const STANDALONE_WAYS = ['asked', 'left'] as const
export type StandaloneWay = (typeof STANDALONE_WAYS)[number]

/** A report that each process of onescand sends to the first one, once a second. */
export interface ProcessReport {
  /** The new lines of the log, in latin1 and without their line ends. */
  readonly lines: readonly LoggedLine[]
  /** The number of lines that are missing for lack of room. */
  readonly lost: number
  /** The number of clients of the slot door without an answer since the last report. */
  readonly standalone: Readonly<Record<StandaloneWay, number>>
  readonly underway: readonly MailUnderway[]
  /** The number of messages that are being judged. */
  readonly judging: number
  readonly doors: Readonly<Record<string, DoorState>>
  /** The number of messages at each server of a scanner. */
  readonly servers: Readonly<Record<string, number>>
  /** The state of the shared store, or undefined if there is none. */
  readonly sharing: Sharing | undefined
  /** The state of the log of mail. */
  readonly log: LogState
  /** Counters of quota requests since the settings were read, or undefined without QUOTAD. */
  readonly quota: Readonly<Record<string, number>> | undefined
}

/** The milliseconds between two reports. */
const REPORT_EVERY = 1000
/** Upper limit for the characters of lines in a report, which are some 5,000 messages. */
const LINES_LENGTH_MAX = 2 * 1024 * 1024
/** Upper limit for the messages in flight that a report names. */
const NAMED_MAX = 20

interface ReporterOptions {
  readonly state: () => Pick<ProcessReport, 'doors' | 'log' | 'quota' | 'servers' | 'sharing'>
  readonly send: (report: ProcessReport) => void
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/**
 * Collects what a process does with mail, for metrics and the page, and sends a report once a second. It
 * decides and throws nothing. Between two reports a message costs nothing but a copy of its line.
 */
export class MailReporter {
  readonly #options: ReporterOptions
  readonly #timer = setInterval(() => this.report(), REPORT_EVERY).unref()
  readonly #underway = new Set<MailUnderway>()
  #lines: LoggedLine[] = []
  #size = 0
  #lost = 0
  #standalone = { asked: 0, left: 0 }

  constructor(options: ReporterOptions) {
    this.#options = options
  }

  /** Takes a line of the log about a message, with its line end. */
  readonly line = (line: Buffer): void => {
    if (this.#size + line.length > LINES_LENGTH_MAX) {
      this.#lost++
      return
    }
    this.#size += line.length
    const text = line.toString('latin1', 0, line.length - 1)
    this.#lines.push({ line: text, time: this.#options.now() })
  }

  /** Notes that a message is being judged. The returned function must be called when that has ended. */
  readonly begin = (mail: Omit<MailUnderway, 'since'>): (() => void) => {
    const entry = { ...mail, since: this.#options.now() }
    this.#underway.add(entry)
    return () => this.#underway.delete(entry)
  }

  /** Notes that a client of the slot gets no answer about its mail. */
  standalone(way: StandaloneWay): void {
    this.#standalone[way]++
  }

  /** Sends a report now. */
  report(): void {
    const { state, send } = this.#options
    const report: ProcessReport = {
      lines: this.#lines,
      lost: this.#lost,
      standalone: this.#standalone,
      underway: [...this.#underway].slice(0, NAMED_MAX),
      judging: this.#underway.size,
      ...state(),
    }
    this.#lines = []
    this.#size = 0
    this.#lost = 0
    this.#standalone = { asked: 0, left: 0 }
    send(report)
  }

  /** Sends the last report. */
  close(): void {
    clearInterval(this.#timer)
    this.report()
  }
}

/** The state of the workers, which judge mail. */
export interface WorkersState {
  /** The number of workers that have ended, for any reason, and were replaced. */
  readonly replaced: number
  /** The number of replaced workers that were ended because they hung. */
  readonly hung: number
  /** The process ids of workers without a heartbeat for some seconds. */
  readonly late: readonly number[]
}

export interface ClamdState {
  /** The server as CLAMD names it. */
  readonly server: string
  readonly isUp: boolean
  /** The answer to VERSION, or why there is none. */
  readonly text: string
  /** The version of its daily signatures. */
  readonly version: number | undefined
  /** The date of the signatures, in milliseconds since 1970. */
  readonly made: number | undefined
}

/** The result of a self-test, which tests whether mail is scanned. */
export interface SelfTest {
  /** Whether all tests passed, and the disk has room for mail. */
  readonly hasPassed: boolean
  /** The result in one line. */
  readonly reason: string
  /** The time of the self-test, in milliseconds since 1970. */
  readonly at: number
  readonly doors: readonly {
    readonly kind: string
    readonly address: string
    readonly hasPassed: boolean
  }[]
}
