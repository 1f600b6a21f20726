import { parseIpAddress } from '../../ground/net/ip-address.ts'
import { isThere } from '../../ground/path/directories.ts'
import type { Environment } from '../../ground/settings/settings.ts'
import { recipientsOf } from '../../mail/message/envelope/envelope.ts'
import {
  HOST_DIRECTORY,
  type Policy,
  readControlDirectories,
  withSettings,
} from '../../scan/judge/policy.ts'
import type { Site, SiteRules } from '../../scan/judge/site.ts'
import type { Transaction } from '../../scan/judge/transaction.ts'
import type { MailParties } from '../../scan/rules/candidates.ts'
import type { Rules } from '../../scan/rules/match.ts'
import { ruleFiles } from '../../scan/rules/rule.ts'
import { makeScanners } from '../../scan/scanners/scanners.ts'
import type { LogSink } from '../shared/log/log-sink.ts'
import type { SlotTools } from './prepare-tools.ts'

/** Returns what one message is judged by: the settings of `env`, and onescan.policy. */
export async function loadSite(
  transaction: Transaction,
  policy: Policy,
  tools: SlotTools,
  { env, log }: { readonly env: Environment; readonly log: LogSink },
): Promise<Site> {
  const lines = await rulesAbout(transaction, env)
  if (lines === undefined) return { policy, tools }
  const rules: SiteRules = {
    lines,
    async forLine(settings) {
      const set = withSettings(policy, env, settings)
      const scanners = await makeScanners(set.settings, { relay: log.relay })
      return { policy: set, tools: { ...tools, scanners } }
    },
  }
  return { policy, tools, rules }
}

/** Loads the rules, and the code for rules, if there are any. */
async function rulesAbout(transaction: Transaction, env: Environment): Promise<Rules | undefined> {
  const { control } = readControlDirectories(env)
  if (!ruleFiles(control, HOST_DIRECTORY).some(isThere)) return undefined
  const { loadRules } = await import('../../scan/rules/load.ts')
  return loadRules(control, HOST_DIRECTORY, addressed(transaction))
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
