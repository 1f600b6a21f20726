import { yieldAfter } from '../../../base/flow/event-loop.ts'
import { withoutFields } from '../../../mail/message/header-block.ts'
import { findSignaturesInUse } from '../scanners/signatures/signatures-in-use.ts'
import type { Deadline } from './context/deadline.ts'
import type { JudgeContext } from './context/judge-context.ts'
import type { Transaction } from './context/transaction.ts'
import { decide } from './decision/decide.ts'
import { decideByHeader } from './decision/decide-by-header.ts'
import type { SingleDecision } from './decision/decision.ts'
import { fieldsToRemove } from './decision/fields-to-remove.ts'
import { inOwnWords } from './decision/own-text.ts'
import { stampScanned, verifyTrust } from './message-stamps.ts'
import { checkQuota } from './over-quota.ts'
import { scanUncovered } from './scan-uncovered.ts'

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
 * of it. The function caches verdicts and which mailboxes have room, and has no other effect: the door
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
  await yieldAfter(message.header.length)
  const { stage, times } = createStages(message.header.length, tools.uptime)

  const { quota: lookup, uptime } = tools
  const announced = { envelope, client, size: message.size }
  const quota = lookup && (await stage('quota', () => checkQuota(announced, lookup, uptime)))
  if (quota?.defer !== undefined) return quota.defer

  if (config.cluster || tools.verdicts) await tools.lookForSignatures?.()
  const trust = await stage('verify', () => verifyTrust(transaction, config, tools))

  const remove = fieldsToRemove(message.header, trust, config)
  const mail = { ...transaction, outgoing: withoutFields(message.header, remove) }

  // Scanners may load new signatures during the scan, too late for this message.
  const files = config.cluster && tools.signatureFiles()
  const signatures = await findSignaturesInUse(tools.scanners, files, tools.now())
  const scanned = await stage('scan', () => scanUncovered(mail, { config, tools }, trust, deadline))

  const { stamp, notes } = await stage('sign', () =>
    stampScanned(mail, config, tools, scanned, signatures),
  )

  const decision = decide(transaction, config, {
    ...scanned,
    notes: [
      ...config.remarks,
      transaction.remark,
      quota?.remark,
      ...scanned.notes,
      ...notes,
    ].filter((note) => note !== undefined),
    trust,
    stamp,
    remove,
    times,
    now: Math.floor(tools.now() / 1000),
  })
  return inOwnWords(decision, config.settings, client.origin?.queueId)
}

interface Stages {
  /** Runs a stage, notes the milliseconds since the end of the one before, and then lets other mail continue. */
  stage<Result>(name: string, run: () => Result | Promise<Result>): Promise<Result>
  /** Milliseconds per stage. */
  readonly times: Readonly<Record<string, number>>
}

/** Each stage reads the header once, which may be 1 MiB: `headerLength` bytes. */
function createStages(headerLength: number, uptime: () => number): Stages {
  const times: Record<string, number> = {}
  let last = uptime()
  return {
    times,
    async stage(name, run) {
      const result = await run()
      const now = uptime()
      times[name] = now - last
      last = now
      await yieldAfter(headerLength)
      return result
    },
  }
}
