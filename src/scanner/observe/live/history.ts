import { MessageCounts } from '../report/counts.ts'

/** The milliseconds of a step, and the steps of a day. */
export const STEP = 5 * 60_000
const STEPS = 288
/** The number of decisions that are kept. */
export const DECISIONS_KEPT = 200

export interface LoggedDecision {
  /** The number of the decision, from 1. */
  readonly number: number
  /** Milliseconds since 1970. */
  readonly time: number
  /** The whole line. */
  readonly line: string
}

/** The figures of a step of time. */
interface HistoryStep {
  /** Milliseconds since 1970. */
  readonly start: number
  readonly decisions: Readonly<Record<string, number>>
  readonly scans: Readonly<Record<string, number>>
  /** Quantiles of the time of a scan in milliseconds, or null if nothing was scanned. */
  readonly p50: number | null
  readonly p95: number | null
}

/** The last 24 hours in steps, and the last decisions, in memory that does not grow. */
export class History {
  readonly #buckets = Array.from({ length: STEPS }, () => emptyBucket(Number.NaN))
  readonly #decided: LoggedDecision[] = []
  #number = 0

  /** The last decisions, the newest at the end. */
  get decided(): readonly LoggedDecision[] {
    return this.#decided
  }

  /**
   * Counts a line of the log with these fields, which was logged at `time`. Returns its decision, or
   * undefined if the line has none.
   */
  add(line: string, fields: ReadonlyMap<string, string>, time: number): LoggedDecision | undefined {
    if (!fields.has('decision')) return undefined
    // A line about a single recipient is not a decision about a message.
    if (!fields.has('quota')) this.#bucketAt(time).counts.add(fields)
    const entry = { number: ++this.#number, time, line }
    this.#decided.push(entry)
    if (this.#decided.length > DECISIONS_KEPT) this.#decided.shift()
    return entry
  }

  /** Skips `count` numbers, of lost decisions. */
  lost(count: number): void {
    this.#number += count
  }

  /** Returns the steps of the last day, except empty ones. */
  steps(now: number): HistoryStep[] {
    return this.#buckets
      .filter(({ start }) => start > now - STEP * STEPS)
      .sort((bucket, other) => bucket.start - other.start)
      .map(stepOf)
  }

  #bucketAt(time: number): HistoryBucket {
    const start = time - (time % STEP)
    const index = (start / STEP) % STEPS
    if (this.#buckets[index]!.start !== start) this.#buckets[index] = emptyBucket(start)
    return this.#buckets[index]!
  }
}

/** The counters of a step while it lasts. */
interface HistoryBucket {
  readonly start: number
  readonly counts: MessageCounts
}

const emptyBucket = (start: number): HistoryBucket => ({ start, counts: new MessageCounts() })

function stepOf({ start, counts }: HistoryBucket): HistoryStep {
  const { decisions, scans, scanTime } = counts
  const quantile = (share: number) =>
    scanTime.count === 0 ? null : Number(scanTime.quantile(share).toFixed(1))
  return {
    start,
    decisions: Object.fromEntries(decisions),
    scans: Object.fromEntries(scans),
    p50: quantile(0.5),
    p95: quantile(0.95),
  }
}
