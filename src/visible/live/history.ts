import { createDurations, type Durations } from '../report/durations.ts'
import { DECISIONS, SCANS } from '../report/summary.ts'
import type { LineView } from './line-view.ts'

/** Milliseconds of a step, and steps of a day. */
export const STEP = 5 * 60_000
const STEPS = 288
/** Decisions that are kept. */
export const DECISIONS_KEPT = 200

/** One decision as it was logged. */
export interface Decided {
  /** From 1, in the order of coming. */
  readonly number: number
  /** Milliseconds since 1970. */
  readonly time: number
  /** The whole line. */
  readonly line: string
}

/** What came in one step. */
export interface Step {
  /** Milliseconds since 1970. */
  readonly start: number
  readonly decisions: Readonly<Record<string, number>>
  readonly scans: Readonly<Record<string, number>>
  /** Milliseconds; null where nothing was scanned. */
  readonly p50: number | null
  readonly p95: number | null
}

export interface History {
  /** Takes a line of the log; undefined if it is none about a message. */
  add(line: string, view: LineView, now: number): Decided | undefined
  /** So many came and are not known: their numbers are left out. */
  lost(count: number): void
  /** The last day, without steps in which nothing came. */
  steps(now: number): Step[]
  /** The newest last. */
  readonly decided: readonly Decided[]
}

interface Bucket {
  start: number
  readonly decisions: Map<string, number>
  readonly scans: Map<string, number>
  times: Durations
}

/** The last 24 hours in steps and the last decisions, in memory that does not grow. */
export function createHistory(): History {
  const buckets: Bucket[] = Array.from({ length: STEPS }, () => emptyBucket(Number.NaN))
  const decided: Decided[] = []
  let number = 0

  function bucketAt(now: number): Bucket {
    const start = now - (now % STEP)
    const index = (start / STEP) % STEPS
    if (buckets[index]!.start !== start) buckets[index] = emptyBucket(start)
    return buckets[index]!
  }

  return {
    decided,
    add(line, view, now) {
      const decision = view.value('decision')
      if (decision === undefined) return undefined
      const bucket = bucketAt(now)
      // What is said of one recipient is no message's decision.
      const isMessage = view.value('quota') === undefined
      if (isMessage) count(bucket.decisions, DECISIONS, decision)
      const scan = view.value('scan')
      if (scan !== undefined) count(bucket.scans, SCANS, scan)
      const spent = Number(view.value('scan_ms') ?? Number.NaN)
      if (spent >= 0 && scan !== 'trusted' && scan !== 'known') bucket.times.add(spent)
      const one = { number: ++number, time: now, line }
      decided.push(one)
      if (decided.length > DECISIONS_KEPT) decided.shift()
      return one
    },
    lost(count) {
      number += count
    },
    steps(now) {
      return buckets
        .filter(({ start }) => start > now - STEP * STEPS)
        .sort((one, other) => one.start - other.start)
        .map(stepOf)
    },
  }
}

function count(counts: Map<string, number>, words: readonly string[], word: string): void {
  if (words.includes(word)) counts.set(word, (counts.get(word) ?? 0) + 1)
}

function emptyBucket(start: number): Bucket {
  return { start, decisions: new Map(), scans: new Map(), times: createDurations() }
}

function stepOf({ start, decisions, scans, times }: Bucket): Step {
  const round = (milliseconds: number) => Number(milliseconds.toFixed(1))
  return {
    start,
    decisions: Object.fromEntries(decisions),
    scans: Object.fromEntries(scans),
    p50: times.count === 0 ? null : round(times.quantile(0.5)),
    p95: times.count === 0 ? null : round(times.quantile(0.95)),
  }
}
