import type { Configuration } from '../../shared/configuration.ts'
import { type QuarantineSweep, sweepQuarantines } from './sweep-quarantine.ts'
import { sweepSpools } from './sweep-spools.ts'
import { type LimitsWatch, watchLimits } from './watch-limits.ts'

/** What the first process does from time to time, beside mail. */
export class Upkeep {
  readonly #log: (line: string) => void
  #limits: LimitsWatch
  readonly #quarantine: QuarantineSweep
  readonly #spools: { close(): void }

  /** Begins to sweep, and to ask servers. */
  constructor({ env, policy }: Configuration, log: (line: string) => void) {
    this.#log = log
    this.#limits = watchLimits(policy?.scan, log)
    this.#quarantine = sweepQuarantines(env, log)
    this.#spools = sweepSpools(env)
  }

  configure({ policy }: Configuration): void {
    this.#limits.close()
    this.#limits = watchLimits(policy?.scan, this.#log)
  }

  /** What is wrong with servers that scan, a line each. */
  amiss(): readonly string[] {
    return this.#limits.amiss()
  }

  /** Begins no new work. */
  stop(): void {
    this.#limits.close()
    this.#quarantine.close()
    this.#spools.close()
  }
}
