import { createDurations, type Durations } from './durations.ts'
import {
  DECISIONS,
  type DecisionWord,
  type Period,
  SCANS,
  type ScanTime,
  type ScanWord,
} from './summary.ts'

/**
 * The most hours, of all hosts together: two years of one host. Later lines count as without a
 * time.
 */
const PERIODS_MAX = 20_000
const HOUR = 3_600_000

/** The counts of a host in an hour or a day, while they grow. */
export interface PeriodCount {
  readonly start: number
  readonly host: string
  messages: number
  readonly decisions: Uint32Array
  readonly scans: Uint32Array
  readonly scanTime: Durations
}

/** Counts by hour and host. */
export class PeriodCounts {
  readonly #hours = new Map<string, PeriodCount>()
  /** The hour of the line before: nearly each line is of the same one. */
  #last: PeriodCount | undefined

  /** Returns the counts of the hour of a time, which may be NaN, and of a host. */
  at(time: number, host: string): PeriodCount {
    if (this.#last === undefined || !isWithin(this.#last, time, host)) {
      this.#last = this.#find(hourOf(time), host)
    }
    return this.#last
  }

  /** Returns the sums of all, and the counts by hour and by day. */
  summary(): { total: Period; hours: Period[]; days: Period[] } {
    const hours = [...this.#hours.values()].sort(byTimeAndHost)
    const total = hours.reduce((sum, hour) => add(sum, hour), newPeriodCount(Number.NaN, ''))
    return {
      total: asPeriod(total),
      hours: hours.map(asPeriod),
      days: byDay(hours).map(asPeriod),
    }
  }

  #find(start: number, host: string): PeriodCount {
    const known = this.#hours.get(`${start} ${host}`)
    if (known !== undefined) return known
    const isBeyond = this.#hours.size >= PERIODS_MAX
    return isBeyond ? this.#add(Number.NaN, '') : this.#add(start, host)
  }

  #add(start: number, host: string): PeriodCount {
    const key = `${start} ${host}`
    const count = this.#hours.get(key) ?? newPeriodCount(start, host)
    this.#hours.set(key, count)
    return count
  }
}

function isWithin(period: PeriodCount, time: number, host: string): boolean {
  if (host !== period.host) return false
  if (Number.isNaN(period.start)) return Number.isNaN(time)
  return time >= period.start && time < period.start + HOUR
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

/** Adds a count to the sum, and returns the sum. */
function add(sum: PeriodCount, { messages, decisions, scans, scanTime }: PeriodCount): PeriodCount {
  sum.messages += messages
  for (const [index, count] of decisions.entries()) sum.decisions[index]! += count
  for (const [index, count] of scans.entries()) sum.scans[index]! += count
  sum.scanTime.addAll(scanTime)
  return sum
}

/** Returns when the hour of a time begins; NaN for NaN. */
function hourOf(time: number): number {
  return Number.isNaN(time) ? time : new Date(time).setMinutes(0, 0, 0)
}

function byTimeAndHost(count: PeriodCount, other: PeriodCount): number {
  return (
    count.start - other.start || (count.host < other.host ? -1 : count.host > other.host ? 1 : 0)
  )
}

/** Adds up hours to days, each host by itself. */
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
