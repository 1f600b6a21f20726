import type { Environment } from '../../ground/settings/settings.ts'
import type { PolicyAndTools, PolicyFor } from '../../judge/by-rule.ts'
import { type Policy, withSettings } from '../../judge/policy.ts'
import type { Scanner } from '../../scan/shared/scanner.ts'

/** Returns the scanners of a policy that a line of onescan.policy has made. */
export type ScannersByRule = (
  policy: Policy,
  settings: Readonly<Record<string, string>>,
) => readonly Scanner[] | Promise<readonly Scanner[]>

/**
 * Returns what lines of onescan.policy have mail of the slot judged by: `base`, with what a line sets
 * in place of the settings of `env`.
 */
export function policyByRule(
  base: PolicyAndTools,
  env: Environment,
  scannersFor: ScannersByRule,
): PolicyFor {
  return async (settings) => {
    if (settings === undefined) return base
    const policy = withSettings(base.policy, env, settings)
    return { policy, tools: { ...base.tools, scanners: await scannersFor(policy, settings) } }
  }
}
