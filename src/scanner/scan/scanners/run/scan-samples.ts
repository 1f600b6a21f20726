import { errorText, type FaultKind, isFault } from '../../../../base/errors/fault.ts'
import { ABORTED, TIMED_OUT, unlessAborted, withTimeout } from '../../../../base/flow/timeout.ts'
import { withNamedCopy } from '../../../../mail/message/named-copy.ts'
import {
  type BanScanner,
  type ContentSample,
  type ContentScanner,
  type Sample,
  type Scanner,
  type ScannerCall,
  unansweredBy,
} from '../contract/scanner.ts'
import {
  causeOf,
  infected,
  isUntolerated,
  type ScanResult,
  type UnreadResult,
  unknown,
} from '../findings/scan-result.ts'
import { Lease } from './lease.ts'
import type { RunningScan, Scan } from './scan-plan.ts'

/** Faults for which no scanner is to blame. */
const NOT_BY_SCANNER: readonly FaultKind[] = ['temp-file', 'write', 'config']

/** Milliseconds in which a scanner must end its work after the signal was aborted. */
const ABORTED_SCAN_WAIT = 1000

/**
 * Submits the samples to each scanner. A scanner for bans answers by its inspection when a whole message is scanned,
 * which is the last sample. Resolves to the result that ends the scan, of the first scanner that gives one, or to that of
 * the bytes as they were sent, if these are not clean.
 */
export async function scanSamples(
  samples: readonly Sample[],
  scan: Scan,
): Promise<ScanResult | undefined> {
  const last = samples.at(-1)
  if (last === undefined) return undefined
  const asSent = await scan.asSent?.result // if it is clean, clamd skips what the samples have of it
  if (asSent !== undefined && asSent.answer !== 'clean') return asSent
  await scan.run.giveWay()
  for (const scanner of scan.run.scanners) {
    const result = scanner.hasBans
      ? concludeInspection(scanner, last, scan)
      : await scanAll(scanner, notYetScannedBy(scanner, samples, scan), scan)
    if (result !== undefined) return result
  }
  return undefined
}

/**
 * Returns the samples that the scanner has not scanned yet. It has scanned the bytes of a message as they
 * were sent. They contain nothing new below TOP_LINE if the scanner treated them as a mail then, or if no
 * scanner would.
 */
function notYetScannedBy(
  scanner: ContentScanner,
  samples: readonly Sample[],
  { run }: Scan,
): readonly Sample[] {
  const last = samples.at(-1)!
  const raw = last.kind === 'message' ? last.raw : undefined
  if (raw === undefined || scanner.treatsAsMail === undefined) return samples
  const hasSeen = !run.submission.hasMailForm || scanner.treatsAsMail(raw.bytes)
  return hasSeen ? samples.slice(0, -1) : samples
}

function concludeInspection(
  scanner: BanScanner,
  { kind }: Sample,
  { results, inspections }: Scan,
): ScanResult | undefined {
  const answer = kind === 'content' ? undefined : inspections.answerOf(scanner)
  return answer && results.record(withScannerName(scanner, answer))
}

/**
 * Scans the samples together, if the scanner can, and each separately if the result for all of them does not end the
 * scan.
 */
async function scanAll(
  scanner: ContentScanner,
  samples: readonly Sample[],
  scan: Scan,
): Promise<ScanResult | undefined> {
  const { run, results } = scan
  if (samples.length > 1 && scanner.scanTogether) {
    const ofAll = await scanLeased(scanner, samples, run, (leased) =>
      scanner.scanTogether!(leased, run),
    )
    const hidesOthers = run.tolerance.toleratesLimits && ofAll.answer === 'unknown'
    if (!mayPostpone(ofAll, scan) && !isAboutUnpacked(ofAll) && !hidesOthers) {
      const result = results.record(ofAll)
      // A scanner reports its first finding in several samples, which may hide the others.
      if (result !== undefined || ofAll.answer !== 'infected') return result
    }
  }
  for (const sample of samples) {
    const result = await conclude(await scanWith(scanner, sample, run), sample, scanner, scan)
    if (result !== undefined) return result
  }
  return undefined
}

/**
 * Resolves to the result if the answer about one sample ends the scan, and otherwise to undefined. A limit ends
 * it only if the scanner does not report the bytes as a clean text. The scanner may have counted messages in
 * bytes that are text to all readers, and each content that some reader sees there is submitted separately. If
 * the limit is the unpacked size, the packed files are submitted.
 */
async function conclude(
  result: ScanResult,
  sample: Sample,
  scanner: ContentScanner,
  scan: Scan,
): Promise<ScanResult | undefined> {
  const { results, run } = scan
  if (sample.kind === 'raw') return results.record(withScannerName(scanner, asAlert(result)))
  if (isAboutUnpacked(result)) {
    if (await isTooLargeByItself(sample, scanner, scan)) {
      return results.record({ ...result, kind: 'size' })
    }
    if (sample.kind === 'content') return scanInside(result, sample, scanner, scan)
  }
  if (!mayPostpone(result, scan)) return results.record(result)
  const { asPlainText } = await import('./as-plain-text.ts')
  const asText = await asPlainText(sample, run, (text) => scanWith(scanner, text, run))
  if (asText?.answer === 'clean') {
    results.postponeLimit(result)
    return undefined
  }
  const found = asText?.answer === 'infected' && results.record(asText)
  return found || results.record(result)
}

