import { deferredByNext } from '../../log/criteria.ts'
import { OF_CHECK } from '../../log/message-lines.ts'
import type { LogRecord } from '../../log/parsed-line.ts'
import { DECISIONS, Durations, MessageCounts, SCANS, scanTimeIn } from './counts.ts'

/** Upper limit for the names of a list that are reported. */
const TOP = 20
/**
 * Upper limit for the different names of a list that are counted. Further ones are counted together as
 * OTHERS.
 */
const NAMES_MAX = 20_000
const OTHERS = '(others)'
/** Upper limit for the characters of a name. Those in onescan's lines are shorter. */
const COUNTED_NAME_MAX = 500
/** Upper limit for the characters of a reason. */
const REASON_MAX = 120
const SLOWEST = 10
/** Upper limit for the days of all hosts together; later lines count as without a time. */
const DAYS_MAX = 20_000

/** The words of SCANS for scans that reached a result. */
const ENDED: readonly string[] = ['clean', 'infected']

/** A name in the log, and its count. */
export interface NameCount {
  readonly name: string
  readonly count: number
}

/** The counters of a host in a day, and of all of them. */
interface Counts {
  readonly messages: number
  readonly decisions: Readonly<Record<(typeof DECISIONS)[number], number>>
  readonly scans: Readonly<Record<(typeof SCANS)[number], number>>
  /** The times of scans in milliseconds. */
  readonly scanTime: {
    readonly count: number
    readonly mean: number
    readonly p50: number
    readonly p95: number
    readonly p99: number
    readonly max: number
  }
}

interface HostDay {
  /** Its beginning by local time, in milliseconds since 1970, or null for lines without a time. */
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

/** The report of `onescan report`. `--json` prints it unchanged. */
export interface Summary extends Counts {
  /**
   * The times of the first and last line in milliseconds since 1970, or null if no line had a time.
   */
  readonly first: number | null
  readonly last: number | null
  /** The number of lines that could be read. */
  readonly lines: number
  /**
   * Scans avoided by stamps and cached verdicts; the mean time of scans that were made and reached a result,
   * and that time for each avoided scan. Milliseconds.
   */
  readonly spared: {
    readonly stamps: number
    readonly verdicts: number
    readonly mean: number
    readonly milliseconds: number
  }
  readonly days: readonly (HostDay & Counts)[]
  readonly viruses: readonly NameCount[]
  /** The reasons for which mail was refused, quarantined or tagged: GROUNDS, as in the log. */
  readonly grounds: readonly NameCount[]
  readonly slowest: readonly SlowScan[]
  /** The causes of temporary failures. Those that differ only in numbers are counted together, by the last one's name. */
  readonly deferrals: readonly NameCount[]
  /** Why `onescanc` scanned standalone, counted in the same way. Another line is about the same message. */
  readonly wentStandalone: readonly NameCount[]
  /** The recipients whose full mailboxes deferred mail. */
  readonly overQuota: readonly NameCount[]
  /**
   * Recipients that were deferred individually, before there was a message. They do not count as messages.
   */
  readonly recipientsDeferred: number
  /** The actions of smtp-delay on connections. */
  readonly greetings: readonly NameCount[]
}

/** Sums up the records of logs, in memory that does not grow with their number. */
export class Tally {
  readonly #total = new MessageCounts()
  readonly #days = new Map<string, HostDay & { readonly counts: MessageCounts }>()
  readonly #viruses = new NameCounts()
  readonly #grounds = new NameCounts()
  readonly #deferrals = new NameCounts()
  readonly #wentStandalone = new NameCounts()
  readonly #overQuota = new NameCounts()
  readonly #greetings = new NameCounts()
  readonly #slowest: SlowScan[] = []
  /** The scans that reached a result. */
  readonly #ended = new Durations()
  #lines = 0
  #recipientsDeferred = 0
  #first = Number.POSITIVE_INFINITY
  #last = Number.NEGATIVE_INFINITY

