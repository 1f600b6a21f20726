import { readScanningPolicy, withSettings } from '../../judge/policy.ts'
import type { Rules } from '../../rules/match.ts'
import { errorText, Fault } from '../../runtime/fault.ts'
import type { Environment } from '../../settings/settings.ts'

/**
 * Reads what the lines set, as a door would, also of lines that seldom apply. Throws a Fault of
 * kind `config` that names the line.
 */
export function checkValues({ all, path }: Rules, env: Environment): void {
  const scanning = env.QHPSI ? env : { ...env, QHPSI: 'plugin: clamd' }
  const base = readScanningPolicy(scanning)!
  for (const { action, line } of all) {
    if (action.kind !== 'set') continue
    try {
      withSettings(base, scanning, action.settings)
    } catch (error) {
      throw new Fault('config', `${path} line ${line}: ${errorText(error)}`, error)
    }
  }
}
