import { readUptime } from '../../../../base/flow/uptime.ts'
import type { Environment } from '../../../../base/process/environment.ts'
import { NO_EDITS } from '../../../../mail/message/header-block.ts'
import { readSpoolSettings } from '../../../../mail/message/spool.ts'
import { checkQuota, isQuotaChecked } from '../../../scan/judge/over-quota.ts'
import type { QuotaSettings } from '../../../scan/quota/quota-settings.ts'
import { openSlotQuota } from './load-context.ts'
import { readCaller, receiveTransaction } from './receive.ts'
import {
  carryOutStandalone,
  executeNext,
  passThrough,
  type SlotContext,
} from './standalone-carry-out.ts'

/**
 * Checks quotas although nothing is scanned. The message is kept meanwhile. It is deferred if all recipients
 * are over quota, and otherwise passes byte for byte. Resolves to the exit code, unless this process executed
 * the next program.
 */
export async function passUnscanned(
  settings: QuotaSettings,
  reason: string,
  env: Environment,
  context: Omit<SlotContext, 'directory'>,
): Promise<number> {
  const { slotLog } = context
  if (!isQuotaChecked(readCaller(env), settings)) return passThrough(context, reason)
  const spool = readSpoolSettings(env)
  const quota = await openSlotQuota(settings)
  const transaction = receiveTransaction({ spool }, env)
  const { message, envelope, client } = transaction
  slotLog.transaction = transaction
  const mail = { envelope, client, size: message.size }
  const { defer, remark } = await checkQuota(mail, quota, readUptime)
  quota.close()
  const ending = { ...context, directory: spool.directory }
  if (defer !== undefined) return carryOutStandalone(defer, transaction, ending)
  return executeNext({ message, edits: NO_EDITS, envelope }, ending, () =>
    slotLog.passed(remark ? `${reason}; ${remark}` : reason),
  )
}
