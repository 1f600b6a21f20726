import { errorText, Fault } from '../../ground/errors/fault.ts'
import type { Environment } from '../../ground/settings/settings.ts'
import { readScanningPolicy, withSettings } from '../../judge/policy.ts'
import type { Rules } from '../../rules/match.ts'

/**
 * Reads what the lines of onescan.policy set as a door would, even lines that seldom apply. Throws
 * a Fault of kind `config` that names the line.
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
