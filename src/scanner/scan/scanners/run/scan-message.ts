import { withNamedCopy } from '../../../../mail/message/named-copy.ts'
import type { MessageSample, RawSample, Unfiled } from '../contract/scanner.ts'
import { isUntolerated, type ScanResult, unread, worse } from '../findings/scan-result.ts'
import { Inspections } from './inspections.ts'
import { contentScannersOf, extractsFrom, MailReading } from './mail-reading.ts'
import { ResultCollector } from './result-collector.ts'
import { ScanAsSent } from './scan-as-sent.ts'
import type { RunningScan, Scan, ScanPlan } from './scan-plan.ts'
import { scanSamples } from './scan-samples.ts'

/**
 * Scans a message whose permits are held. This is the order:
 *
 * 1. The bytes of a client's request as they were sent. A finding in them stays, whatever the reading of the message finds,
 *    which can only add findings.
 * 2. The message, read once: see scanContentsAndWhole(). Parts that the one scanner extracts itself are left to its scan of
 *    the whole.
 * 3. The same with these parts, unless the scan of the whole was clean or found something that ends the scan.
 *
 * The message is read during step 1. Nothing of it is submitted before that has ended. If the bytes are not clean, the
 * reading ends, and begins again if the scan goes on.
 */
export async function scanMessage(message: MessageSample, run: RunningScan): Promise<ScanResult> {
  const { raw } = message
  if (raw === undefined) {
    return scanAsRead(message, run, { isExtracted: extractsFrom(run, message.bytes) })
  }
  if (run.submission.readAs === 'nothing') {
    const sent = await scanAsSent(raw, message, run)
    return sent.answer === 'clean' ? AS_FILE : sent
  }
  const { sent, read } = await scanWhileReading(raw, message, run)
  if (isFinal(sent, run)) {
    run.onOddities?.(new Set()) // the reading may have found some, or not have come to them
    return sent
  }
  if (sent.answer === 'clean') {
    if (read.status === 'rejected') throw read.reason
    return read.value
  }
  const scan = await beginScan(message, run)
  if (sent.answer === 'infected') scan.results.record(sent)
  const reading = new MailReading(scan)
  return worse(conclude(scan, reading, await scanContentsAndWhole(scan, reading)), sent)
}

/**
 * Scans the bytes of a request as they were sent, and reads the message meanwhile. Resolves when both have ended, or
 * rejects as that scan does.
 */
async function scanWhileReading(
  raw: Unfiled<RawSample>,
  message: MessageSample,
  run: RunningScan,
): Promise<{
  readonly sent: ScanResult
  readonly read: PromiseSettledResult<ScanResult>
}> {
  const isExtracted = extractsFrom(run, raw.bytes)
  const endKeeping = run.keepPermits()
  const asSent = new ScanAsSent(scanAsSent(raw, message, run), endKeeping)
  // The request is sent before that.
  const reading = run.nextTurn().then(() => scanAsRead(message, run, { isExtracted, asSent }))
  const [sent, read] = await Promise.allSettled([asSent.result, reading])
  endKeeping()
  if (sent.status === 'rejected') throw sent.reason
  return { sent: sent.value, read }
}

/** Scans what is read of a message, and the whole. With `isExtracted`, parts that the scanner extracts are left to that. */
async function scanAsRead(
  message: MessageSample,
  run: RunningScan,
  { isExtracted, asSent }: { readonly isExtracted: boolean; readonly asSent?: ScanAsSent },
): Promise<ScanResult> {
  if (isExtracted) {
    const found = await scanWithoutExtracted(message, run, asSent)
    if (found !== 'uncovered') return found
  }
  const scan = await beginScan(message, run, asSent)
  const reading = new MailReading(scan)
  return conclude(scan, reading, await scanContentsAndWhole(scan, reading))
}

/**
 * Submits to the scanners each content as it is read, then the whole message, and then what a tolerated finding in it may
 * hide. If no scanner needs the contents, only the depth of the message is measured: scanners report a message that is nested
 * deeper than they read as clean. Resolves to the result that ends the scan.
 */
async function scanContentsAndWhole(
  scan: Scan,
  reading: MailReading,
): Promise<ScanResult | undefined> {
  let result = await scanContents(scan, reading, reading.scansContents)
  result ??= await scanWhole(scan, reading)
  if (result !== undefined || !scan.results.hasToleratedFinding) return result
  return scanHidden(scan, reading)
}