/**
 * Resolves to whether the size of the sample alone exceeds the scanner's limit, whatever its bytes are.
 * Otherwise the sample exceeds the limit only when it is unpacked.
 */
async function isTooLargeByItself(
  { bytes: { size }, envelope, origin }: Sample,
  scanner: ContentScanner,
  { run }: Scan,
): Promise<boolean> {
  const { Zeros } = await import('./look-inside.ts')
  const bytes = new Zeros(size)
  const result = await withNamedCopy(bytes, run.spool, (file) =>
    scanWith(scanner, { kind: 'message', bytes, envelope, origin, file }, run),
  )
  return result.answer === 'unread'
}

/** Scans the packed files of a content that the scanner has not fully read. */
async function scanInside(
  limited: UnreadResult,
  sample: ContentSample,
  scanner: ContentScanner,
  scan: Scan,
): Promise<ScanResult | undefined> {
  const { run, results } = scan
  const { lookInside } = await import('./look-inside.ts')
  const result = await lookInside(
    sample,
    scan,
    (inside) => scanWith(scanner, inside, run),
    (found) => results.record(found),
  )
  if (result === 'unread') return results.record(limited)
  if (result !== 'all') return result
  run.note(`${limited.reason}, but each file in it is clean`)
  return undefined
}

/**
 * Returns whether this is a limit other than size, which onescan's own reading of the contents may
 * compensate.
 */
function mayPostpone(result: ScanResult, { run }: Scan): result is UnreadResult {
  if (result.answer !== 'unread' || result.kind === 'size') return false
  return run.settings.SECONDLOOK === 'always'
}

/** A limit that a scanner reports as if it were a virus, as a virus. */
function asAlert(result: ScanResult): ScanResult {
  const isAlert = result.answer === 'unread' || result.answer === 'unknown'
  return isAlert && result.alert !== undefined ? infected(result.alert) : result
}

function isAboutUnpacked(result: ScanResult): result is UnreadResult {
  return result.answer === 'unread' && result.kind === 'unpacked'
}

/** Scans a sample with one scanner. Rejects as scanLeased() does. */
async function scanWith(
  scanner: ContentScanner,
  sample: Sample,
  task: RunningScan,
): Promise<ScanResult> {
  await task.giveWay()
  return scanLeased(scanner, [sample], task, ([leased]) => scanner.scan(leased!, task))
}

/**
 * Has a scanner scan samples, which it may use until it has answered. Rejects with a Fault if onescan's own spool
 * fails. Also rejects if the scanner may have opened another file than it was given and has no finding that counts:
 * such an answer is not valid.
 */
async function scanLeased(
  scanner: ContentScanner,
  samples: readonly Sample[],
  task: ScannerCall,
  scan: (leased: readonly Sample[]) => Promise<ScanResult>,
): Promise<ScanResult> {
  const lease = new Lease()
  const leased = samples.map((sample) => lease.of(sample))
  const result = await answerOf(() => scan(leased), task).finally(() => lease.revoke())
  const named = withScannerName(scanner, result)
  if (result.answer === 'unknown') return named
  try {
    lease.confirmFiles()
    return named
  } catch (error) {
    if (!isUntolerated(named, task.tolerance)) throw error
    return { ...named, isUnconfirmed: true }
  }
}

/**
 * Resolves to the scanner's answer, or to *unknown* if it throws or exceeds its deadline. Rejects if that has
 * nothing to do with the scanner: the spool fails, or a setting is wrong. SCANFAIL does not apply then.
 */
async function answerOf(
  scan: () => Promise<ScanResult>,
  { signal }: ScannerCall,
): Promise<ScanResult> {
  try {
    const scanning = scan()
    const inTime = await unlessAborted(scanning, signal)
    if (inTime !== ABORTED) return inTime
    const result = await withTimeout(scanning, ABORTED_SCAN_WAIT)
    if (result !== TIMED_OUT) return result
    return unansweredBy(signal)
  } catch (error) {
    if (isFault(error) && NOT_BY_SCANNER.includes(error.kind)) throw error
    return unknown(errorText(error), causeOf(error))
  }
}

/** The result of this scanner, which the log and a reply name. */
export function withScannerName({ name }: Scanner, result: ScanResult): ScanResult {
  if (result.answer === 'clean') return result
  if (result.answer === 'infected') return { ...result, scanner: name }
  const reason = result.reason.includes(name) ? result.reason : `${name}: ${result.reason}`
  if (result.answer === 'unknown') return { ...result, reason }
  return { ...result, reason, limit: `the limits of ${name}` }
}
