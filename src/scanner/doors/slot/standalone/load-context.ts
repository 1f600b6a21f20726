import { readUptime } from '../../../../base/flow/uptime.ts'
import type { Environment } from '../../../../base/process/environment.ts'
import { loadCrypto } from '../../../../base/runtime/crypto.ts'
import {
  HOST_DIRECTORY,
  readControlDirectories,
} from '../../../../base/settings/control-directories.ts'
import { DEFAULT_DATABASE } from '../../../../base/settings/table/clamav.ts'
import type { LogSink } from '../../../log/log-sink.ts'
import { type JudgeConfig, withSettings } from '../../../scan/judge/context/judge-config.ts'
import type { JudgeContext, LoadedRules, Tools } from '../../../scan/judge/context/judge-context.ts'
import type { QuotaClient } from '../../../scan/quota/quota-client.ts'
import type { QuotaLookup } from '../../../scan/quota/quota-lookup.ts'
import type { QuotaSettings } from '../../../scan/quota/quota-settings.ts'
import type { Rules } from '../../../scan/rules/match.ts'
import { ruleFileExists, ruleFiles } from '../../../scan/rules/rule.ts'
import { makeScanners } from '../../../scan/scanners/make-scanners.ts'
import { readSignatureFiles } from '../../../scan/scanners/signatures/signature-files.ts'

interface SlotTools extends Tools {
  /** Its `close` is called before this process becomes the next program. */
  readonly quota?: Pick<QuotaClient, keyof QuotaLookup | 'close'> | undefined
}

/** Loads what this configuration needs, and nothing else, because each module costs time at the start. */
export async function prepareTools(config: JudgeConfig, log: LogSink): Promise<SlotTools> {
  const { cluster, quota, settings } = config
  const database = settings.CLAMDBDIR ?? DEFAULT_DATABASE
  const files = cluster && (await readSignatureFiles(database, Date.now()))
  return {
    scanners: await makeScanners(settings, { relay: log.relay }),
    crypto: cluster && (await loadCrypto()),
    signatureFiles: () => files,
    now: Date.now,
    uptime: readUptime,
    quota: quota && (await openSlotQuota(quota)),
  }
}

/** Opens the quota client. It is a separate module, which other mail does not load. */
export async function openSlotQuota(settings: QuotaSettings): Promise<QuotaClient> {
  const { openQuotaClient } = await import('../../../scan/quota/quota-client.ts')
  return openQuotaClient(settings, () => {}) // the log line of onescan-queue contains the answer
}

/** Returns what one message is judged by: the settings of `env`, and onescan.policy. */
export async function loadContext(
  config: JudgeConfig,
  tools: SlotTools,
  { env, log }: { readonly env: Environment; readonly log: LogSink },
): Promise<JudgeContext> {
  const lines = await rulesOf(env)
  if (lines === undefined) return { config, tools }
  const rules: LoadedRules = {
    lines,
    async contextOfLine(settings) {
      const set = withSettings(config, env, settings)
      const scanners = await makeScanners(set.settings, { relay: log.relay })
      return { config: set, tools: { ...tools, scanners } }
    },
  }
  return { config, tools, rules }
}

/** Loads the rules, and the code for rules, if there are any. */
async function rulesOf(env: Environment): Promise<Rules | undefined> {
  const { control } = readControlDirectories(env)
  if (!ruleFiles(control, HOST_DIRECTORY).some(ruleFileExists)) return undefined
  const { loadRules } = await import('../../../scan/rules/parse-rules.ts')
  return loadRules(control, HOST_DIRECTORY)
}
