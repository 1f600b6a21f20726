import { parseIpAddress } from '../../ground/net/ip-address.ts'
import { isThere } from '../../ground/path/exists.ts'
import type { Environment } from '../../ground/settings/settings.ts'
import type { Decision } from '../../judge/decision.ts'
import { judge } from '../../judge/engine.ts'
import { HOST_DIRECTORY, type Policy, readControlDirectories } from '../../judge/policy.ts'
import type { Transaction } from '../../judge/transaction.ts'
import { recipientsOf } from '../../message/envelope/envelope.ts'
import type { MailParties } from '../../rules/candidates.ts'
import { ruleFiles } from '../../rules/rule-files.ts'
import { makeScanners } from '../../scan/scanners.ts'
import type { LogSink } from '../shared/log/log-sink.ts'
import { policyByRule } from '../shared/policy-by-rule.ts'
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
  const policyFor = policyByRule({ policy, tools }, env, ({ scan }) =>
    makeScanners(scan, { log: log.relay }),
  )
  return judgeByRules(transaction, rules, policyFor, 'once, some kept')
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