  add(record: LogRecord): void {
    const { time, fields } = record
    // `onescan check` made these: they are not mail.
    if (fields.has('selftest') || fields.get('msgid')?.endsWith(`${OF_CHECK}>`)) return
    this.#lines++
    if (time < this.#first) this.#first = time
    if (time > this.#last) this.#last = time
    const decision = fields.get('decision')
    if (decision === undefined) this.#addEvent(fields)
    else if (fields.has('quota')) this.#addRecipient(fields)
    // `onescanc` scanned standalone. The standalone program logs the outcome of the message.
    else if (decision === 'standalone') this.#wentStandalone.addKind(fields.get('reason') ?? '')
    else this.#addMessage(record)
  }

  summary(): Summary {
    const total = inFigures(this.#total)
    const { trusted, cached } = total.scans
    const { mean } = this.#ended
    return {
      first: Number.isFinite(this.#first) ? this.#first : null,
      last: Number.isFinite(this.#last) ? this.#last : null,
      lines: this.#lines,
      ...total,
      spared: {
        stamps: trusted,
        verdicts: cached,
        mean: Number(mean.toFixed(1)),
        milliseconds: Math.round((trusted + cached) * mean),
      },
      days: [...this.#days.values()]
        .map(({ start, host, counts }) => ({ start, host, ...inFigures(counts) }))
        .sort(byTimeAndHost),
      viruses: this.#viruses.top(),
      grounds: this.#grounds.top(),
      slowest: this.#slowest,
      deferrals: this.#deferrals.top(),
      wentStandalone: this.#wentStandalone.top(),
      overQuota: this.#overQuota.top(),
      recipientsDeferred: this.#recipientsDeferred,
      greetings: this.#greetings.top(),
    }
  }

  #addMessage(record: LogRecord): void {
    const { fields } = record
    for (const counts of [this.#total, this.#countsOf(record)]) counts.add(fields)
    const found = fields.get('virus') ?? fields.get('banned')
    if (found !== undefined) this.#viruses.add(found)
    const time = scanTimeIn(fields)
    // The time of a failed scan is meaningless: the scan may have waited for SCANTIMEOUT.
    if (ENDED.includes(fields.get('scan') ?? '') && time >= 0) this.#ended.add(time)
    if (time >= 0) this.#addSlow(time, record)
    const grounds = fields.get('grounds')
    if (fields.get('decision') === 'defer') this.#addDeferral(fields)
    else if (deferredByNext(fields))
      this.#deferrals.addKind(`next server: ${fields.get('next') ?? fields.get('reply') ?? ''}`)
    else if (grounds !== undefined) this.#grounds.add(grounds)
  }

  /** Counts a line about a recipient that the MTA asked about before it accepted the message. */
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
    this.#deferrals.addKind([kind, fields.get('reason')].filter(Boolean).join(': '))
  }

  #addEvent(fields: ReadonlyMap<string, string>): void {
    const event = fields.get('event')
    if (fields.get('program') === 'smtp-delay' && event !== undefined) this.#greetings.add(event)
  }

  #countsOf({ time, host }: LogRecord): MessageCounts {
    const isBeyond = this.#days.size >= DAYS_MAX
    const start = Number.isNaN(time) ? time : new Date(time).setHours(0, 0, 0, 0)
    const known = this.#days.get(`${start} ${host}`)
    if (known !== undefined) return known.counts
    const [keptStart, keptHost] = isBeyond ? [Number.NaN, ''] : [start, host]
    const key = `${keptStart} ${keptHost}`
    const day = this.#days.get(key) ?? {
      start: Number.isNaN(keptStart) ? null : keptStart,
      host: keptHost,
      counts: new MessageCounts(),
    }
    this.#days.set(key, day)
    return day.counts
  }
}

function inFigures({ messages, decisions, scans, scanTime }: MessageCounts): Counts {
  const record = <Word extends string>(words: readonly Word[], counts: Map<string, number>) =>
    Object.fromEntries(words.map((word) => [word, counts.get(word) ?? 0])) as Record<Word, number>
  const round = (milliseconds: number) => Number(milliseconds.toFixed(1))
  return {
    messages,
    decisions: record(DECISIONS, decisions),
    scans: record(SCANS, scans),
    scanTime: {
      count: scanTime.count,
      mean: round(scanTime.mean),
      p50: round(scanTime.quantile(0.5)),
      p95: round(scanTime.quantile(0.95)),
      p99: round(scanTime.quantile(0.99)),
      max: scanTime.max,
    },
  }
}

/** Counts names, at most NAMES_MAX different ones. */
class NameCounts {
  readonly #counts = new Map<string, NameCount>()

  add(whole: string, kind = whole): void {
    const same = kind.slice(0, COUNTED_NAME_MAX)
    const isKnown = this.#counts.has(same) || this.#counts.size < NAMES_MAX
    const [key, name] = isKnown ? [same, whole.slice(0, COUNTED_NAME_MAX)] : [OTHERS, OTHERS]
    this.#counts.set(key, { name, count: (this.#counts.get(key)?.count ?? 0) + 1 })
  }

  /** Counts a text together with those that differ from it only in numbers. */
  addKind(text: string): void {
    this.add(text.slice(0, REASON_MAX), text.replace(/\d+/g, '#').slice(0, REASON_MAX))
  }

  /** Returns the most frequent names. */
  top(): NameCount[] {
    return [...this.#counts.values()].sort((name, other) => other.count - name.count).slice(0, TOP)
  }
}

/** Lines without a time are the last. */
function byTimeAndHost({ start, host }: HostDay, other: HostDay): number {
  if (start === other.start) return host.localeCompare(other.host)
  if (start === null || other.start === null) return start === null ? 1 : -1
  return start - other.start
}
