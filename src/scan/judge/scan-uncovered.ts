import type { ScanSettings } from '../scanners/contract/scan-settings.ts'
import type { Scanner } from '../scanners/contract/scanner.ts'
import { clean, type ScanResult, unread } from '../scanners/findings/scan-result.ts'
import type { Trust } from '../stamps/verify.ts'
import type { Deadline } from './context/deadline.ts'
import type { JudgeContext } from './context/judge-context.ts'
import { stepsByAddress } from './context/steps-by-address.ts'
import type { JudgedMail } from './context/transaction.ts'
import type { ScanOutcome } from './decision/outcome.ts'
import { MessageScans, type ScanPlan } from './message-scans.ts'
import { covers, isReleased } from './stamp-coverage.ts'

/**
 * Resolves to the result of the scanners that no stamp of the message covers, or to the cached verdict about a
 * copy. Stamps never replace scanners of local policy: a released message skips the others,
 * and is still kept out if this host's own policy requires it.
 */
export async function scanUncovered(
  mail: JudgedMail,
  context: JudgeContext,
  trust: Trust,
  deadline: Deadline,
): Promise<ScanOutcome> {
  const plan = planScan(mail, context, trust)
  if (plan.unscanned !== undefined && !plan.steps.scansRaw) {
    return { result: plan.unscanned, scanners: [], notes: [], oddities: new Set() }
  }
  const scans = new MessageScans(mail, context, plan, deadline)
  const found = await scans.cachedOrScanned()
  const result = plan.isExempt && found.result.answer === 'clean' ? RELEASE : found.result
  const { notes, oddities } = scans
  return { ...found, result, scanners: plan.scanners, notes, oddities }
}

/** Returns which scanners a message needs, and the result without a scan if it needs none. */
function planScan(mail: JudgedMail, { config, tools }: JudgeContext, trust: Trust): ScanPlan {
  const { message } = mail
  const { settings } = config
  const isExempt = isReleased(trust, mail, tools)
  const scanners = tools.scanners.filter(
    (scanner) => scanner.isPolicy || !(isExempt || covers(trust, scanner, settings)),
  )
  const unscanned = isExempt
    ? unlessPolicyInspects(scanners, settings)
    : ifSizeExceeds(message.size, settings, scanners, trust)
  return { isExempt, scanners, unscanned, steps: stepsByAddress(message, config) }
}

const RELEASE = unread('skipped', 'released from quarantine')

/** Returns the result of a released message, if this host's own policy requires no scan. */
function unlessPolicyInspects(
  policies: readonly Scanner[],
  { STRICTMIME }: ScanSettings,
): ScanResult | undefined {
  return policies.length === 0 && STRICTMIME === 'off' ? RELEASE : undefined
}

/**
 * Returns the result of a message that is too small or too large to be scanned. A message scanned by another
 * host counts as scanned, regardless of the limits here.
 */
function ifSizeExceeds(
  size: number,
  { QHPSIMINSIZE, QHPSIMAXSIZE }: ScanSettings,
  scanners: readonly Scanner[],
  { trusted }: Trust,
): ScanResult | undefined {
  if (size >= QHPSIMINSIZE && size <= QHPSIMAXSIZE) return undefined
  if (trusted && scanners.every(({ isPolicy }) => isPolicy)) return clean
  const why = size < QHPSIMINSIZE ? 'below QHPSIMINSIZE' : 'over QHPSIMAXSIZE'
  return unread('size', why)
}
