import type { LogRecord } from '../log/log-record.ts'
import {
  countWord,
  DECISIONS,
  type DecisionWord,
  Durations,
  SCANS,
  type ScanWord,
} from './counts.ts'

/** The most names of a list that are reported. */
export const TOP = 20
/** The most different names of a list that are counted; further ones count as OTHERS together. */
export const NAMES_MAX = 20_000
const OTHERS = '(others)'
/** The most characters of a name; those in lines of ours are shorter. */
const NAME_MAX = 500
const SLOWEST = 10
/** The most days, of all hosts together; later lines count as without a time. */
const DAYS_MAX = 20_000

/** The words of SCANS that stand for scans that came to an answer, and for those that were made. */
const ENDED: readonly string[] = ['clean', 'infected']
const MADE: readonly string[] = [...ENDED, 'unknown', 'skipped']

/** A name in the log, and how often it came. */
export interface NameCount {
  readonly name: string
  readonly count: number
}

/** The times of scans in milliseconds. */
interface ScanTime {
  readonly count: number
  readonly mean: number
  readonly p50: number
  readonly p95: number
  readonly p99: number
  readonly max: number
}

/** What is counted of a host in a day, and of all of them. */
interface Counts {
  readonly messages: number
  readonly decisions: Readonly<Record<DecisionWord, number>>
  readonly scans: Readonly<Record<ScanWord, number>>
  readonly scanTime: ScanTime
}

/** The counts of a host in a day. */
interface Period extends Counts {
  /** When it begins by local time, in milliseconds since 1970; null for lines without a time. */
  readonly start: number | null
  readonly host: string
}

interface SlowScan {
  readonly milliseconds: number
  readonly time: number | null
  readonly host: string
  readonly id: string
  readonly from: string
  readonly size: number
}

/** The report of `onescan report`; `--json` prints it as it is. */
export interface Summary extends Counts {
  /**
   * The times of the first and last line in milliseconds since 1970; null if no line had a time.
   */
  readonly first: number | null
  readonly last: number | null
  /** How many lines could be read. */
  readonly lines: number
  /**
   * Scans that stamps and remembered verdicts spared; the mean time of those that were made and
   * came to an answer, and that time for each that was spared. Milliseconds.
   */
  readonly spared: {
    readonly stamps: number
    readonly verdicts: number
    readonly mean: number
    readonly milliseconds: number
  }
  readonly days: readonly Period[]
  readonly viruses: readonly NameCount[]
  readonly slowest: readonly SlowScan[]
  /** The causes of temporary failures, with # for each number in them. */
  readonly deferrals: readonly NameCount[]
  /** Why `onescanc` went cold, with # for each number. Another line tells of the same message. */
  readonly wentCold: readonly NameCount[]
  /** The recipients whose full mailboxes deferred mail. */
  readonly overQuota: readonly NameCount[]
  /**
   * Recipients that were deferred by themselves, before there was a message; they do not count as
   * messages.
   */
  readonly recipientsDeferred: number
  /** What smtp-delay did with connections. */
  readonly greetings: readonly NameCount[]
}

/** Sums up the records of logs, in memory that does not grow with their number. */
export class Tally {
  readonly #total = new PeriodCount(Number.NaN, '')
  readonly #days = new Map<string, PeriodCount>()
  readonly #viruses = new NameCounts()
  readonly #deferrals = new NameCounts()
  readonly #wentCold = new NameCounts()
  readonly #overQuota = new NameCounts()
  readonly #greetings = new NameCounts()
  readonly #slowest: SlowScan[] = []
  /** The scans that came to an answer. */
  readonly #ended = new Durations()
  #lines = 0
  #recipientsDeferred = 0
  #first = Number.POSITIVE_INFINITY
  #last = Number.NEGATIVE_INFINITY

