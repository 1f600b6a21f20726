import { errorText } from '../lib/errors/fault.ts'
import { type RepeatedWork, repeat } from '../lib/flow/repeat.ts'
import { type Environment, readSetting, readSettings } from '../lib/settings/settings.ts'
import { quarantineLimits } from '../lib/settings/table/scanning.ts'
import { readSpoolSettings } from '../mail/message/spool.ts'
import { sweepSpool } from '../mail/message/sweep.ts'
import { readHostTime } from '../scan/quarantine/age.ts'
import { sweepQuarantine } from '../scan/quarantine/sweep.ts'

const TEN_MINUTES = 10 * 60 * 1000
const HOURLY = 60 * 60 * 1000

/**
 * Begins to sweep spools and the quarantine: the first process judges no mail, so none waits. Returns what
 * ends that.
 */
export function startSweeps(env: Environment, log: (line: string) => void): () => void {
  const settings = readSpoolSettings(env)
  const spools = repeat(
    HOURLY,
    (stopped) => sweepSpool(settings, Date.now(), stopped),
    (error) => log(`spool: cannot be cleaned up: ${errorText(error)}`),
  )
  const sweeps = [spools, ...sweepQuarantines(env, log)]
  return () => {
    for (const sweep of sweeps) sweep.close()
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
  const sweep = async (stopped: AbortSignal) => {
    const time = readHostTime(Date.now())
    const swept = await sweepQuarantine(quarantine.directory, limits, time, stopped)
    const { removed, messages, warnings } = swept
    for (const warning of warnings) log(`quarantine: ${warning}`)
    if (removed > 0)
      log(`quarantine: ${removed} messages over its limits were removed, ${messages} remain`)
  }
  const failed = (error: unknown) => log(`quarantine: cannot be cleaned up: ${errorText(error)}`)
  return [repeat(TEN_MINUTES, sweep, failed)]
}
