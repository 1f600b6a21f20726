import { errorText } from '../../../ground/errors/fault.ts'
import { type Environment, readSetting, readSettings } from '../../../ground/settings/settings.ts'
import { quarantineLimits } from '../../../ground/settings/table/scanning.ts'
import { readSpoolPolicy } from '../../../mail/message/spool.ts'
import { sweepSpool } from '../../../mail/message/sweep.ts'
import { readHostTime } from '../../../scan/quarantine/age.ts'
import { sweepQuarantine } from '../../../scan/quarantine/sweep.ts'
import type { Configuration } from '../../shared/configuration.ts'
import { again, type RepeatedWork } from './again.ts'
import { type LimitsWatch, watchLimits } from './watch-limits.ts'

const TEN_MINUTES = 10 * 60 * 1000
const HOURLY = 60 * 60 * 1000

/** What the first process does from time to time, beside mail: it judges none, so none waits. */
export class Upkeep {
  readonly #log: (line: string) => void
  #limits: LimitsWatch
  readonly #sweeps: readonly RepeatedWork[]

  /** Begins to sweep, and to ask servers. */
  constructor({ env, site }: Configuration, log: (line: string) => void) {
    this.#log = log
    this.#limits = watchLimits(site?.policy.settings, log)
    const spools = again(HOURLY, (stopped) => sweepSpool(readSpoolPolicy(env), Date.now(), stopped))
    this.#sweeps = [spools, ...sweepQuarantines(env, log)]
  }

  configure({ site }: Configuration): void {
    this.#limits.close()
    this.#limits = watchLimits(site?.policy.settings, this.#log)
  }

  /** What is wrong with servers that scan, a line each. */
  amiss(): readonly string[] {
    return this.#limits.amiss()
  }

  /** Begins no new work. */
  stop(): void {
    this.#limits.close()
    for (const sweep of this.#sweeps) sweep.close()
  }
}

/**
 * Removes messages that are over the limits of the quarantine, if there is one. Logs a line if
 * messages were removed, if the clock was set, or if the quarantine could not be read.
 */
function sweepQuarantines(env: Environment, log: (line: string) => void): RepeatedWork[] {
  const quarantine = readSetting(env, 'QUARANTINE')
  if (quarantine?.kind !== 'directory') return []
  const limits = readSettings(env, quarantineLimits)
  const sweep = again(TEN_MINUTES, async (stopped) => {
    try {
      const time = readHostTime(Date.now())
      const swept = await sweepQuarantine(quarantine.directory, limits, time, stopped)
      const { removed, messages, warnings } = swept
      for (const warning of warnings) log(`quarantine: ${warning}`)
      if (removed > 0) log(`quarantine: ${removed} messages were over its limits, ${messages} stay`)
    } catch (error) {
      if (!stopped.aborted) log(`quarantine: cannot be swept: ${errorText(error)}`)
    }
  })
  return [sweep]
}