/** Submits all bytes of a request to the scanners, unchanged. */
async function scanAsSent(
  sample: Unfiled<RawSample>,
  message: MessageSample,
  run: RunningScan,
): Promise<ScanResult> {
  const results = new ResultCollector({ ...run.tolerance, toleratesLimits: false }, run.note)
  const scan = { message, run, results, inspections: new Inspections() }
  const result = await withNamedCopy(sample.bytes, run.spool, (file) =>
    scanSamples([{ ...sample, file }], scan),
  )
  return result ?? results.conclude(false)
}

/** The bytes were scanned, and no part of them. */
const AS_FILE = unread('skipped', 'scanned only as a file, without its parts')

/**
 * Scans a message, and leaves the parts that it covers to the scan of the whole. Resolves to `uncovered` if
 * that scan may not have seen them.
 */
async function scanWithoutExtracted(
  message: MessageSample,
  run: RunningScan,
  asSent: ScanAsSent | undefined,
): Promise<ScanResult | 'uncovered'> {
  const scan = await beginScan(message, run, asSent)
  const reading = new MailReading(scan, { leavesCovered: true })
  const result = await scanContentsAndWhole(scan, reading)
  const { omitted } = reading
  if (omitted > 0) {
    const decoder = contentScannersOf(run)[0]!.decoder!
    // A scanner that was restarted may have looked at the whole by other settings.
    const isCovered =
      result === undefined
        ? scan.results.isAllClean && (await decoder.stillExtracts())
        : isFinal(result, run) && !asSent?.endsReading
    if (!isCovered) return 'uncovered'
    decoder.countOmitted(omitted)
  }
  return conclude(scan, reading, result)
}

async function beginScan(
  message: MessageSample,
  run: RunningScan,
  asSent?: ScanAsSent,
): Promise<Scan> {
  const inspections = await Inspections.begin(run.scanners, run)
  // If the signal ends it, the reading ends at its first step, too.
  if (message.raw) await inspections.inspectContent(message.raw.bytes, run.signal)
  const results = new ResultCollector(run.tolerance, run.note)
  return { message, run, results, inspections, asSent }
}

/** Reads the message, to its end or until a result ends the scan, and submits what is read. Resolves to that result. */
async function scanContents(
  scan: Scan,
  reading: MailReading,
  scansContents: boolean,
): Promise<ScanResult | undefined> {
  const contents = reading.contents(scansContents)
  try {
    let step = await contents.next()
    for (; !step.done; step = await contents.next()) {
      const result = await scanSamples(step.value, scan)
      if (result !== undefined) return result
    }
    return step.value
  } finally {
    await contents.return(undefined)
  }
}

/** Scans the waiting contents and the whole message: in one request, if they are small. */
async function scanWhole(
  scan: Scan,
  { batch, partList }: MailReading,
): Promise<ScanResult | undefined> {
  if (partList?.isCut) scan.run.note('too many attachment names; plugins get the first ones')
  const message = partList ? { ...scan.message, partList } : scan.message
  for (const samples of batch.endWith(message)) {
    const result = await scanSamples(samples, scan)
    if (result !== undefined) return result
  }
  return undefined
}

/**
 * Scans what a tolerated finding in the whole may hide: each content, if none was scanned yet, and what is in no
 * content.
 */
async function scanHidden(scan: Scan, reading: MailReading): Promise<ScanResult | undefined> {
  if (!reading.scansContents && contentScannersOf(scan.run).length > 0) {
    const found =
      (await scanContents(scan, reading, true)) ?? (await scanSamples(reading.batch.end(), scan))
    if (found !== undefined) return found
  }
  return reading.omitted === 0 ? scanRest(scan, reading) : undefined
}

/**
 * Scans what is in no content: header, preamble and epilogue. A scanner names one thing in a whole message, and
 * what is tolerated may have hidden something there.
 */
async function scanRest(
  scan: Scan,
  { scannedRanges }: MailReading,
): Promise<ScanResult | undefined> {
  if (scannedRanges.length === 0) return undefined
  const { envelope, origin, bytes: whole } = scan.message
  const bytes = whole.without(scannedRanges)
  return withNamedCopy(bytes, scan.run.spool, (file) =>
    scanSamples([{ kind: 'message', bytes, envelope, origin, file }], scan),
  )
}

function conclude(
  { results }: Scan,
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
function isFinal(found: ScanResult, { tolerance }: ScanPlan): boolean {
  if (found.answer === 'infected') return isUntolerated(found, tolerance)
  const mayGoOn = found.answer !== 'unknown' || ['limit', 'scanner-error'].includes(found.cause)
  return !mayGoOn
}
