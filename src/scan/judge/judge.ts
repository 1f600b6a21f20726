import { giveWay } from '../../lib/flow/give-way.ts'
import { withoutFields } from '../../mail/message/header-block.ts'
import { findSignaturesInUse } from '../scanners/shared/signatures-in-use.ts'
import type { JudgeContext } from './context.ts'
import type { Deadline } from './deadline.ts'
import { decide } from './decide.ts'
import { decideByHeader, fieldsToRemove } from './decide-by-header.ts'
import type { SingleDecision } from './decision.ts'
import { checkQuota } from './over-quota.ts'
import { inOwnWords } from './replies.ts'
import { scanUnvouched } from './scan-unvouched.ts'
import { stampScanned } from './stamp-scanned.ts'
import type { Transaction } from './transaction.ts'
import { verifyTrust } from './trust.ts'

/**
 * Judges a message, step by step: can its header be edited; does a recipient have room for it; which
 * stamps hold; which fields are removed; is the verdict about a copy known, or what do the scanners say
 * that no stamp makes unnecessary; which stamp does it get; what becomes of it. The message that is
 * scanned and stamped is the one that will leave, except the fields that are added on top of it.
 *
 * The judgement remembers verdicts and which mailboxes have room, and has no other effect: the door carries the
 * decision out.
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
  const letOthers = () => giveWay(message.header.length)
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

  const trust = verifyTrust(transaction, config, tools)
  times.verify = lap()
  await letOthers()

  const remove = fieldsToRemove(message.header, trust, config)
  const mail = { ...transaction, leaving: withoutFields(message.header, remove) }

  // Signatures that scanners load during the scan may have come too late for this message.
  const files = config.cluster && tools.signatureFiles()
  const signatures = await findSignaturesInUse(tools.scanners, files, tools.now())
  const scanned = await scanUnvouched(mail, { config, tools }, trust, deadline)
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

/** Returns a function that tells the milliseconds since its last call. */
function createStopwatch(uptime: () => number): () => number {
  let last = uptime()
  return () => {
    const lap = uptime() - last
    last += lap
    return lap
  }
}
