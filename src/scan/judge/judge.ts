import { yieldAfter } from '../../lib/flow/event-loop.ts'
import { withoutFields } from '../../mail/message/header-block.ts'
import { findSignaturesInUse } from '../scanners/signatures/signatures-in-use.ts'
import type { Deadline } from './context/deadline.ts'
import type { JudgeContext } from './context/judge-context.ts'
import type { Transaction } from './context/transaction.ts'
import { decide } from './decision/decide.ts'
import { decideByHeader, fieldsToRemove } from './decision/decide-by-header.ts'
import type { SingleDecision } from './decision/decision.ts'
import { inOwnWords } from './decision/replies.ts'
import { checkQuota } from './over-quota.ts'
import { scanUncovered } from './scan-uncovered.ts'
import { verifyTrust } from './stamp-coverage.ts'
import { stampScanned } from './stamp-scanned.ts'

/**
 * Resolves to the decision about a message. The steps are:
 *
 * 1. Can its header be edited?
 * 2. Does a recipient have room for it?
 * 3. Which stamps are valid?
 * 4. Which fields are removed?
 * 5. Is the verdict on a copy cached? If not, the scanners that no stamp makes unnecessary are asked.
 * 6. Which stamp does the message get?
 * 7. The decision is made.
 *
 * The message that is scanned and stamped is the one that will leave, except the fields that are added on top
 * of it. The function caches verdicts and which mailboxes have room, and has no other effect: the interface
 * carries the decision out.
 */
export async function judge(
  transaction: Transaction,
  { config, tools }: JudgeContext,
  deadline: Deadline,
): Promise<SingleDecision> {
  const { message, envelope, client } = transaction
  const byHeader = await decideByHeader(transaction, config)
  if (byHeader !== undefined) return byHeader
  // Each stage reads the header once, which may be 1 MiB.
  const letOthers = () => yieldAfter(message.header.length)
  await letOthers()

  const notes = config.remark === '' ? [] : [config.remark]
  const times: Record<string, number> = {}
  const lap = createStopwatch(tools.uptime)
  if (tools.quota) {
    const mail = { envelope, client, size: message.size }
    const { defer, remark } = await checkQuota(mail, tools.quota, tools.uptime)
    if (defer !== undefined) return defer
    times.quota = lap()
    if (remark !== undefined) notes.push(remark)
  }

  if (config.cluster || tools.verdicts) await tools.lookForSignatures?.()
  const trust = verifyTrust(transaction, config, tools)
  times.verify = lap()
  await letOthers()

  const remove = fieldsToRemove(message.header, trust, config)
  const mail = { ...transaction, outgoing: withoutFields(message.header, remove) }

  // Scanners may load new signatures during the scan, too late for this message.
  const files = config.cluster && tools.signatureFiles()
  const signatures = await findSignaturesInUse(tools.scanners, files, tools.now())
  const scanned = await scanUncovered(mail, { config, tools }, trust, deadline)
  times.scan = lap()

  await letOthers()
  const { stamp, notes: stampNotes } = await stampScanned(mail, config, tools, scanned, signatures)
  times.sign = lap()
  await letOthers()

  const decision = decide(transaction, config, {
    ...scanned,
    notes: [...notes, ...scanned.notes, ...stampNotes],
    trust,
    stamp,
    remove,
    times,
    now: Math.floor(tools.now() / 1000),
  })
  return inOwnWords(decision, config.settings, client.origin?.queueId)
}

/** Returns a function that returns the milliseconds since its last call. */
function createStopwatch(uptime: () => number): () => number {
  let last = uptime()
  return () => {
    const lap = uptime() - last
    last += lap
    return lap
  }
}
