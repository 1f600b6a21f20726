import type { LogEntry } from '../../ground/errors/log.ts'
import {
  type AnnouncedMail,
  answerForAll,
  deferOverQuota,
  quotaRemark,
} from '../../judge/over-quota.ts'
import { NOTHING_SCANS } from '../../judge/policy.ts'
import { Header } from '../../message/header-block.ts'
import type { TimedLookup } from '../../quota/ask/quota-answer.ts'
import { type ClientReplies, passOn, refuse } from './carry-out.ts'
import { leaveBouncesToTheCold } from './go-cold.ts'

/** Gets each line of the log. */
type LogLine = (line: Buffer) => void

/** No header is looked at here. */
const UNSEEN = new Header(Buffer.alloc(0))

/**
 * Nothing is scanned for this client: its message passes as it is, unless there is a service
 * to ask and all its recipients are over quota. `elapsed` is in milliseconds.
 */
export async function answerUnscanned(
  mail: AnnouncedMail & {
    readonly remote: string | undefined
    readonly peer: readonly LogEntry[]
    readonly told?: LogLine | undefined
  },
  quota: TimedLookup | undefined,
  reporting: ClientReplies,
  elapsed: () => number,
): Promise<Buffer> {
  const { envelope, remote, size, peer: door, told } = mail
  if (quota === undefined) {
    return passOn(NOTHING_SCANS, {
      door,
      remote,
      transaction: undefined,
      total: elapsed(),
      onLine: told,
    })
  }
  const began = elapsed()
  const answer = await answerForAll(mail, quota)
  const transaction = { message: { size, header: UNSEEN }, envelope }
  const about = { door, remote, transaction, total: elapsed(), told }
  if (answer?.answer !== 'full') {
    const remark = quotaRemark(answer)
    return passOn(remark ? `${NOTHING_SCANS}; ${remark}` : NOTHING_SCANS, about)
  }
  const decision = deferOverQuota(envelope, elapsed() - began)
  leaveBouncesToTheCold(decision, envelope, remote)
  return refuse(decision, reporting, about)
}
