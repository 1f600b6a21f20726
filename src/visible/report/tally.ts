import {
  createFieldTable,
  decoded,
  fieldValue,
  keyHash,
  readFields,
  unescaped,
} from '../log/fields.ts'
import { newLineHead, type ReadLineHead } from '../log/line-head.ts'
import { createDurations, type Durations } from './durations.ts'
import { createNameCounter, type NameCounter } from './names.ts'
import {
  type Counted,
  DECISIONS,
  type DecisionWord,
  type Period,
  SCANS,
  type ScanTime,
  type ScanWord,
  type SlowScan,
  type Summary,
} from './summary.ts'

const LINE_END = 10
const TOP = 20
const SLOWEST = 10
/** Hours of hosts, two years of one; what is beyond them counts as without a time. */
const PERIODS_MAX = 20_000
const HOUR = 3_600_000

const KEYS = [
  ...['decision', 'scan', 'grounds', 'virus', 'banned', 'fault', 'reason', 'scan_ms', 'size'],
  ...['msgid', 'from', 'to', 'quota', 'program', 'event'],
] as const
type Key = 'decision' | 'scan' | 'grounds' | 'virus' | 'banned' | 'fault' | 'reason' | 'scan_ms' | 'size' | 'msgid' | 'from' | 'to' | 'quota' | 'program' | 'event' // biome-ignore format: a list
const slotOf = Object.fromEntries(KEYS.map((key, slot) => [key, slot])) as Record<Key, number>

export interface Tally {
  /** Counts whole lines of one log. */
  lines(bytes: Buffer, start: number, end: number): void
  summary(): Summary
}

export interface TallyOptions {
  /** Milliseconds since 1970; undefined: whatever the time. */
  readonly since: number | undefined
  readonly until: number | undefined
}

interface Count {
  readonly start: number
  readonly host: string
  messages: number
  readonly decisions: Uint32Array
  readonly scans: Uint32Array
  readonly scanTime: Durations
}

/** Sums up lines of logs, in memory that the number of lines does not change. */
export interface Tallying extends Tally {
  /** From now on lines are read by this, and are of this host where they do not say it. */
  begin(readHead: ReadLineHead, label: string): void
}

