import { loadCrypto } from '../../ground/runtime/crypto.ts'
import { DEFAULT_DATABASE } from '../../ground/settings/table/scanning.ts'
import type { Policy } from '../../scan/judge/policy.ts'
import type { Tools } from '../../scan/judge/tools.ts'
import type { TimedLookup } from '../../scan/quota/quota-answer.ts'
import type { QuotaClient } from '../../scan/quota/quota-client.ts'
import type { QuotaSettings } from '../../scan/quota/quota-settings.ts'
import { makeScanners } from '../../scan/scanners/scanners.ts'
import { readSignatureFiles } from '../../scan/scanners/shared/signatures.ts'
import type { LogSink } from '../shared/log/log-sink.ts'

export interface SlotTools extends Tools {
  /** Its `settled` and `close` are called before this process becomes the next program. */
  readonly quota?: Pick<QuotaClient, keyof TimedLookup | 'close' | 'settled'> | undefined
}

/** Loads what this policy needs, and nothing else, because each module costs time at the start. */
export async function prepareTools(policy: Policy, log: LogSink): Promise<SlotTools> {
  const { cluster, quota, settings } = policy
  const database = settings.CLAMDBDIR ?? DEFAULT_DATABASE
  return {
    scanners: await makeScanners(settings, { relay: log.relay }),
    crypto: cluster && (await loadCrypto()),
    signatureFiles: once(() => cluster && readSignatureFiles(database, Date.now())),
    now: Date.now,
    uptime,
    quota: quota && (await openLookup(quota)),
  }
}

async function openLookup(settings: QuotaSettings): Promise<SlotTools['quota']> {
  const { openQuotaClient } = await import('../../scan/quota/quota-client.ts')
  return openQuotaClient(settings, () => {}) // the slot's line says what the answer was
}

/** Milliseconds on the monotonic clock, as performance.now(), which takes longer to load. */
function uptime(): number {
  const [seconds, nanoseconds] = process.hrtime()
  return seconds * 1000 + nanoseconds / 1e6
}

function once<Value>(compute: () => Value): () => Value {
  let computed: { value: Value } | undefined
  return () => {
    computed ??= { value: compute() }
    return computed.value
  }
}
