import { yieldAfter } from '../../../base/flow/event-loop.ts'
import type { Crypto } from '../../../base/runtime/crypto.ts'
import { formatDuration } from '../../../base/text/units.ts'
import { DEATHS_MAX } from '../crash-guard/poison.ts'
import type { GatedScan } from '../crash-guard/suspect-gate.ts'
import type { ScannerCall } from '../scanners/contract/scanner.ts'
import type { ScanResult } from '../scanners/findings/scan-result.ts'
import { exactFingerprintOf } from './copies/fingerprint.ts'
import type { MessageIdentity, ScanWith } from './copies/message-identity.ts'
import type { HostMemory } from './host-memory.ts'

/** The results for messages that were not scanned. They do not apply to copies. */
const NOT_ALONE = notBegun(
  'scanners crashed while they scanned it beside other messages, and it waited too long to be scanned alone',
)
const NOT_BESIDE = notBegun(
  'it waited too long while a message that may crash scanners was scanned alone',
)

/**
 * Scans a message, unless it must not be scanned now (poison.ts). Counts the death of a scanner. `noteSignatures`
 * is called as described for `signatures` of ScannerCall.
 */
export async function scanGuarded(
  identity: MessageIdentity,
  scanMessage: ScanWith,
  memory: Pick<HostMemory, 'poison' | 'crashRecord' | 'suspectGate'>,
  crypto: Crypto,
  noteSignatures?: ScannerCall['signatures'],
): Promise<ScanResult> {
  const { mail, plan } = identity
  const { poison, crashRecord, suspectGate } = memory
  const fingerprint = await exactFingerprint(identity, crypto)
  await yieldAfter(mail.outgoing.length)
  const left = poison.leftAloneFor(fingerprint)
  if (left !== undefined) {
    const until = `not scanned for ${formatDuration(60_000 * Math.ceil(left / 60_000))}`
    const reason = `scanners crashed ${DEATHS_MAX} times while scanning it; ${until}`
    // This is not a verdict on its copies.
    return { answer: 'unknown', reason, cause: 'poison', isUnfinished: true }
  }
  let scan: GatedScan | undefined
  let deathsBefore = 0
  const onPermit = async (signal: AbortSignal) => {
    const isSuspect = poison.isSuspect(fingerprint)
    const begun = await suspectGate.begin(isSuspect, signal)
    if (begun === undefined) return isSuspect ? NOT_ALONE : NOT_BESIDE
    scan = begun
    deathsBefore = poison.deathsOf(fingerprint)
    const over = crashRecord?.beginScan(fingerprint, begun.isLone)
    return () => {
      over?.()
      begun.end()
    }
  }
  const result = await scanMessage(plan.scanners, { signatures: noteSignatures, onPermit })
  if (result.answer !== 'unknown') {
    poison.passed(fingerprint)
    return result
  }
  if (!result.hasScannerDied || scan === undefined) return result
  if (!scan.wasAlone) {
    poison.diedWithOthers(fingerprint)
    const reason = `${result.reason}; it was scanning other messages, too: next time this one is scanned alone`
    return { ...result, reason }
  }
  const deaths = poison.died(fingerprint, deathsBefore)
  return {
    ...result,
    reason: `${result.reason}; crash ${deaths} of ${DEATHS_MAX} with this message`,
  }
}

/** Resolves to the fingerprint by which a message is known when it is delivered again. */
async function exactFingerprint(
  { mail, plan, fingerprint, fingerprintInput, secrets }: MessageIdentity,
  crypto: Crypto,
): Promise<string> {
  if (plan.submission.isFile && fingerprint !== undefined) return fingerprint
  const body = mail.message.body.chunks()
  return exactFingerprintOf(fingerprintInput, body, secrets.fingerprint, crypto)
}

function notBegun(reason: string): ScanResult {
  return { answer: 'unknown', reason, cause: 'busy', isUnfinished: true }
}
