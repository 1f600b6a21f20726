/** Each step is a tenth longer than the one before, so a quantile is right within 5 percent. */
const STEP = Math.log(1.1)
/** The milliseconds of the first step, and the number of steps, up to some 15 minutes. */
const LEAST = 0.1
const STEPS = 170

/** Any number of durations in milliseconds, in constant memory. */
export interface Durations {
  add(milliseconds: number): void
  readonly count: number
  readonly mean: number
  readonly max: number
  /** Returns the duration below which that share of all lies; 0 if there is none. */
  quantile(share: number): number
  /** Adds all durations of another set. */
  addAll(others: Pick<Durations, 'count' | 'sum' | 'max' | 'steps'>): void
  /** How many durations are in each step. */
  readonly steps: Uint32Array
  readonly sum: number
}

/** Durations as they are stored: the steps that are not empty, and how many durations each has. */
export interface SavedDurations {
  readonly steps: readonly (readonly [step: number, count: number])[]
  readonly sum: number
  readonly max: number
}

export function savedDurations({ steps, sum, max }: Durations): SavedDurations {
  const pairs = [...steps.entries()].filter(([, count]) => count > 0)
  return { steps: pairs, sum: Math.round(sum), max }
}

/** Adds durations that were stored. Steps that do not exist are left out. */
export function addSaved(durations: Durations, { steps: pairs, sum, max }: SavedDurations): void {
  const steps = new Uint32Array(STEPS)
  for (const [step, count] of pairs) if (step < STEPS) steps[step] = count
  const count = steps.reduce((all, step) => all + step, 0)
  durations.addAll({ steps, count, sum, max })
}

export function createDurations(): Durations {
  const steps = new Uint32Array(STEPS)
  let count = 0
  let sum = 0
  let max = 0
  return {
    steps,
    add(milliseconds) {
      const step = milliseconds <= LEAST ? 0 : Math.ceil(Math.log(milliseconds / LEAST) / STEP)
      const place = Math.min(step, STEPS - 1)
      steps[place] = steps[place]! + 1
      count++
      sum += milliseconds
      if (milliseconds > max) max = milliseconds
    },
    addAll(others) {
      for (let step = 0; step < STEPS; step++) steps[step] = steps[step]! + others.steps[step]!
      count += others.count
      sum += others.sum
      max = Math.max(max, others.max)
    },
    quantile(share) {
      let left = share * count
      for (let step = 0; step < STEPS; step++) {
        left -= steps[step]!
        if (left <= 0 && count > 0) return Math.min(max, LEAST * Math.exp((step - 0.5) * STEP))
      }
      return max
    },
    get count() {
      return count
    },
    get sum() {
      return sum
    },
    get mean() {
      return count === 0 ? 0 : sum / count
    },
    get max() {
      return max
    },
  }
}
