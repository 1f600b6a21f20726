import { decodeUtf8, LogFields, unescapeValue } from '../log/fields.ts'
import { type LineHead, newLineHead, type ReadLineHead } from '../log/line-head.ts'
import { createDurations, type Durations } from './durations.ts'
import { createNameCounter, type NameCounter } from './name-counter.ts'
import {
  DECISIONS,
  type DecisionWord,
  type NameCount,
  type Period,
  SCANS,
  type ScanTime,
  type ScanWord,
  type SlowScan,
  type Summary,
} from './summary.ts'

const LINE_END = 10
export const TOP = 20
const SLOWEST = 10
/** Most hours of hosts: two years of one host. What is beyond them counts as without a time. */
const PERIODS_MAX = 20_000
const HOUR = 3_600_000

export interface TallyOptions {
  /** Milliseconds since 1970; undefined: whatever the time. */
  readonly since: number | undefined
  readonly until: number | undefined
}

interface PeriodCount {
  readonly start: number
  readonly host: string
  messages: number
  readonly decisions: Uint32Array
  readonly scans: Uint32Array
  readonly scanTime: Durations
}

/** The fields of one line after the other that are counted. */
class CountedLine {
  readonly #fields = new LogFields()
  #bytes: Buffer = Buffer.alloc(0)

  read({ bytes, at, end }: LineHead): void {
    this.#bytes = bytes
    this.#fields.read(bytes, at, end)
  }

  has(key: string): boolean {
    return this.#fields.find(key) >= 0
  }

