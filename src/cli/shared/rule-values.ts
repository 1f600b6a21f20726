import { errorText, Fault } from '../../ground/errors/fault.ts'
import type { Environment } from '../../ground/settings/settings.ts'
import { readScanningPolicy, withSettings } from '../../judge/policy.ts'
import type { Rules } from '../../rules/match.ts'

/**
 * Reads the settings of all lines of onescan.policy as a door would when a line applies. Throws a
 * Fault of kind `config` that names the line with a wrong value.
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
