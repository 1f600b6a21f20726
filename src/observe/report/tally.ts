import { decodeUtf8, unescapeValue } from '../log/fields.ts'
import { type LineHead, newLineHead, type ReadLineHead } from '../log/line-head.ts'
import { CountedLine } from './counted-line.ts'
import { createNameCounter, type NameCounter } from './name-counter.ts'
import { type PeriodCount, PeriodCounts } from './period-counts.ts'
import { DECISIONS, type NameCount, SCANS, type SlowScan, type Summary } from './summary.ts'

const LINE_END = 10
export const TOP = 20
const SLOWEST = 10
export interface TallyOptions {
  /** The period of lines that count, in milliseconds since 1970; undefined sets no limit. */
  readonly since: number | undefined
  readonly until: number | undefined
}

/** Sums up the lines of logs, in memory that does not grow with their number. */
export class Tally {
  readonly #options: TallyOptions
  readonly #head = newLineHead()
  readonly #line = new CountedLine()
  readonly #periods = new PeriodCounts()
  readonly #viruses = createNameCounter()
  readonly #deferrals = createNameCounter()
  readonly #wentCold = createNameCounter()
  readonly #overQuota = createNameCounter()
  readonly #greetings = createNameCounter()
  readonly #slowest: SlowScan[] = []
  #readHead: ReadLineHead = () => false
  #label = ''
  /** The scans that came to an answer. */
  readonly #ended = { count: 0, milliseconds: 0 }
  #lines = 0
  #recipientsDeferred = 0
  #first = Number.POSITIVE_INFINITY
  #last = Number.NEGATIVE_INFINITY

  constructor(options: TallyOptions) {
    this.#options = options
  }

  /** Sets the reader of the lines that follow, and the host of those that do not name one. */
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
    const { total, hours, days } = this.#periods.summary()
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
        mean: Number(mean.toFixed(1)),
        milliseconds: Math.round((trusted + known) * mean),
      },
      hours,
      days,
      viruses: topNames(this.#viruses),
      slowest: this.#slowest,
      deferrals: topNames(this.#deferrals),
      wentCold: topNames(this.#wentCold),
      overQuota: topNames(this.#overQuota),
      recipientsDeferred: this.#recipientsDeferred,
      greetings: topNames(this.#greetings),
    }
  }

  #take(head: LineHead): void {
    const { time } = head
    const line = this.#line
    line.read(head)
    if (line.has('trial')) return // `onescan check` made it: it is no mail
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
    const period = this.#periods.at(head.time, head.host)
    period.messages++
    const decision = line.word('decision', DECISIONS)
    if (decision >= 0) period.decisions[decision]!++
    this.#takeScan(head, period)
    line.count(line.has('virus') ? 'virus' : 'banned', this.#viruses)
    if (DECISIONS[decision] === 'defer') this.#takeDeferral()
  }

  /** Counts a line about a recipient, about whom the MTA asked before it took the message. */
  #takeRecipient(): void {
    if (this.#line.text('quota') !== 'full') return
    this.#recipientsDeferred++
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
    // The time of a failed scan says nothing: the scan may have waited for SCANTIMEOUT.
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

  /** Counts why `onescanc` went cold. The cold program logs what becomes of the message. */
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
}

/** Returns the most frequent names. They were counted with their escapes and as bytes. */
function topNames(counter: NameCounter): NameCount[] {
  const text = (name: string) => decodeUtf8(unescapeValue(name))
  return counter.top(TOP).map((counted) => ({ ...counted, name: text(counted.name) }))
}

/** The words of SCANS before this one stand for scans that came to an answer. */
const ENDED_BEFORE = SCANS.indexOf('unknown')
/** The words of SCANS from this one on stand for scans that were spared. */
const SPARED_FROM = SCANS.indexOf('trusted')
const COLD = ['cold']
