import type { Header } from '../../mail/message/header-block.ts'
import type { ScanSettings } from '../scanners/contract/scan-settings.ts'
import type { Scanner } from '../scanners/contract/scanner.ts'
import { clean, type ScanResult, unseen, worse } from '../scanners/findings/scan-result.ts'
import { runScanners, sampleOf } from '../scanners/run/run-scanners.ts'
import type { Trust } from '../stamps/verify.ts'
import type { KnownOrScanned, RunScanners } from '../verdicts/copies/verdict-query.ts'
import { covers, isReleased } from './by-stamp.ts'
import type { JudgeContext } from './context.ts'
import type { Deadline } from './deadline.ts'
import type { Transaction } from './transaction.ts'
import { isPassedOverBy, strictnessFor, whatKeepsOut } from './treatment.ts'
import { treatmentByAddress } from './treatment-by-address.ts'

/** A transaction, and the header of its message without the fields that are removed. */
export interface JudgedMail extends Transaction {
  readonly outgoing: Header
}

/** The result of the scanners, or the cached verdict on a copy, with notes for the log. */
export interface ScanOutcome extends KnownOrScanned {
  /** The scanners whose result it is, in their order. */
  readonly scanners: readonly Scanner[]
  readonly notes: readonly string[]
  /** The oddities of the message (mail/mime/traits/oddities.ts), if it was read for them. */
  readonly oddities: ReadonlySet<string>
}

/**
 * Resolves to the result of the scanners that no stamp of the message covers, or to the cached verdict about a
 * copy. Stamps never replace scanners of local policy: a released message skips the others,
 * and is still kept out if this host's own policy requires it.
 */
export async function scanUncovered(
  mail: JudgedMail,
  { config, tools }: JudgeContext,
  trust: Trust,
  deadline: Deadline,
): Promise<ScanOutcome> {
  const { message, envelope, client, outgoing, alternative } = mail
  const { settings, cluster } = config
  const counts = treatmentByAddress(message, config)
  const isExempt = isReleased(trust, mail, tools)
  const scanners = tools.scanners.filter(
    (scanner) => scanner.local || !(isExempt || covers(trust, scanner, settings)),
  )
  const unasked = isExempt
    ? ifNothingIsLocal(scanners, settings)
    : ifSizeExceeds(message.size, settings, scanners, trust)
  if (unasked !== undefined && !counts.asSent) {
    return { result: unasked, scanners: [], notes: [], oddities: new Set() }
  }

  const notes: string[] = []
  let oddities: ReadonlySet<string> = new Set()
  const isPassedOver = isPassedOverBy(config)
  const strictness = strictnessFor(config)
  const keepsOut = whatKeepsOut(client, settings, counts)
  const timeLeft = deadline.forScans(settings.timeout)
  const { gone, progress } = deadline
  if (unasked !== undefined && 'why' in unasked) notes.push(unasked.why)
  const note = (text: string) => void notes.push(text)
  if (alternative !== undefined) note('read in two ways: the body is a whole message')
  const onResult = {
    note,
    passLimit: counts.limits ? undefined : (why: string) => note(`passed over in a file: ${why}`),
    odd: (found: ReadonlySet<string>) => {
      oddities = found
    },
  }
  const { origin } = client
  const how = {
    settings,
    spool: config.spool,
    keepsOut,
    isPassedOver,
    strictness,
    uptime: tools.uptime,
    gone,
    progress,
    asSentAlone: unasked !== undefined,
  }
  const run: RunScanners = async (those, { header, ...more } = {}) => {
    const by = { ...how, scanners: those, ...more }
    const sample = sampleOf(message, header ?? outgoing, {
      envelope,
      origin,
      asSent: counts.asSent,
    })
    // Notes from a scan with another header do not apply to this message.
    const listeners = header === undefined ? onResult : { note: () => {} }
    const found = await runScanners(sample, { ...by, ...listeners, timeout: timeLeft() })
    if (alternative === undefined || (found.answer === 'infected' && !isPassedOver?.(found)))
      return found
    const other = sampleOf(alternative, alternative.header, { envelope, origin })
    return worse(await runScanners(other, { ...by, note, timeout: timeLeft() }), found)
  }
  const query = {
    message,
    isByBytes: !counts.asMail,
    outgoing,
    scanners,
    settings,
    timeLeft,
    gone,
    isPassedOver,
    // This host makes no stamp that is older than the cluster accepts.
    maxAge: cluster?.CLUSTERMAXAGE ?? Number.POSITIVE_INFINITY,
  }
  const found: KnownOrScanned = tools.verdicts
    ? await tools.verdicts.find(query, run)
    : { result: await run(scanners) }
  const result = isExempt && found.result.answer === 'clean' ? RELEASE : found.result
  return { ...found, result, scanners, notes, oddities }
}

const RELEASE = unseen('skipped', 'released from quarantine')

/** Returns the result of a released message, if this host's own policy requires no scan. */
function ifNothingIsLocal(
  local: readonly Scanner[],
  { STRICTMIME }: ScanSettings,
): ScanResult | undefined {
  return local.length === 0 && STRICTMIME === 'off' ? RELEASE : undefined
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
  if (trusted && scanners.every(({ local }) => local)) return clean
  const why = size < QHPSIMINSIZE ? 'below QHPSIMINSIZE' : 'over QHPSIMAXSIZE'
  return unseen('size', why)
}