  add(record: LogRecord): void {
    const { time, fields } = record
    if (fields.has('trial')) return // `onescan check` made it: it is not mail
    this.#lines++
    if (time < this.#first) this.#first = time
    if (time > this.#last) this.#last = time
    const decision = fields.get('decision')
    if (decision === undefined) this.#addEvent(fields)
    else if (fields.has('quota')) this.#addRecipient(fields)
    // `onescanc` went cold. The cold program logs what becomes of the message.
    else if (decision === 'cold') this.#wentCold.add(reasonIn(fields))
    else this.#addMessage(record)
  }

  summary(): Summary {
    const total = this.#total.period()
    const { trusted, known } = total.scans
    const { mean } = this.#ended
    return {
      first: Number.isFinite(this.#first) ? this.#first : null,
      last: Number.isFinite(this.#last) ? this.#last : null,
      lines: this.#lines,
      messages: total.messages,
      decisions: total.decisions,
      scans: total.scans,
      scanTime: total.scanTime,
      spared: {
        stamps: trusted,
        verdicts: known,
        mean: Number(mean.toFixed(1)),
        milliseconds: Math.round((trusted + known) * mean),
      },
      days: [...this.#days.values()].map((day) => day.period()).sort(byTimeAndHost),
      viruses: this.#viruses.top(),
      slowest: this.#slowest,
      deferrals: this.#deferrals.top(),
      wentCold: this.#wentCold.top(),
      overQuota: this.#overQuota.top(),
      recipientsDeferred: this.#recipientsDeferred,
      greetings: this.#greetings.top(),
    }
  }

  #addMessage(record: LogRecord): void {
    const { fields } = record
    for (const period of [this.#total, this.#dayOf(record)]) period.add(fields)
    const found = fields.get('virus') ?? fields.get('banned')
    if (found !== undefined) this.#viruses.add(found)
    const time = scanTimeIn(fields)
    // The time of a failed scan says nothing: the scan may have waited for SCANTIMEOUT.
    if (ENDED.includes(fields.get('scan') ?? '') && time >= 0) this.#ended.add(time)
    if (time >= 0) this.#addSlow(time, record)
    if (fields.get('decision') === 'defer') this.#addDeferral(fields)
  }

  /** Counts a line about a recipient, about whom the MTA asked before it took the message. */
  #addRecipient(fields: ReadonlyMap<string, string>): void {
    if (fields.get('quota') !== 'full') return
    this.#recipientsDeferred++
    this.#overQuota.add(fields.get('to') ?? '')
  }

  #addSlow(milliseconds: number, { time, host, fields }: LogRecord): void {
    const slowest = this.#slowest
    if (slowest.length === SLOWEST && milliseconds <= slowest.at(-1)!.milliseconds) return
    slowest.push({
      milliseconds,
      time: Number.isNaN(time) ? null : time,
      host,
      id: fields.get('msgid') ?? '',
      from: fields.get('from') ?? '',
      size: Number(fields.get('size') ?? 0),
    })
    slowest.sort((message, other) => other.milliseconds - message.milliseconds)
    slowest.length = Math.min(slowest.length, SLOWEST)
  }

  #addDeferral(fields: ReadonlyMap<string, string>): void {
    const grounds = fields.get('grounds')
    if (grounds === 'over-quota') {
      this.#overQuota.add(fields.get('to') ?? '')
      this.#deferrals.add('over-quota')
      return
    }
    const fault = fields.get('fault')
    const kind = grounds ?? (fault === undefined ? 'other' : `fault ${fault}`)
    this.#deferrals.add([kind, reasonIn(fields)].filter(Boolean).join(': '))
  }

  #addEvent(fields: ReadonlyMap<string, string>): void {
    const event = fields.get('event')
    if (fields.get('program') === 'smtp-delay' && event !== undefined) this.#greetings.add(event)
  }

  #dayOf({ time, host }: LogRecord): PeriodCount {
    const isBeyond = this.#days.size >= DAYS_MAX
    const start = Number.isNaN(time) ? time : new Date(time).setHours(0, 0, 0, 0)
    const known = this.#days.get(`${start} ${host}`)
    if (known !== undefined) return known
    const [keptStart, keptHost] = isBeyond ? [Number.NaN, ''] : [start, host]
    const key = `${keptStart} ${keptHost}`
    const day = this.#days.get(key) ?? new PeriodCount(keptStart, keptHost)
    this.#days.set(key, day)
    return day
  }
}

/** The counts of a host in a day, while they grow. */
class PeriodCount {
  readonly #start: number
  readonly #host: string
  readonly #decisions = new Map<string, number>()
  readonly #scans = new Map<string, number>()
  readonly #scanTime = new Durations()
  #messages = 0

  constructor(start: number, host: string) {
    this.#start = start
    this.#host = host
  }

  add(fields: ReadonlyMap<string, string>): void {
    this.#messages++
    countWord(this.#decisions, DECISIONS, fields.get('decision'))
    countWord(this.#scans, SCANS, fields.get('scan'))
    const time = scanTimeIn(fields)
    if (time >= 0) this.#scanTime.add(time)
  }

  period(): Period {
    const record = <Word extends string>(words: readonly Word[], counts: Map<string, number>) =>
      Object.fromEntries(words.map((word) => [word, counts.get(word) ?? 0])) as Record<Word, number>
    return {
      start: Number.isNaN(this.#start) ? null : this.#start,
      host: this.#host,
      messages: this.#messages,
      decisions: record<DecisionWord>(DECISIONS, this.#decisions),
      scans: record<ScanWord>(SCANS, this.#scans),
      scanTime: inWords(this.#scanTime),
    }
  }
}

/** Counts names, at most NAMES_MAX different ones. */
class NameCounts {
  readonly #counts = new Map<string, number>()

  add(whole: string): void {
    const name = whole.slice(0, NAME_MAX)
    const isKnown = this.#counts.has(name) || this.#counts.size < NAMES_MAX
    const key = isKnown ? name : OTHERS
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1)
  }

  /** Returns the most frequent names. */
  top(): NameCount[] {
    const counted = [...this.#counts].map(([name, count]) => ({ name, count }))
    return counted.sort((name, other) => other.count - name.count).slice(0, TOP)
  }
}

/** Milliseconds of the scan that was made of a message; NaN if there was none. */
function scanTimeIn(fields: ReadonlyMap<string, string>): number {
  const text = fields.get('scan_ms') ?? ''
  const isMade = MADE.includes(fields.get('scan') ?? '')
  return isMade && /^\d{1,9}(?:\.\d{1,9})?$/.test(text) ? Number(text) : Number.NaN
}

/** The reason of a line, with # for each number, so that reasons of one kind count together. */
function reasonIn(fields: ReadonlyMap<string, string>): string {
  return (fields.get('reason') ?? '').replace(/\d+/g, '#').slice(0, 100)
}

function inWords(times: Durations): ScanTime {
  const round = (milliseconds: number) => Number(milliseconds.toFixed(1))
  return {
    count: times.count,
    mean: round(times.mean),
    p50: round(times.quantile(0.5)),
    p95: round(times.quantile(0.95)),
    p99: round(times.quantile(0.99)),
    max: times.max,
  }
}

function byTimeAndHost({ start, host }: Period, other: Period): number {
  return (start ?? Number.NaN) - (other.start ?? Number.NaN) || host.localeCompare(other.host)
}
