import { createBackOff } from '../../ground/flow/back-off.ts'

/** Milliseconds for which a backend that failed is not asked; doubled with each failure in a row. */
export const FIRST_REST = 1_000
export const LONGEST_REST = 30_000

export interface Circuits {
  /**
   * `closed`: ask. `open`: do not ask, it would be in vain. `probe`: it has rested for long enough,
   * and one question, for which no mail waits, shall find out whether it answers again.
   */
  state(backend: string): 'closed' | 'open' | 'probe'
  /** Milliseconds for which it rests from now on, or undefined if it does so already. */
  failed(backend: string): number | undefined
  /** Whether it had failed before. */
  answered(backend: string): boolean
}

/** Remembers which backends fail, so that no mail waits for them. `now` in milliseconds. */
export function createCircuits(now: () => number): Circuits {
  const rests = createBackOff<string>(now, { first: FIRST_REST, longest: LONGEST_REST })
  const probed = new Set<string>()
  return {
    state(backend) {
      if (!rests.hasFailed(backend)) return 'closed'
      if (probed.has(backend) || rests.isBackedOff(backend)) return 'open'
      probed.add(backend)
      return 'probe'
    },
    failed(backend) {
      // The failure of a question from before the first failure says nothing new, however late it
      // comes.
      if (rests.hasFailed(backend) && !probed.delete(backend)) return undefined
      return rests.noteFailure(backend)
    },
    answered(backend) {
      probed.delete(backend)
      return rests.noteAnswer(backend)
    },
  }
}