export function createTally({ since, until }: TallyOptions): Tallying {
  const head = newLineHead()
  const table = createFieldTable()
  const places = keyPlaces()
  /** For each key its field in this line, or -1. */
  const at = new Int32Array(KEYS.length)
  const periods = new Map<string, Count>()
  /** That of the line before, among `periods` from the first line on. */
  let period: Count | undefined
  const viruses = createNameCounter()
  const deferrals = createNameCounter()
  const wentCold = createNameCounter()
  const overQuota = createNameCounter()
  const greetings = createNameCounter()
  const slowest: SlowScan[] = []
  let readHead: ReadLineHead = () => false
  let label = ''
  let lines = 0
  let recipientsPutOff = 0
  let first = Number.POSITIVE_INFINITY
  let last = Number.NEGATIVE_INFINITY

  function value(bytes: Buffer, key: Key): string {
    const field = at[slotOf[key]]!
    return field < 0 ? '' : decoded(fieldValue(bytes, table, field))
  }

  function countRaw(counter: NameCounter, bytes: Buffer, key: Key): boolean {
    const field = at[slotOf[key]]!
    if (field >= 0) counter.count(bytes, table.start[field]!, table.end[field]!)
    return field >= 0
  }

  function periodFor(time: number, host: string): Count {
    if (period !== undefined && host === period.host) {
      const within = time >= period.start && time < period.start + HOUR
      if (within || (Number.isNaN(time) && Number.isNaN(period.start))) return period
    }
    const start = hourOf(time)
    const known = periods.get(`${start} ${host}`)
    if (known !== undefined) return known
    const isBeyond = periods.size >= PERIODS_MAX
    return isBeyond ? periodOf(Number.NaN, '') : periodOf(start, host)
  }

  function periodOf(start: number, host: string): Count {
    const key = `${start} ${host}`
    const count = periods.get(key) ?? newCount(start, host)
    periods.set(key, count)
    return count
  }

  function take(): void {
    const { bytes, time } = head
    readFields(bytes, head.at, head.end, table)
    at.fill(-1)
    for (let field = table.count - 1; field >= 0; field--) {
      const slot = places.slotFor(table.keys[field]!)
      if (slot >= 0) at[slot] = field
    }
    lines++
    if (time < first) first = time
    if (time > last) last = time
    if (at[slotOf.decision]! < 0) takeEvent(bytes)
    else if (at[slotOf.quota]! >= 0) takeRecipient(bytes)
    else if (wordAt(bytes, table, at[slotOf.decision]!, COLD_CODE) === 0) takeCold(bytes)
    else takeMessage(bytes, time)
  }

  function takeMessage(bytes: Buffer, time: number): void {
    period = periodFor(time, head.host)
    period.messages++
    const decision = wordAt(bytes, table, at[slotOf.decision]!, DECISION_CODES)
    if (decision >= 0) period.decisions[decision]!++
    takeScan(bytes, period)
    if (at[slotOf.virus]! >= 0) countRaw(viruses, bytes, 'virus')
    else if (at[slotOf.banned]! >= 0) countRaw(viruses, bytes, 'banned')
    if (DECISIONS[decision] === 'defer') takeDeferral(bytes)
  }

  /** A line about one recipient, whom the MTA asked about before it took the message. */
  function takeRecipient(bytes: Buffer): void {
    if (value(bytes, 'quota') !== 'full') return
    recipientsPutOff++
    countRaw(overQuota, bytes, 'to')
  }

  function takeScan(bytes: Buffer, period: Count): void {
    const field = at[slotOf.scan]!
    if (field < 0) return
    const scan = wordAt(bytes, table, field, SCAN_CODES)
    if (scan < 0) return
    period.scans[scan]!++
    const spent = at[slotOf.scan_ms]!
    if (spent < 0 || scan >= SPARED_FROM) return
    const milliseconds = numberAt(bytes, table.start[spent]!, table.end[spent]!)
    if (!(milliseconds >= 0)) return
    period.scanTime.add(milliseconds)
    if (slowest.length < SLOWEST || milliseconds > slowest.at(-1)!.milliseconds) {
      slowest.push({
        milliseconds,
        time: Number.isNaN(head.time) ? null : head.time,
        host: head.host,
        id: value(bytes, 'msgid'),
        from: value(bytes, 'from'),
        size: Number(value(bytes, 'size')),
      })
      slowest.sort((one, other) => other.milliseconds - one.milliseconds)
      slowest.length = Math.min(slowest.length, SLOWEST)
    }
  }

  function takeDeferral(bytes: Buffer): void {
    const isFull = value(bytes, 'grounds') === 'over-quota'
    if (isFull) countRaw(overQuota, bytes, 'to')
    const fault = value(bytes, 'fault')
    const kind = isFull ? 'over-quota' : value(bytes, 'grounds') || (fault && `fault ${fault}`)
    const reason = isFull ? '' : reasonOf(bytes)
    const cause = Buffer.from([kind || 'other', reason].filter(Boolean).join(': '), 'latin1')
    deferrals.count(cause, 0, cause.length)
  }

  /** `onescanc` says why it goes cold; what becomes of the message is the cold program's line. */
  function takeCold(bytes: Buffer): void {
    const cause = Buffer.from(reasonOf(bytes), 'latin1')
    wentCold.count(cause, 0, cause.length)
  }

  function reasonOf(bytes: Buffer): string {
    return value(bytes, 'reason').replace(/\d+/g, '#').slice(0, 100)
  }

  function takeEvent(bytes: Buffer): void {
    if (value(bytes, 'program') === 'smtp-delay') countRaw(greetings, bytes, 'event')
  }

  return {
    begin(reader, host) {
      readHead = reader
      label = host
    },
    lines(bytes, start, end) {
      while (start < end) {
        const behind = bytes.indexOf(LINE_END, start) + 1
        if (readHead(bytes, start, behind, head)) {
          const { time } = head
          if ((since === undefined || time >= since) && (until === undefined || time < until)) {
            if (head.host === '') head.host = label
            take()
          }
        }
        start = behind
      }
    },
    summary() {
      const hours = [...periods.values()].sort(byTimeAndHost)
      const days = byDay(hours)
      const all = hours.reduce((sum, hour) => add(sum, hour), newCount(Number.NaN, ''))
      const total = asPeriod(all)
      const { trusted, known } = total.scans
      return {
        first: Number.isFinite(first) ? first : null,
        last: Number.isFinite(last) ? last : null,
        lines,
        messages: total.messages,
        decisions: total.decisions,
        scans: total.scans,
        scanTime: total.scanTime,
        spared: {
          stamps: trusted,
          verdicts: known,
          milliseconds: Math.round((trusted + known) * all.scanTime.mean),
        },
        hours: hours.map(asPeriod),
        days: days.map(asPeriod),
        viruses: named(viruses),
        slowest,
        deferrals: named(deferrals),
        wentCold: named(wentCold),
        overQuota: named(overQuota),
        recipientsPutOff,
        greetings: named(greetings),
      }
    },
  }
}

