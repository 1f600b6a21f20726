import { BackOff } from '../../ground/flow/back-off.ts'

/** Milliseconds for which a backend rests after a failure. Each further failure doubles them. */
export const FIRST_REST = 1_000
export const LONGEST_REST = 30_000

/**
 * Remembers which backends fail, so that no mail waits for them (circuit breakers). `uptime` is
 * milliseconds on a clock that nobody sets.
 */
export class Circuits {
  readonly #backOff: BackOff<string>
  readonly #probed = new Set<string>()

  constructor(uptime: () => number) {
    this.#backOff = new BackOff(uptime, { first: FIRST_REST, longest: LONGEST_REST })
  }

  /**
   * `closed`: the backend may be asked. `open`: it rests, and must not be asked. `probe`: it has
   * rested for long enough, and the caller shall ask it one question, for which no mail waits.
   */
  state(backend: string): 'closed' | 'open' | 'probe' {
    if (!this.#backOff.hasFailed(backend)) return 'closed'
    if (this.#probed.has(backend) || this.#backOff.isBackedOff(backend)) return 'open'
    this.#probed.add(backend)
    return 'probe'
  }

  /** Notes a failure. Returns the milliseconds of the rest; undefined if it rests already. */
  failed(backend: string): number | undefined {
    // Questions that were under way at the first failure may fail later. They do not count again.
    if (this.#backOff.hasFailed(backend) && !this.#probed.delete(backend)) return undefined
    return this.#backOff.noteFailure(backend)
  }

  /** Notes an answer. Returns whether the backend had failed before. */
  answered(backend: string): boolean {
    this.#probed.delete(backend)
    return this.#backOff.noteAnswer(backend)
  }
}
