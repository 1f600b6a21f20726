import type { SingleDecision } from '../../scan/judge/decision/decision.ts'

/** A word of the field `decision`: `pass` is mail that is not judged (onescan-log(5)). */
type DecisionWord = SingleDecision['kind'] | 'pass'

const inTheirOrder: Readonly<Record<DecisionWord, true>> = {
  accept: true,
  quarantine: true,
  reject: true,
  defer: true,
  discard: true,
  pass: true,
}
export const DECISIONS = Object.keys(inTheirOrder) as readonly DecisionWord[]

/** The outcomes of scans, or why there was none: the field `scan` of onescan-log(5). */
export const SCANS = ['clean', 'infected', 'unknown', 'skipped', 'trusted', 'cached'] as const

/** Scans that were made: not skipped because of a stamp or a cached verdict. */
const MADE: readonly string[] = ['clean', 'infected', 'unknown', 'skipped']

/** Returns the milliseconds of the scan that was made of a message, or NaN if there was none. */
export function scanTimeIn(fields: ReadonlyMap<string, string>): number {
  const text = fields.get('scan_ms') ?? ''
  const isMade = MADE.includes(fields.get('scan') ?? '')
  return isMade && /^\d{1,9}(?:\.\d{1,9})?$/.test(text) ? Number(text) : Number.NaN
}

/** The messages of an interval: their decisions, and how long their scans took. */
export class MessageCounts {
  /** The count of each word of DECISIONS and of SCANS. */
  readonly decisions = new Map<string, number>()
  readonly scans = new Map<string, number>()
  readonly scanTime = new Durations()
  #messages = 0

  get messages(): number {
    return this.#messages
  }

  /** Counts a message by its line of the log. */
  add(fields: ReadonlyMap<string, string>): void {
    this.#messages++
    countWord(this.decisions, DECISIONS, fields.get('decision'))
    countWord(this.scans, SCANS, fields.get('scan'))
    const time = scanTimeIn(fields)
    if (time >= 0) this.scanTime.add(time)
  }
}

/** Counts a word, if it is one of these. */
function countWord(
  counts: Map<string, number>,
  words: readonly string[],
  word: string | undefined,
): void {
  if (word !== undefined && words.includes(word)) counts.set(word, (counts.get(word) ?? 0) + 1)
}

/** Each step is a tenth longer than the one before, so a quantile is right within 5 percent. */
const STEP_LOGARITHM = Math.log(1.1)
/** The milliseconds of the first step, and the number of steps, up to some 15 minutes. */
const FIRST_STEP = 0.1
const STEPS = 170

/**
 * Any number of durations in milliseconds, in constant memory: 0.7 KB. The histograms of Node (perf_hooks) take 21 KB each, of which
 * a report may have thousands, and round the maximum.
 */
export class Durations {
  /** The number of durations in each step. */
  readonly #steps = new Uint32Array(STEPS)
  #count = 0
  #sum = 0
  #max = 0

  get count(): number {
    return this.#count
  }

  get max(): number {
    return this.#max
  }

  get mean(): number {
    return this.#count === 0 ? 0 : this.#sum / this.#count
  }

  add(milliseconds: number): void {
    const step =
      milliseconds <= FIRST_STEP
        ? 0
        : Math.ceil(Math.log(milliseconds / FIRST_STEP) / STEP_LOGARITHM)
    this.#steps[Math.min(step, STEPS - 1)]! += 1
    this.#count++
    this.#sum += milliseconds
    this.#max = Math.max(this.#max, milliseconds)
  }

  /** Returns the duration below which that share of all durations lies, or 0 if there is none. */
  quantile(share: number): number {
    let left = share * this.#count
    for (const [step, count] of this.#steps.entries()) {
      left -= count
      if (left <= 0 && this.#count > 0) {
        return Math.min(this.#max, FIRST_STEP * Math.exp((step - 0.5) * STEP_LOGARITHM))
      }
    }
    return this.#max
  }
}