/** Values were counted as they stand in the log, where latin1 has a character for each byte. */
function named(counter: NameCounter): Counted[] {
  const text = (name: string) => decoded(unescaped(name))
  return counter.top(TOP).map(({ name, count }) => ({ name: text(name), count }))
}

/** Scans from this one on were spared. */
const SPARED_FROM = SCANS.indexOf('trusted')
const DECISION_CODES = codesOf(DECISIONS)
const SCAN_CODES = codesOf(SCANS)
const COLD_CODE = codesOf(['cold'])

/** Words by their hash: there are six of them, and millions of lines. */
function codesOf(words: readonly string[]): Int32Array {
  return Int32Array.from(words, keyHash)
}

function wordAt(
  bytes: Buffer,
  table: { start: Int32Array; end: Int32Array },
  field: number,
  codes: Int32Array,
): number {
  let hash = 0
  for (let at = table.start[field]!; at < table.end[field]!; at++) {
    hash = (Math.imul(hash, 31) + bytes[at]!) | 0
  }
  return codes.indexOf(hash)
}

/** Which of KEYS a hash is of. */
function keyPlaces(): { slotFor(hash: number): number } {
  const SIZE = 256
  const hashes = new Int32Array(SIZE)
  const slots = new Int32Array(SIZE).fill(-1)
  const placeOf = (hash: number) => (hash ^ (hash >>> 8)) & (SIZE - 1)
  for (const [slot, key] of KEYS.entries()) {
    let place = placeOf(keyHash(key))
    while (slots[place]! >= 0) place = (place + 1) & (SIZE - 1)
    hashes[place] = keyHash(key)
    slots[place] = slot
  }
  return {
    slotFor(hash) {
      for (let place = placeOf(hash); slots[place]! >= 0; place = (place + 1) & (SIZE - 1)) {
        if (hashes[place] === hash) return slots[place]!
      }
      return -1
    },
  }
}

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

function newCount(start: number, host: string): Count {
  return {
    start,
    host,
    messages: 0,
    decisions: new Uint32Array(DECISIONS.length),
    scans: new Uint32Array(SCANS.length),
    scanTime: createDurations(),
  }
}

function add(sum: Count, { messages, decisions, scans, scanTime }: Count): Count {
  sum.messages += messages
  for (const [index, count] of decisions.entries()) sum.decisions[index]! += count
  for (const [index, count] of scans.entries()) sum.scans[index]! += count
  sum.scanTime.take(scanTime)
  return sum
}

function hourOf(time: number): number {
  return Number.isNaN(time) ? time : new Date(time).setMinutes(0, 0, 0)
}

function byTimeAndHost(one: Count, other: Count): number {
  return one.start - other.start || (one.host < other.host ? -1 : one.host > other.host ? 1 : 0)
}

function byDay(hours: readonly Count[]): Count[] {
  const days = new Map<string, Count>()
  for (const hour of hours) {
    const start = Number.isNaN(hour.start) ? hour.start : new Date(hour.start).setHours(0, 0, 0, 0)
    const key = `${start} ${hour.host}`
    const day = days.get(key) ?? newCount(start, hour.host)
    days.set(key, add(day, hour))
  }
  return [...days.values()]
}

function asPeriod({ start, host, messages, decisions, scans, scanTime }: Count): Period {
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
