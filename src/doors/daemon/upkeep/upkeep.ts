import type { Environment } from '../../../ground/settings/settings.ts'
import type { SweepResult } from '../../../quarantine/sweep.ts'
import type { Configuration } from '../../shared/configuration.ts'
import { type ExceptionMemory, rememberExceptions } from './remember-exceptions.ts'
import { type QuarantineSweep, sweepQuarantines } from './sweep-quarantine.ts'
import { sweepSpools } from './sweep-spools.ts'
import { type LimitsWatch, watchLimits } from './watch-limits.ts'

/** What the first process does from time to time, beside mail. */
export interface Upkeep {
  readonly exceptions: Pick<ExceptionMemory, 'take'>
  /** Begins to sweep, and to ask servers. */
  start(): void
  configure(configuration: Configuration): void
  /** What is wrong with servers that scan, a line each. */
  amiss(): readonly string[]
  /** The result of the last sweep of the quarantine. */
  swept(): SweepResult | undefined
  /** Begins no new work. */
  stop(): void
  /** Writes what it remembers to the disk. */
  close(): void
}

/** `state` is the directory of --state, if there is one. */
export function prepareUpkeep(
  first: Configuration,
  state: string | undefined,
  log: (line: string) => void,
): Upkeep {
  const env: Environment = first.env
  const exceptions = rememberExceptions(state, log)
  let configuration = first
  let limits: LimitsWatch | undefined
  let quarantine: QuarantineSweep | undefined
  let spools: { close(): void } | undefined

  exceptions.configure(configuration.rules)
  return {
    exceptions,
    start() {
      limits = watchLimits(configuration.policy?.scan, log)
      quarantine = sweepQuarantines(env, log)
      spools = sweepSpools(env)
    },
    configure(next) {
      configuration = next
      exceptions.configure(configuration.rules)
      limits?.close()
      limits = watchLimits(configuration.policy?.scan, log)
    },
    amiss: () => limits?.amiss() ?? [],
    swept: () => quarantine?.last,
    stop() {
      limits?.close()
      quarantine?.close()
      spools?.close()
    },
    close: () => exceptions.close(),
  }
}
