import { clientNetworkKey } from '../../../../base/net/ip-address.ts'
import { Bytes } from '../../../../mail/message/bytes.ts'
import type { Envelope, Origin } from '../../../../mail/message/envelope.ts'
import type { Header } from '../../../../mail/message/header-block.ts'
import { type Message, TOP_LINE } from '../../../../mail/message/message.ts'
import { withNamedCopy } from '../../../../mail/message/named-copy.ts'
import { abortLate, type MessageSample, type RawSample, type Unfiled } from '../contract/scanner.ts'
import { clean, type ScanResult, unread, worse } from '../findings/scan-result.ts'
import { HeldPermits } from './held-permits.ts'
import { Inspections } from './inspections.ts'
import { extractedBy } from './mail-reading.ts'
import { ResultCollector } from './result-collector.ts'
import { isFinal, scanMail, scanWithoutExtracted } from './scan-mail.ts'
import type { MailScan, RunUnderWay, ScanRun } from './scan-run.ts'
import { scanSamples } from './scan-samples.ts'

/**
 * Makes the sample that scanners get of a message: TOP_LINE, the header block, the body. `outgoing` is the
 * header block as it will leave, so that scanners see what will be queued. With `scansRaw` the bytes as they arrived are
 * scanned, too; then they are also what is quarantined.
 */
export function sampleOf(
  { sealed, header, body, belowTopLine }: Message,
  outgoing: Header,
  { envelope, origin }: { readonly envelope: Envelope; readonly origin?: Origin | undefined },
  scansRaw = false,
): Unfiled<MessageSample> {
  const isUnchanged = outgoing === header || outgoing.bytes.equals(header.bytes)
  const sealedFile = sealed !== undefined && isUnchanged && { sealedFile: () => sealed }
  const mail = {
    kind: 'message' as const,
    bytes:
      (isUnchanged ? belowTopLine : undefined) ??
      Bytes.of(Buffer.concat([TOP_LINE, outgoing.bytes]), body),
    header: { header: outgoing, above: TOP_LINE.length },
    envelope,
    origin,
  }
  if (!scansRaw) return { ...mail, ...sealedFile }
  const bytes = Bytes.of(outgoing.bytes, body)
  return { ...mail, raw: { kind: 'raw', bytes, envelope, origin, ...sealedFile } }
}

/**
 * Submits to the scanners, in their order, each content that any reader of mail might find in the message, and
 * then the whole message. Ends when a scanner has found something that is not tolerated, or gives no answer.
 *
 * In this order clamd scans most bytes once, since it caches what was clean: it skips a part of a message that it has
 * scanned as a file by itself. It does not skip a file that it has scanned inside a message.
 *
 * The message is read once. The reading yields its contents, which scanners receive meanwhile, its depth and its
 * oddities. A message that is nested deeper than scanners read is not passed to them as a whole: they would report
 * it as clean.
 *
 * The bytes of a client's request are scanned first, as they were sent. A finding in them stays, whatever their
 * reading as a mail results in: that can only add findings.
 */
export async function runScanners(
  message: Unfiled<MessageSample>,
  run: ScanRun,
): Promise<ScanResult> {
  const abort = new AbortController()
  const timer = setTimeout(() => abortLate(abort), run.timeLeft())
  // (AbortSignal.any() would keep track of all signals for as long as they live, which takes 10 µs.)
  const leave = () => abort.abort()
  const { gone } = run
  gone?.addEventListener('abort', leave)
  if (gone?.aborted) leave()
  try {
    const result = await withPermits(message, { ...run, signal: abort.signal }, (underWay) =>
      withNamedCopy(message.bytes, run.spool, (file) =>
        scanRawThenMail({ message: { ...message, file }, run: underWay }),
      ),
    )
    const isUnfinished = gone?.aborted && result.answer === 'unknown'
    return isUnfinished ? { ...result, unfinished: true } : result
  } finally {
    clearTimeout(timer)
    gone?.removeEventListener('abort', leave)
  }
}

/**
 * Scans a message with a permit of each scanner that has permits. It holds them until the scan has ended, or until it
 * has to give way to other messages. Resolves to *unknown* without a scan if a permit would come too late.
 */
async function withPermits(
  { bytes: { size }, origin }: Unfiled<MessageSample>,
  run: Omit<RunUnderWay, 'giveWay' | 'nextTurn'>,
  scan: (run: RunUnderWay) => Promise<ScanResult>,
): Promise<ScanResult> {
  const { scanners, signal, timeLeft, progress = { hasBegun: false }, onPermit } = run
  const limited = scanners.filter(({ permits }) => permits)
  const others = limited.filter(({ hasBans }) => !hasBans)
  const network = clientNetworkKey(origin?.clientAddress)
  const permits = new HeldPermits(others.length > 0 ? others : limited, {
    ...{ size, network, signal, timeLeft },
    hasBegun: progress.hasBegun,
  })
  let end = () => {}
  try {
    const refusal = await permits.acquire()
    if (refusal !== undefined) return refusal
    const begun = await onPermit?.(signal)
    if (typeof begun === 'object') return begun
    if (begun !== undefined) end = begun
    progress.hasBegun = true
    return await scan({
      ...run,
      giveWay: () => permits.giveWay(),
      nextTurn: () => permits.nextTurn(),
    })
  } finally {
    permits.release()
    end()
  }
}

/**
 * Scans the bytes as they were sent, if the caller wants that, and then the message that they may be. Parts
 * that the scanner is known to extract are left to the scan of the whole. If that scan ends neither clean nor
 * with a virus, these parts are scanned, too.
 */
async function scanRawThenMail(scan: MailScan): Promise<ScanResult> {
  const { message, run } = scan
  const { raw } = message
  const extracted = extractedBy(run, (raw ?? message).bytes)
  const before = raw ? await scanRaw(raw, scan) : clean
  if (raw && isFinal(before, run)) return before
  if (raw && run.rawOnly) return before.answer === 'clean' ? AS_FILE : before
  if (extracted !== undefined && before.answer === 'clean') {
    const found = await scanWithoutExtracted(scan, extracted)
    if (found !== 'uncovered') return found
  }
  return worse(await scanMail(scan, before), before)
}

/** The bytes were scanned, and no part of them. */
const AS_FILE = unread('skipped', 'scanned as a file alone')

/** Submits all bytes to the scanners, unchanged. */
async function scanRaw(sample: Unfiled<RawSample>, scan: MailScan): Promise<ScanResult> {
  const { run } = scan
  const results = new ResultCollector({ ...run.tolerance, toleratesLimits: false }, run.note)
  const result = await withNamedCopy(sample.bytes, run.spool, (file) =>
    scanSamples([{ ...sample, file }], { ...scan, results, inspections: new Inspections() }),
  )
  return result ?? results.conclude(false)
}