  /** '' if it is not there. */
  text(key: string): string {
    const field = this.#fields.find(key)
    return field < 0 ? '' : decodeUtf8(this.#fields.value(field))
  }

  /** Its value as it stands, if it is there. */
  count(key: string, counter: NameCounter): void {
    const field = this.#fields.find(key)
    if (field < 0) return
    const { start, end } = this.#fields.span(field)
    counter.count(this.#bytes, start, end)
  }

  /** Which of the words it is; -1 for none, and if it is not there. */
  word(key: string, words: readonly string[]): number {
    const field = this.#fields.find(key)
    return field < 0 ? -1 : words.findIndex((word) => this.#fields.valueIs(word, field))
  }

  /** NaN for what is no number, and if it is not there. */
  number(key: string): number {
    const field = this.#fields.find(key)
    if (field < 0) return Number.NaN
    const { start, end } = this.#fields.span(field)
    return numberAt(this.#bytes, start, end)
  }
}

/** Sums up lines of logs, in memory that the number of lines does not change. */
export class Tally {
  readonly #options: TallyOptions
  readonly #head = newLineHead()
  readonly #line = new CountedLine()
  readonly #periods = new Map<string, PeriodCount>()
  /** That of the line before, among `#periods` from the first line on. */
  #period: PeriodCount | undefined
  readonly #viruses = createNameCounter()
  readonly #deferrals = createNameCounter()
  readonly #wentCold = createNameCounter()
  readonly #overQuota = createNameCounter()
  readonly #greetings = createNameCounter()
  readonly #slowest: SlowScan[] = []
  #readHead: ReadLineHead = () => false
  #label = ''
  /** Scans that came to an answer. */
  readonly #ended = { count: 0, milliseconds: 0 }
  #lines = 0
  #recipientsPutOff = 0
  #first = Number.POSITIVE_INFINITY
  #last = Number.NEGATIVE_INFINITY

  constructor(options: TallyOptions) {
    this.#options = options
  }

  /** From now on lines are read by this reader, and belong to this host if they do not name one. */
  begin(readHead: ReadLineHead, label: string): void {
    this.#readHead = readHead
    this.#label = label
  }

  /** Counts whole lines of one log. */
  lines(bytes: Buffer, start: number, end: number): void {
    const head = this.#head
    const { since, until } = this.#options
    for (let from = start; from < end; ) {
      const behind = bytes.indexOf(LINE_END, from) + 1
      if (this.#readHead(bytes, from, behind, head)) {
        const { time } = head
        if ((since === undefined || time >= since) && (until === undefined || time < until)) {
          if (head.host === '') head.host = this.#label
          this.#take(head)
        }
      }
      from = behind
    }
  }

  summary(): Summary {
    const hours = [...this.#periods.values()].sort(byTimeAndHost)
    const days = byDay(hours)
    const all = hours.reduce((sum, hour) => add(sum, hour), newPeriodCount(Number.NaN, ''))
    const total = asPeriod(all)
    const { trusted, known } = total.scans
    const mean = this.#ended.count === 0 ? 0 : this.#ended.milliseconds / this.#ended.count
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
        each: Number(mean.toFixed(1)),
        milliseconds: Math.round((trusted + known) * mean),
      },
      hours: hours.map(asPeriod),
      days: days.map(asPeriod),
      viruses: topNames(this.#viruses),
      slowest: this.#slowest,
      deferrals: topNames(this.#deferrals),
      wentCold: topNames(this.#wentCold),
      overQuota: topNames(this.#overQuota),
      recipientsPutOff: this.#recipientsPutOff,
      greetings: topNames(this.#greetings),
    }
  }

  #take(head: LineHead): void {
    const { time } = head
    const line = this.#line
    line.read(head)
    if (line.has('trial')) return // of `onescan check`: it is no mail
    this.#lines++
    if (time < this.#first) this.#first = time
    if (time > this.#last) this.#last = time
    if (!line.has('decision')) this.#takeEvent()
    else if (line.has('quota')) this.#takeRecipient()
    else if (line.word('decision', COLD) === 0) this.#takeCold()
    else this.#takeMessage(head)
  }

  #takeMessage(head: LineHead): void {
    const line = this.#line
    const period = this.#periodFor(head.time, head.host)
    this.#period = period
    period.messages++
    const decision = line.word('decision', DECISIONS)
    if (decision >= 0) period.decisions[decision]!++
    this.#takeScan(head, period)
    line.count(line.has('virus') ? 'virus' : 'banned', this.#viruses)
    if (DECISIONS[decision] === 'defer') this.#takeDeferral()
  }

  /** A line about one recipient, whom the MTA asked about before it took the message. */
  #takeRecipient(): void {
    if (this.#line.text('quota') !== 'full') return
    this.#recipientsPutOff++
    this.#line.count('to', this.#overQuota)
  }

  #takeScan({ time, host }: LineHead, period: PeriodCount): void {
    const line = this.#line
    const scan = line.word('scan', SCANS)
    if (scan < 0) return
    period.scans[scan]!++
    if (scan >= SPARED_FROM) return
    const milliseconds = line.number('scan_ms')
    if (!(milliseconds >= 0)) return
    period.scanTime.add(milliseconds)
    // One that failed says nothing of a scan: it may have waited for SCANTIMEOUT.
    if (scan < ENDED_BEFORE) {
      this.#ended.count++
      this.#ended.milliseconds += milliseconds
    }
    const slowest = this.#slowest
    if (slowest.length < SLOWEST || milliseconds > slowest.at(-1)!.milliseconds) {
      slowest.push({
        milliseconds,
        time: Number.isNaN(time) ? null : time,
        host,
        id: line.text('msgid'),
        from: line.text('from'),
        size: Number(line.text('size')),
      })
      slowest.sort((message, other) => other.milliseconds - message.milliseconds)
      slowest.length = Math.min(slowest.length, SLOWEST)
    }
  }

  #takeDeferral(): void {
    const line = this.#line
    const grounds = line.text('grounds')
    const isFull = grounds === 'over-quota'
    if (isFull) line.count('to', this.#overQuota)
    const fault = line.text('fault')
    const kind = isFull ? 'over-quota' : grounds || (fault && `fault ${fault}`)
    const reason = isFull ? '' : this.#reason()
    const cause = Buffer.from([kind || 'other', reason].filter(Boolean).join(': '), 'latin1')
    this.#deferrals.count(cause, 0, cause.length)
  }

  /** `onescanc` says why it goes cold; what becomes of the message is the cold program's line. */
  #takeCold(): void {
    const cause = Buffer.from(this.#reason(), 'latin1')
    this.#wentCold.count(cause, 0, cause.length)
  }

  #reason(): string {
    return this.#line.text('reason').replace(/\d+/g, '#').slice(0, 100)
  }

  #takeEvent(): void {
    if (this.#line.text('program') === 'smtp-delay') this.#line.count('event', this.#greetings)
  }

  #periodFor(time: number, host: string): PeriodCount {
    const last = this.#period
    if (last !== undefined && host === last.host) {
      const within = time >= last.start && time < last.start + HOUR
      if (within || (Number.isNaN(time) && Number.isNaN(last.start))) return last
    }
    const start = hourOf(time)
    const known = this.#periods.get(`${start} ${host}`)
    if (known !== undefined) return known
    const isBeyond = this.#periods.size >= PERIODS_MAX
    return isBeyond ? this.#periodOf(Number.NaN, '') : this.#periodOf(start, host)
  }

  #periodOf(start: number, host: string): PeriodCount {
    const key = `${start} ${host}`
    const count = this.#periods.get(key) ?? newPeriodCount(start, host)
    this.#periods.set(key, count)
    return count
  }
}

/** Values were counted as they stand in the log; latin1 has a character for each byte. */
function topNames(counter: NameCounter): NameCount[] {
  const text = (name: string) => decodeUtf8(unescapeValue(name))
  return counter.top(TOP).map((counted) => ({ ...counted, name: text(counted.name) }))
}

/** Scans before this one came to an answer. */
const ENDED_BEFORE = SCANS.indexOf('unknown')
/** Scans from this one on were spared. */
const SPARED_FROM = SCANS.indexOf('trusted')
const COLD = ['cold']

/** `12.3`; NaN for what is not a number. */
function numberAt(bytes: Buffer, start: number, end: number): number {
  let value = 0
  let scale = 0
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!
    if (byte === 0x2e && scale === 0) scale = 1
    else if (byte < 0x30 || byte > 0x39) return Number.NaN
    else {
      value = value * 10 + byte - 0x30
      scale *= 10
    }
  }
  return scale > 1 ? value / scale : value
}

function newPeriodCount(start: number, host: string): PeriodCount {
  return {
    start,
    host,
    messages: 0,
    decisions: new Uint32Array(DECISIONS.length),
    scans: new Uint32Array(SCANS.length),
    scanTime: createDurations(),
  }
}

function add(sum: PeriodCount, { messages, decisions, scans, scanTime }: PeriodCount): PeriodCount {
  sum.messages += messages
  for (const [index, count] of decisions.entries()) sum.decisions[index]! += count
  for (const [index, count] of scans.entries()) sum.scans[index]! += count
  sum.scanTime.addAll(scanTime)
  return sum
}

function hourOf(time: number): number {
  return Number.isNaN(time) ? time : new Date(time).setMinutes(0, 0, 0)
}

function byTimeAndHost(count: PeriodCount, other: PeriodCount): number {
  return (
    count.start - other.start || (count.host < other.host ? -1 : count.host > other.host ? 1 : 0)
  )
}

function byDay(hours: readonly PeriodCount[]): PeriodCount[] {
  const days = new Map<string, PeriodCount>()
  for (const hour of hours) {
    const start = Number.isNaN(hour.start) ? hour.start : new Date(hour.start).setHours(0, 0, 0, 0)
    const key = `${start} ${hour.host}`
    const day = days.get(key) ?? newPeriodCount(start, hour.host)
    days.set(key, add(day, hour))
  }
  return [...days.values()]
}

function asPeriod({ start, host, messages, decisions, scans, scanTime }: PeriodCount): Period {
  const record = <Word extends string>(words: readonly Word[], counts: Uint32Array) =>
    Object.fromEntries(words.map((word, index) => [word, counts[index]])) as Record<Word, number>
  return {
    start: Number.isNaN(start) ? null : start,
    host,
    messages,
    decisions: record<DecisionWord>(DECISIONS, decisions),
    scans: record<ScanWord>(SCANS, scans),
    scanTime: asScanTime(scanTime),
  }
}

function asScanTime(times: Durations): ScanTime {
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
