import type { ScanSettings } from '../scanners/contract/scan-settings.ts'
import type { Scanner } from '../scanners/contract/scanner.ts'
import {
  clean,
  isUntolerated,
  type ScanResult,
  unread,
  worse,
} from '../scanners/findings/scan-result.ts'
import { runScanners, sampleOf } from '../scanners/run/run-scanners.ts'
import type { ScanPlan } from '../scanners/run/scan-plan.ts'
import { type Submission, submissionOf } from '../scanners/run/submission.ts'
import type { Trust } from '../stamps/verify-stamps.ts'
import type { ScanWith } from '../verdicts/copies/message-identity.ts'
import type { Deadline } from './context/deadline.ts'
import type { JudgeContext } from './context/judge-context.ts'
import type { JudgedMail } from './context/transaction.ts'
import { toleranceFor } from './decision/actions.ts'
import type { ScanOutcome } from './decision/decide.ts'
import { covers, isReleased } from './message-stamps.ts'

/**
 * Resolves to the result of the scanners that no stamp of the message covers, or to the cached verdict about a
 * copy. Stamps of scanners never replace those for bans. A message that an administrator has released is not scanned,
 * whatever this host would keep it for.
 */
export async function scanUncovered(
  mail: JudgedMail,
  context: JudgeContext,
  trust: Trust,
  deadline: Deadline,
): Promise<ScanOutcome> {
  const { config, tools } = context
  const { settings } = config
  if (isReleased(trust, mail, tools)) {
    return { result: RELEASE, scanners: [], notes: [], oddities: new Set() }
  }
  const scanners = tools.scanners.filter(
    (scanner) => scanner.hasBans || !covers(trust, scanner, settings),
  )
  const unscanned = ifSizeExceeds(mail.message.size, settings, scanners, trust)
  const submitted = submissionOf(mail.message, config.resultOnlyFor, settings)
  if (unscanned !== undefined && !submitted.isScannedAsSent) {
    return { result: unscanned, scanners: [], notes: [], oddities: new Set() }
  }
  const notes: string[] = []
  if (unscanned !== undefined && 'reason' in unscanned) notes.push(unscanned.reason)
  if (mail.alternative !== undefined)
    notes.push('scanned in two ways, since its body is itself a whole message')
  const submission: Submission = unscanned ? { ...submitted, readAs: 'nothing' } : submitted
  const plan: ScanPlan = {
    scanners,
    settings,
    spool: config.spool,
    submission,
    tolerance: toleranceFor(mail.client, config, submission),
    timeLeft: deadline.forScans(settings.timeout),
    gone: deadline.gone,
    progress: deadline.progress,
    note: (text) => void notes.push(text),
  }
  let oddities: ReadonlySet<string> = new Set()
  const scan = scanOf(mail, plan, (reported) => {
    oddities = reported
  })
  const found = tools.verdicts
    ? await tools.verdicts.find(mail, plan, scan)
    : { result: await scan(scanners) }
  return { ...found, scanners, notes, oddities }
}

/** Returns a scan of the message and, if it has one, of its alternative reading. The worse result applies. */
function scanOf(
  { message, outgoing, alternative, envelope, client: { origin } }: JudgedMail,
  plan: ScanPlan,
  onOddities: ScanPlan['onOddities'],
): ScanWith {
  const from = { envelope, origin }
  const { submission } = plan
  // Notes from a scan with another header do not apply to this message.
  const silent = { note: () => {} }
  return async (scanners, { header, ...more } = {}) => {
    const common = { ...plan, scanners, ...more }
    const listeners = header ? silent : { onOddities }
    const sample = sampleOf(message, header ?? outgoing, from, submission)
    const found = await runScanners(sample, { ...common, ...listeners })
    if (alternative === undefined || isUntolerated(found, plan.tolerance)) return found
    const other = sampleOf(alternative, alternative.header, from, submission)
    return worse(await runScanners(other, common), found)
  }
}

const RELEASE = unread('skipped', 'has the stamp of a release key')

/**
 * Returns the result of a message that is too small or too large to be scanned. A message scanned by another
 * host counts as scanned, regardless of the limits here.
 */
function ifSizeExceeds(
  size: number,
  { QHPSIMINSIZE, QHPSIMAXSIZE }: ScanSettings,
  scanners: readonly Scanner[],
  { isTrusted }: Trust,
): ScanResult | undefined {
  if (size >= QHPSIMINSIZE && size <= QHPSIMAXSIZE) return undefined
  if (isTrusted && scanners.every(({ hasBans }) => hasBans)) return clean
  const reason = size < QHPSIMINSIZE ? 'below QHPSIMINSIZE' : 'over QHPSIMAXSIZE'
  return unread('size', reason)
}
