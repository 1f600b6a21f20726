/** Milliseconds for which a backend that failed is left alone; doubled with each failure in a row. */
export const FIRST_REST = 1_000
export const LONGEST_REST = 30_000

export interface Circuits {
  /**
   * `closed`: ask. `open`: do not, it would be in vain. `probe`: it rested for long enough;
   * one question, which nobody waits for, finds out whether it answers again.
   */
  state(backend: string): 'closed' | 'open' | 'probe'
  /** Milliseconds for which it rests from now on, or undefined where it does so already. */
  failed(backend: string): number | undefined
  /** Whether it had failed before. */
  answered(backend: string): boolean
}

interface Rest {
  readonly length: number
  readonly until: number
  probing: boolean
}

/** Remembers which backends fail, so that nobody waits for them. `now` in milliseconds. */
export function createCircuits(now: () => number): Circuits {
  const resting = new Map<string, Rest>()
  return {
    state(backend) {
      const rest = resting.get(backend)
      if (rest === undefined) return 'closed'
      if (rest.probing || rest.until > now()) return 'open'
      rest.probing = true
      return 'probe'
    },
    failed(backend) {
      const rest = resting.get(backend)
      // What was asked before the first failure was known says nothing new.
      if (rest !== undefined && !rest.probing) return undefined
      const length = rest ? Math.min(rest.length * 2, LONGEST_REST) : FIRST_REST
      resting.set(backend, { length, until: now() + length, probing: false })
      return length
    },
    answered: (backend) => resting.delete(backend),
  }
}
