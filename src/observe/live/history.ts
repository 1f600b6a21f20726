import {
  addSaved,
  createDurations,
  type Durations,
  type SavedDurations,
  savedDurations,
} from '../report/durations.ts'
import { DECISIONS, SCANS } from '../report/summary.ts'
import type { LineView } from './line-view.ts'

/** The milliseconds of a step, and the steps of a day. */
export const STEP = 5 * 60_000
const STEPS = 288
/** How many decisions are kept. */
export const DECISIONS_KEPT = 200

/** A decision as it was logged. */
export interface LoggedDecision {
  /** The number of the decision, from 1. */
  readonly number: number
  /** Milliseconds since 1970. */
  readonly time: number
  /** The whole line. */
  readonly line: string
}

/** The figures of a step of time. */
export interface HistoryStep {
  /** Milliseconds since 1970. */
  readonly start: number
  readonly decisions: Readonly<Record<string, number>>
  readonly scans: Readonly<Record<string, number>>
  /** Quantiles of the time of a scan in milliseconds; null if nothing was scanned. */
  readonly p50: number | null
  readonly p95: number | null
}

/** A step as it is stored while onescand does not run. */
export interface SavedStep extends Pick<HistoryStep, 'start' | 'decisions' | 'scans'> {
  readonly times: SavedDurations
}

export interface History {
  /**
   * Counts a line of the log, which was logged at `time`. Returns its decision, or undefined if the
   * line has none.
   */
  add(line: string, view: LineView, time: number): LoggedDecision | undefined
  /** Leaves out so many numbers, of decisions that are lost. */
  lost(count: number): void
  /** Returns the steps of the last day, without those in which nothing came. */
  steps(now: number): HistoryStep[]
  /** Returns the figures of the last day, to be stored. */
  saved(now: number): SavedStep[]
  /** Adds figures that were stored, as far as they are of the last day. */
  restore(steps: readonly SavedStep[], now: number): void
  /** The last decisions, the newest at the end. */
  readonly decided: readonly LoggedDecision[]
}

interface HistoryBucket {
  start: number
  readonly decisions: Map<string, number>
  readonly scans: Map<string, number>
  times: Durations
}

/** Keeps the last 24 hours in steps, and the last decisions, in memory that does not grow. */
export function createHistory(): History {
  const buckets: HistoryBucket[] = Array.from({ length: STEPS }, () => emptyBucket(Number.NaN))
  const decided: LoggedDecision[] = []
  let number = 0

  function bucketAt(time: number): HistoryBucket {
    const start = time - (time % STEP)
    const index = (start / STEP) % STEPS
    if (buckets[index]!.start !== start) buckets[index] = emptyBucket(start)
    return buckets[index]!
  }

  const lastDay = (now: number) =>
    buckets
      .filter(({ start }) => start > now - STEP * STEPS)
      .sort((bucket, other) => bucket.start - other.start)

  return {
    decided,
    add(line, view, time) {
      const decision = view.value('decision')
      if (decision === undefined) return undefined
      const bucket = bucketAt(time)
      // A line about a single recipient is no decision about a message.
      const isMessage = view.value('quota') === undefined
      if (isMessage) count(bucket.decisions, DECISIONS, decision)
      const scan = view.value('scan')
      if (scan !== undefined) count(bucket.scans, SCANS, scan)
      const spent = Number(view.value('scan_ms') ?? Number.NaN)
      if (spent >= 0 && scan !== 'trusted' && scan !== 'known') bucket.times.add(spent)
      const entry = { number: ++number, time, line }
      decided.push(entry)
      if (decided.length > DECISIONS_KEPT) decided.shift()
      return entry
    },
    lost(count) {
      number += count
    },
    steps: (now) => lastDay(now).map(stepOf),
    saved(now) {
      return lastDay(now).map(({ start, decisions, scans, times }) => ({
        start,
        decisions: Object.fromEntries(decisions),
        scans: Object.fromEntries(scans),
        times: savedDurations(times),
      }))
    },
    restore(steps, now) {
      for (const { start, decisions, scans, times } of steps) {
        if (start % STEP !== 0 || start > now || start <= now - STEP * STEPS) continue
        const bucket = bucketAt(start)
        addCounts(bucket.decisions, decisions)
        addCounts(bucket.scans, scans)
        addSaved(bucket.times, times)
      }
    },
  }
}

function count(counts: Map<string, number>, words: readonly string[], word: string): void {
  if (words.includes(word)) counts.set(word, (counts.get(word) ?? 0) + 1)
}

function addCounts(counts: Map<string, number>, more: Readonly<Record<string, number>>): void {
  for (const [word, count] of Object.entries(more)) {
    counts.set(word, (counts.get(word) ?? 0) + count)
  }
}

function emptyBucket(start: number): HistoryBucket {
  return { start, decisions: new Map(), scans: new Map(), times: createDurations() }
}

function stepOf({ start, decisions, scans, times }: HistoryBucket): HistoryStep {
  const round = (milliseconds: number) => Number(milliseconds.toFixed(1))
  return {
    start,
    decisions: Object.fromEntries(decisions),
    scans: Object.fromEntries(scans),
    p50: times.count === 0 ? null : round(times.quantile(0.5)),
    p95: times.count === 0 ? null : round(times.quantile(0.95)),
  }
}
