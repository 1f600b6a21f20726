import { withNamedCopy } from '../../../../mail/message/named-copy.ts'
import type { MessageSample, RawSample, Unfiled } from '../contract/scanner.ts'
import { isUntolerated, type ScanResult, unread, worse } from '../findings/scan-result.ts'
import { Inspections } from './inspections.ts'
import { contentScannersOf, MailReading } from './mail-reading.ts'
import { ResultCollector } from './result-collector.ts'
import { ScanAsSent } from './scan-as-sent.ts'
import type { RunningScan, Scan, ScanPlan } from './scan-plan.ts'
import { scanSamples } from './scan-samples.ts'

/**
 * Scans a message whose permits are held. This is the order:
 *
 * 1. The bytes of a client's request as they were sent. A finding in them stays, whatever the reading of the message finds,
 *    which can only add findings.
 * 2. The message, read once: see scanContentsAndWhole().
 *
 * The message is read during step 1. Nothing of it is submitted before that has ended. If the bytes are not clean, the
 * reading ends, and begins again if the scan goes on.
 */
export async function scanMessage(message: MessageSample, run: RunningScan): Promise<ScanResult> {
  const { raw } = message
  if (raw === undefined) return scanAsRead(message, run)
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
  return worse(await scanAsRead(message, run, { sent }), sent)
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
  const endKeeping = run.keepPermits()
  const asSent = new ScanAsSent(scanAsSent(raw, message, run), endKeeping)
  // The request is sent before that.
  const reading = run.nextTurn().then(() => scanAsRead(message, run, { asSent }))
  const [sent, read] = await Promise.allSettled([asSent.result, reading])
  endKeeping()
  if (sent.status === 'rejected') throw sent.reason
  return { sent: sent.value, read }
}

/** Scans what is read of a message, and the whole. `sent` is a result for its bytes as they were sent. */
async function scanAsRead(
  message: MessageSample,
  run: RunningScan,
  { asSent, sent }: { readonly asSent?: ScanAsSent; readonly sent?: ScanResult } = {},
): Promise<ScanResult> {
  const inspections = await Inspections.begin(run.scanners, run)
  // If the signal ends it, the reading ends at its first step, too.
  if (message.raw) await inspections.inspectContent(message.raw.bytes, run.signal)
  const results = new ResultCollector(run.tolerance, run.note)
  if (sent?.answer === 'infected') results.record(sent)
  const scan: Scan = { message, run, results, inspections, asSent }
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
  return scanRest(scan, reading)
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
