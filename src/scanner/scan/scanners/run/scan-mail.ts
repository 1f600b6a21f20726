import { withNamedCopy } from '../../../../mail/message/named-copy.ts'
import type { FormSet } from '../../../../mail/mime/index.ts'
import { isUntolerated, type ScanResult, unread } from '../findings/scan-result.ts'
import { Inspections } from './inspections.ts'
import { contentScannersOf, MailReading, measureDepth } from './mail-reading.ts'
import { ResultCollector } from './result-collector.ts'
import type { MailScan, ScanRun } from './scan-run.ts'
import { type ScanPass, scanSamples } from './scan-samples.ts'

/** Scans a message by its contents and as a whole, after a scan of its bytes with the result `before`. */
export async function scanMail(scan: MailScan, before: ScanResult): Promise<ScanResult> {
  const pass = await beginPass(scan)
  if (before.answer === 'infected') pass.results.record(before)
  const reading = new MailReading(pass)
  return conclude(pass, reading, await readAndScan(pass, reading))
}

/**
 * Scans a message, and leaves parts of the forms `extracted` to the scan of the whole. Resolves to `uncovered` if
 * that scan may not have seen them.
 */
export async function scanWithoutExtracted(
  scan: MailScan,
  extracted: FormSet,
): Promise<ScanResult | 'uncovered'> {
  const pass = await beginPass(scan)
  const reading = new MailReading(pass, extracted)
  const result = await readAndScan(pass, reading)
  const { omitted } = reading
  if (omitted > 0) {
    const decoder = contentScannersOf(scan.run)[0]!.decoder!
    // A scanner that was restarted may have looked at the whole by other settings.
    const isCovered =
      result === undefined
        ? pass.results.isAllClean && (await decoder.stillExtracts(extracted))
        : isFinal(result, scan.run)
    if (!isCovered) return 'uncovered'
    decoder.countOmitted(omitted)
  }
  return conclude(pass, reading, result)
}

async function beginPass(scan: MailScan): Promise<ScanPass> {
  const { message, run } = scan
  const inspections = await Inspections.begin(run.scanners, run)
  // If the signal ends it, the reading ends at its first step, too.
  if (message.raw) await inspections.inspectContent(message.raw.bytes, run.signal)
  return { ...scan, results: new ResultCollector(run.tolerance, run.note), inspections }
}

/**
 * Reads a message, as far as that is needed, and scans its contents and the whole. Resolves to the result that
 * ends the scan.
 */
async function readAndScan(pass: ScanPass, reading: MailReading): Promise<ScanResult | undefined> {
  const { inspections, run, results } = pass
  const { keepsOut } = run.tolerance
  const findsOddities = keepsOut.has('oddities') || keepsOut.has('encrypted')
  const mustRead = reading.scansContents || !inspections.isEmpty || findsOddities
  const ended = await (mustRead
    ? reading.read()
    : run.readAs === 'file'
      ? undefined
      : measureDepth(pass))
  const result = ended ?? (await scanWhole(pass, reading))
  return result ?? (results.hasToleratedFinding ? scanHidden(pass, reading) : undefined)
}

/**
 * Scans what a tolerated finding in the whole may hide: each content, if none was scanned yet, and what is in no
 * content.
 */
async function scanHidden(pass: ScanPass, reading: MailReading): Promise<ScanResult | undefined> {
  if (!reading.scansContents && contentScannersOf(pass.run).length > 0) {
    const found = (await reading.read(true)) ?? (await scanSamples(reading.batch.end(), pass))
    if (found !== undefined) return found
  }
  return reading.omitted === 0 ? scanRest(pass, reading) : undefined
}

function conclude(
  { results }: ScanPass,
  { scansContents, isToEnd }: MailReading,
  result: ScanResult | undefined,
): ScanResult {
  const found = result ?? results.conclude(isToEnd)
  const isPartial = scansContents && !isToEnd
  return found.answer === 'clean' && isPartial ? PARTLY_READ : found
}

/** Some mail program may read a part that no scanner can. */
const PARTLY_READ = unread('skipped', 'a part was not read')

/** Returns whether the scan may stop at this result. */
export function isFinal(found: ScanResult, { tolerance }: ScanRun): boolean {
  if (found.answer === 'infected') return isUntolerated(found, tolerance)
  const mayGoOn = found.answer !== 'unknown' || ['limit', 'scanner-error'].includes(found.cause)
  return !mayGoOn
}

/** Scans the waiting contents and the whole message: in one request, if they are small. */
async function scanWhole(
  pass: ScanPass,
  { batch, partList }: MailReading,
): Promise<ScanResult | undefined> {
  if (partList?.isCut) pass.run.note('too many attachment names; plugins get the first ones')
  const message = partList ? { ...pass.message, partList } : pass.message
  for (const samples of batch.endWith(message)) {
    const result = await scanSamples(samples, pass)
    if (result !== undefined) return result
  }
  return undefined
}

/**
 * Scans what is in no content: header, preamble and epilogue. A scanner names one thing in a whole message, and
 * what is tolerated may have hidden something there.
 */
async function scanRest(
  pass: ScanPass,
  { scannedRanges }: MailReading,
): Promise<ScanResult | undefined> {
  if (scannedRanges.length === 0) return undefined
  const { envelope, origin, bytes: whole } = pass.message
  const bytes = whole.without(scannedRanges)
  return withNamedCopy(bytes, pass.run.spool, (file) =>
    scanSamples([{ kind: 'message', bytes, envelope, origin, file }], pass),
  )
}
