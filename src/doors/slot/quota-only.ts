import { replaceProcess } from '../../ground/process/execute.ts'
import type { Environment } from '../../ground/settings/settings.ts'
import { readSpoolPolicy } from '../../mail/message/spool.ts'
import {
  answerForAll,
  deferOverQuota,
  isAskedAbout,
  quotaRemark,
} from '../../scan/judge/over-quota.ts'
import type { QuotaSettings } from '../../scan/quota/quota-settings.ts'
import { report } from '../shared/replies/error-report.ts'
import { edited, fileOf, passThrough, type SlotContext } from './carry-out.ts'
import { checkChain } from './chain.ts'
import { readCaller, receiveTransaction } from './receive.ts'

/**
 * Asks a service for quotas although nothing is scanned. The message is kept meanwhile. It is
 * deferred if all recipients are over quota, and otherwise passes byte for byte. Resolves with the
 * exit code, unless this process became the next program.
 */
export async function passUnscanned(
  settings: QuotaSettings,
  why: string,
  env: Environment,
  { chain, errorReport, slotLog }: Omit<SlotContext, 'policy'>,
): Promise<number> {
  const client = readCaller(env)
  if (!isAskedAbout(client, settings)) return passThrough(chain, slotLog, why)
  const policy = readSpoolPolicy(env)
  const { openQuotaClient } = await import('../../scan/quota/quota-client.ts')
  const quota = openQuotaClient(settings, () => {}) // the slot's line says what the answer was
  const { message, envelope } = receiveTransaction({ policy }, env)
  slotLog.transaction = { message, envelope }
  const began = process.hrtime.bigint()
  const answer = await answerForAll({ envelope, client, size: message.size }, quota)
  await quota.settled()
  quota.close()
  if (answer?.answer === 'full') {
    const decision = deferOverQuota(envelope, Number(process.hrtime.bigint() - began) / 1e6)
    const code = report(decision.reply, errorReport)
    slotLog.decided(decision, code)
    return code
  }
  checkChain(chain, chain.self)
  const messageFile = fileOf(edited(message, { remove: [], add: [] }), policy.directory)
  const envelopeFile = fileOf([envelope.wire], policy.directory)
  const remark = quotaRemark(answer)
  slotLog.passed(remark ? `${why}; ${remark}` : why)
  return replaceProcess({ ...chain, inputs: [messageFile, envelopeFile] })
}
