import { existsSync } from 'node:fs'
import type { Decision } from '../../judge/decision.ts'
import { judge } from '../../judge/engine.ts'
import { HOST_DIRECTORY, type Policy, readPlace, withSettings } from '../../judge/policy.ts'
import type { Transaction } from '../../judge/transaction.ts'
import { ruleFiles } from '../../rules/places.ts'
import { makeScanners } from '../../scan/scanners.ts'
import type { Environment } from '../../settings/settings.ts'
import type { LogSink } from '../shared/log-sink.ts'
import type { SlotTools } from './prepare-tools.ts'

/** Judges one message, by the site's policy by rule if there is one: nothing of that is loaded without. */
export async function judgeHere(
  transaction: Transaction,
  policy: Policy,
  tools: SlotTools,
  { env, log }: { readonly env: Environment; readonly log: LogSink },
): Promise<Decision> {
  const { control } = readPlace(env)
  const places = ruleFiles(control, HOST_DIRECTORY)
  if (!places.some((path) => existsSync(path))) return judge(transaction, policy, tools)
  const { loadRules } = await import('../../rules/load.ts')
  const { judgeByRules } = await import('../../judge/by-rule.ts')
  const rules = loadRules(control, HOST_DIRECTORY)
  if (rules === undefined) return judge(transaction, policy, tools)
  return judgeByRules(transaction, rules, async (settings) => {
    if (settings === undefined) return { policy, tools }
    const set = withSettings(policy, env, settings)
    const scanners = await makeScanners(set.scan, undefined, log.relay)
    return { policy: set, tools: { ...tools, scanners } }
  })
}
