import { BackOff } from '../../ground/flow/back-off.ts'

/** Milliseconds for which a backend rests after a failure. Each further failure doubles them. */
export const FIRST_REST = 1_000
export const LONGEST_REST = 30_000

export interface Circuits {
  /**
   * `closed`: the backend may be asked. `open`: it rests, and must not be asked. `probe`: it has
   * rested for long enough, and the caller shall ask it one question, for which no mail waits.
   */
  state(backend: string): 'closed' | 'open' | 'probe'
  /** Notes a failure. Returns the milliseconds of the rest; undefined if it rests already. */
  failed(backend: string): number | undefined
  /** Notes an answer. Returns whether the backend had failed before. */
  answered(backend: string): boolean
}

/**
 * Remembers which backends fail, so that no mail waits for them (circuit breakers). `uptime` is
 * milliseconds on a clock that nobody sets.
 */
export function createCircuits(uptime: () => number): Circuits {
  const backOff = new BackOff<string>(uptime, { first: FIRST_REST, longest: LONGEST_REST })
  const probed = new Set<string>()
  return {
    state(backend) {
      if (!backOff.hasFailed(backend)) return 'closed'
      if (probed.has(backend) || backOff.isBackedOff(backend)) return 'open'
      probed.add(backend)
      return 'probe'
    },
    failed(backend) {
      // Questions that were under way at the first failure may fail later. They do not count again.
      if (backOff.hasFailed(backend) && !probed.delete(backend)) return undefined
      return backOff.noteFailure(backend)
    },
    answered(backend) {
      probed.delete(backend)
      return backOff.noteAnswer(backend)
    },
  }
}
