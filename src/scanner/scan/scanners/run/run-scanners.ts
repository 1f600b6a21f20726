import { clientNetworkKey } from '../../../../base/net/ip-address.ts'
import { Bytes } from '../../../../mail/message/bytes.ts'
import type { Envelope, Origin } from '../../../../mail/message/envelope.ts'
import type { Header } from '../../../../mail/message/header-block.ts'
import type { Message } from '../../../../mail/message/message.ts'
import { withNamedCopy } from '../../../../mail/message/named-copy.ts'
import { abortLate, isLimited, type MessageSample, type Unfiled } from '../contract/scanner.ts'
import { TOP_LINE } from '../contract/top-line.ts'
import type { ScanResult } from '../findings/scan-result.ts'
import { GivenUp, HeldPermits } from './held-permits.ts'
import { scanMessage } from './scan-message.ts'
import type { RunningScan, ScanPlan } from './scan-plan.ts'
import type { Submission } from './submission.ts'

/**
 * Makes the sample that scanners get of a message: TOP_LINE, the header block, the body. `outgoing` is the
 * header block as it will leave, so that scanners see what will be queued. If the bytes as they were sent are scanned, too,
 * they are also what is quarantined.
 */
export function sampleOf(
  { sealed, header, bytes, body, belowTop }: Message,
  outgoing: Header,
  { envelope, origin }: { readonly envelope: Envelope; readonly origin?: Origin | undefined },
  { isScannedAsSent }: Pick<Submission, 'isScannedAsSent'>,
): Unfiled<MessageSample> {
  const isUnchanged = outgoing === header || outgoing.bytes.equals(header.bytes)
  const sealedFile = sealed !== undefined && isUnchanged && { sealedFile: () => sealed }
  const mail = {
    kind: 'message' as const,
    bytes:
      (isUnchanged ? belowTop : undefined) ??
      Bytes.of(Buffer.concat([TOP_LINE, outgoing.bytes]), body),
    read: { bytes: isUnchanged ? bytes : Bytes.of(outgoing.bytes, body), header: outgoing },
    envelope,
    origin,
  }
  if (!isScannedAsSent) return { ...mail, ...sealedFile }
  const { bytes: sent } = mail.read
  return { ...mail, raw: { kind: 'raw', bytes: sent, envelope, origin, ...sealedFile } }
}

/**
 * Submits to the scanners, in their order, each content that any reader of mail might find in the message, and
 * then the whole message. Ends when a scanner has found something that is not tolerated, or gives no answer.
 *
 * In this order clamd scans most bytes once, since it caches what was clean: it skips a part of a message that it has
 * scanned as a file by itself. It does not skip a file that it has scanned inside a message.
 *
 * scanMessage() has the steps.
 */
export async function runScanners(
  message: Unfiled<MessageSample>,
  plan: ScanPlan,
): Promise<ScanResult> {
  const abort = new AbortController()
  const timer = setTimeout(() => abortLate(abort), plan.timeLeft())
  // (AbortSignal.any() would keep track of all signals for as long as they live, which takes 10 µs.)
  const leave = () => abort.abort()
  const { gone } = plan
  gone?.addEventListener('abort', leave)
  if (gone?.aborted) leave()
  try {
    const result = await withPermits(message, { ...plan, signal: abort.signal }, (underWay) =>
      withNamedCopy(message.bytes, plan.spool, (file) =>
        scanMessage({ ...message, file }, underWay),
      ),
    )
    const isUnfinished = gone?.aborted && result.answer === 'unknown'
    return isUnfinished ? { ...result, isUnfinished: true } : result
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
  run: Omit<RunningScan, 'giveWay' | 'nextTurn' | 'keepPermits'>,
  scan: (run: RunningScan) => Promise<ScanResult>,
): Promise<ScanResult> {
  const { scanners, signal, timeLeft, progress = { hasBegun: false }, onPermit } = run
  const limited = scanners.filter(isLimited)
  const others = limited.filter(({ hasBans }) => !hasBans)
  const network = clientNetworkKey(origin?.clientAddress)
  const held = new HeldPermits(others.length > 0 ? others : limited, {
    size,
    network,
    signal,
    timeLeft,
    hasBegun: progress.hasBegun,
  })
  let end = () => {}
  try {
    const refusal = await held.acquire()
    if (refusal !== undefined) return refusal
    const begun = await onPermit?.(signal)
    if (typeof begun === 'object') return begun
    if (begun !== undefined) end = begun
    progress.hasBegun = true
    return await scan({
      ...run,
      giveWay: () => held.giveWay(),
      nextTurn: () => held.nextTurn(),
      keepPermits: () => held.keep(),
    })
  } catch (error) {
    if (error instanceof GivenUp) return error.result
    throw error
  } finally {
    held.release()
    end()
  }
}
