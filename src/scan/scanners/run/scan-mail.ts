import { withNamedCopy } from '../../../mail/message/named-copy.ts'
import type { FormSet } from '../../../mail/mime/traits/forms.ts'
import type { MessageSample, ScanTask } from '../contract/scanner.ts'
import type { ScanResult } from '../findings/scan-result.ts'
import { askScanners } from './ask-scanners.ts'
import { Batch } from './batch.ts'
import { Inspections } from './inspections.ts'
import { ContentScan, type MailScan, measureDepth, type ReadingResult } from './read-mail.ts'
import { ResultCollector } from './result-collector.ts'
import type { ScanRun } from './scan-run.ts'

/** A message that was read, and the result that has ended its scan, if one has. */
interface ScannedMail {
  readonly reading: ReadingResult
  readonly result: ScanResult | undefined
}

/** Scans a message by its contents and as a whole, after a scan of its bytes with the result `before`. */
export async function scanMail(
  message: MessageSample,
  run: ScanRun,
  task: ScanTask,
  before: ScanResult,
): Promise<ScanResult> {
  const scan = await beginScan(message, run, task)
  if (before.answer === 'infected') scan.results.record(before)
  return conclude(scan, await readAndAsk(scan))
}

/**
 * Scans a message, and leaves parts of the forms `extracted` to the scan of the whole. Resolves to `uncovered` if
 * that scan may not have seen them.
 */
export async function scanWithoutExtracted(
  message: MessageSample,
  run: ScanRun,
  task: ScanTask,
  extracted: FormSet,
): Promise<ScanResult | 'uncovered'> {
  const scan = await beginScan(message, run, task, extracted)
  const scanned = await readAndAsk(scan)
  const { omitted } = scanned.reading
  if (omitted > 0) {
    if (!coversOmitted(scan, scanned)) return 'uncovered'
    scan.contentScanners[0]?.decoder?.countOmitted(omitted)
  }
  return conclude(scan, scanned)
}

async function beginScan(
  message: MessageSample,
  run: ScanRun,
  task: ScanTask,
  extracted?: FormSet,
): Promise<MailScan> {
  const contentScanners = run.scanners.filter((scanner) => !scanner.isPolicy)
  const inspections = await Inspections.begin(run.scanners, task)
  // If the signal ends it, the reading ends at its first step, too.
  if (message.raw) await inspections.inspectContent(message.raw.bytes, task.signal)
  return {
    message,
    run,
    task,
    contentScanners,
    scansContents: run.settings.SECONDLOOK === 'always' && contentScanners.length > 0,
    results: new ResultCollector(run),
    inspections,
    batch: new Batch(contentScanners),
    extracted,
  }
}

/** Reads a message, as far as that is needed, and scans its contents and the whole. */
async function readAndAsk(scan: MailScan): Promise<ScannedMail> {
  const { scansContents, inspections, run, results } = scan
  const judgesForm = run.keepsOut.has('form') || run.keepsOut.has('encrypted')
  const mustRead = scansContents || !inspections.isEmpty || judgesForm
  const reading = await (mustRead
    ? new ContentScan(scan, scansContents).read()
    : measureDepth(scan))
  const result = reading.result ?? (await askAboutWhole(scan, reading))
  if (result !== undefined || !results.hasToleratedFinding) return { reading, result }
  return askAboutHidden(scan, reading)
}

/**
 * Scans what a tolerated finding in the whole may hide: each content, if none was scanned yet, and what is in no
 * content.
 */
async function askAboutHidden(scan: MailScan, first: ReadingResult): Promise<ScannedMail> {
  const { scansContents, contentScanners, batch } = scan
  const isScanned = scansContents || contentScanners.length === 0
  const reading = isScanned ? first : await new ContentScan(scan, true).read()
  const found = isScanned ? undefined : (reading.result ?? (await askScanners(batch.end(), scan)))
  const mustAsk = found === undefined && reading.omitted === 0
  return { reading, result: mustAsk ? await askAboutRest(scan, reading) : found }
}

/** Returns whether the scan of the whole decides about the omitted parts. */
function coversOmitted({ results, run }: MailScan, { result }: ScannedMail): boolean {
  return result === undefined ? results.isAllClean : isFinal(result, run)
}

function conclude(
  { scansContents, results, task }: MailScan,
  { reading, result }: ScannedMail,
): ScanResult {
  const found = result ?? results.conclude(reading.isToEnd, task.note)
  const isPartial = scansContents && !reading.isToEnd
  return found.answer === 'clean' && isPartial ? { ...found, partial: true } : found
}

/** Returns whether the scan may stop at this result. */
export function isFinal(found: ScanResult, { isTolerated }: ScanRun): boolean {
  if (found.answer === 'infected') return !isTolerated?.(found)
  const mayGoOn = found.answer !== 'unknown' || ['limit', 'scanner-error'].includes(found.cause)
  return !mayGoOn
}

/** Scans the waiting contents and the whole message: in one request, if they are small. */
async function askAboutWhole(
  scan: MailScan,
  { partList }: ReadingResult,
): Promise<ScanResult | undefined> {
  if (partList?.isCut) scan.task.note('plugins get only a part of the names')
  const message = partList ? { ...scan.message, partList } : scan.message
  for (const samples of scan.batch.endWith(message)) {
    const result = await askScanners(samples, scan)
    if (result !== undefined) return result
  }
  return undefined
}

/**
 * Scans what is in no content: header, preamble and epilogue. A scanner names one thing in a whole message, and
 * what is tolerated may have hidden something there.
 */
async function askAboutRest(
  scan: MailScan,
  { scannedRanges }: ReadingResult,
): Promise<ScanResult | undefined> {
  if (scannedRanges.length === 0) return undefined
  const { envelope, origin, bytes: whole } = scan.message
  const bytes = whole.without(scannedRanges)
  return withNamedCopy(bytes, scan.run.spool, (file) =>
    askScanners([{ kind: 'message', bytes, envelope, origin, file }], scan),
  )
}
