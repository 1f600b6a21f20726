import { Header } from '../../mail/message/header-block.ts'
import {
  type AnnouncedMail,
  answerForAll,
  deferOverQuota,
  quotaRemark,
} from '../../scan/judge/over-quota.ts'
import { NOTHING_SCANS } from '../../scan/judge/policy.ts'
import type { TimedLookup } from '../../scan/quota/quota-answer.ts'
import type { LogContext } from '../shared/log/log-lines.ts'
import { type ClientReplies, passOn, refuse } from './carry-out.ts'

/** Stands for the header of a message that nobody looks at. */
const NO_HEADER = new Header(Buffer.alloc(0))

/**
 * Answers a client for which nothing is scanned. Its message passes as it is, unless a service for
 * quotas is asked and all recipients are over quota. `log` returns what every log line says at the
 * moment of the call.
 */
export async function answerUnscanned(
  mail: AnnouncedMail,
  quota: TimedLookup | undefined,
  replies: ClientReplies,
  log: () => LogContext,
): Promise<Buffer> {
  if (quota === undefined) return passOn(NOTHING_SCANS, log())
  const { envelope, size } = mail
  const began = log()
  const answer = await answerForAll(mail, quota)
  const answered = { ...log(), transaction: { message: { size, header: NO_HEADER }, envelope } }
  if (answer?.answer !== 'full') {
    const remark = quotaRemark(answer)
    return passOn(remark ? `${NOTHING_SCANS}; ${remark}` : NOTHING_SCANS, answered)
  }
  const decision = deferOverQuota(envelope, answered.total - began.total)
  return refuse(decision, replies, answered)
}
