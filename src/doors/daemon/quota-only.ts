import type { LogEntry } from '../../log.ts'
import { NOTHING_SCANS } from '../../policy/policy.ts'
import { type Addressed, areAllFull, putOff, type TimedLookup } from '../../quota/all-full.ts'
import { passOn, type Reporting, refuse } from './answer.ts'
import { leaveBouncesToTheCold } from './bounces.ts'

/** No header is looked at here. */
const UNSEEN = Buffer.alloc(0)

/**
 * Nothing scans for this client: its message passes as it is, unless there is somebody to
 * ask and all its recipients are over quota. `elapsed` is in milliseconds.
 */
export async function answerUnscanned(
  mail: Addressed & { readonly remote: string | undefined; readonly peer: readonly LogEntry[] },
  quota: TimedLookup | undefined,
  reporting: Reporting,
  elapsed: () => number,
): Promise<Buffer> {
  const { envelope, remote, size, peer: door } = mail
  if (quota === undefined) {
    return passOn(NOTHING_SCANS, { door, remote, transaction: undefined, total: elapsed() })
  }
  const began = elapsed()
  const { full, why } = await areAllFull(mail, quota)
  const transaction = { message: { size, header: UNSEEN }, envelope }
  const about = { door, remote, transaction, total: elapsed() }
  if (!full) return passOn(why === '' ? NOTHING_SCANS : `${NOTHING_SCANS}; ${why}`, about)
  const decision = putOff(envelope, elapsed() - began)
  leaveBouncesToTheCold(decision, envelope, remote)
  return refuse(decision, reporting, about)
}
