import { parseIpAddress } from '../../ground/net/ip-address.ts'
import { isThere } from '../../ground/path/exists.ts'
import type { Environment } from '../../ground/settings/settings.ts'
import type { PolicyFor } from '../../judge/by-rule.ts'
import type { Decision } from '../../judge/decision.ts'
import { judge } from '../../judge/engine.ts'
import {
  HOST_DIRECTORY,
  type Policy,
  readControlDirectories,
  withSettings,
} from '../../judge/policy.ts'
import type { Transaction } from '../../judge/transaction.ts'
import { recipientsOf } from '../../message/envelope/envelope.ts'
import type { MailParties } from '../../rules/candidates.ts'
import { ruleFiles } from '../../rules/rule-files.ts'
import { makeScanners } from '../../scan/scanners.ts'
import type { LogSink } from '../shared/log/log-sink.ts'
import type { SlotTools } from './prepare-tools.ts'

/**
 * Judges one message, by the rules of onescan.policy if there are any. The code for rules is loaded
 * only then.
 */
export async function judgeHere(
  transaction: Transaction,
  policy: Policy,
  tools: SlotTools,
  { env, log }: { readonly env: Environment; readonly log: LogSink },
): Promise<Decision> {
  const { control } = readControlDirectories(env)
  const files = ruleFiles(control, HOST_DIRECTORY)
  if (!files.some(isThere)) return judge(transaction, policy, tools)
  const { loadRules } = await import('../../rules/load.ts')
  const { judgeByRules } = await import('../../judge/by-rule.ts')
  const rules = loadRules(control, HOST_DIRECTORY, addressed(transaction))
  if (rules === undefined) return judge(transaction, policy, tools)
  const planFor: PolicyFor = async (settings) => {
    if (settings === undefined) return { policy, tools }
    const set = withSettings(policy, env, settings)
    const scanners = await makeScanners(set.scan, undefined, log.relay)
    return { policy: set, tools: { ...tools, scanners } }
  }
  return judgeByRules(transaction, rules, planFor, 'once, some kept')
}

/** With more recipients, all lines are read: with fewer, only those that may be about them. */
const RECIPIENTS_MAX = 50

function addressed({ envelope, client }: Transaction): MailParties | undefined {
  if (envelope.recipientCount > RECIPIENTS_MAX) return undefined
  const address = client.origin?.clientAddress
  return {
    sender: envelope.sender,
    recipients: [...recipientsOf(envelope)],
    client: address === undefined ? undefined : parseIpAddress(address),
  }
}
