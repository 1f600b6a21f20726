import type { Crypto } from '../ground/runtime/crypto.ts'
import type { ScanTask } from '../scan/shared/scanner.ts'
import type { Verdict } from '../scan/shared/verdict.ts'
import { exactFingerprintOf } from './copies/fingerprint.ts'
import type { MessageIdentity } from './copies/message-identity.ts'
import { type PoisonPolicy, scanCarefully, warnedOfSuspects } from './poison/careful-scan.ts'
import type { ScanWith, VerdictQuery } from './shared/verdict-query.ts'

export interface ScanWithCareOptions {
  readonly crypto: Crypto
  /** Milliseconds on a clock that nobody sets. */
  readonly uptime: () => number
  /**
   * Milliseconds that a scan usually has here (SCANTIMEOUT). A scan that had less than half of that, or
   * was abandoned, says nothing about the message.
   */
  readonly fullTime: number
  /** The messages that scanners died of; without it all messages are scanned. */
  readonly poison?: PoisonPolicy | undefined
}

/** A message that has to be scanned. */
export interface UnknownMessage<Identity extends MessageIdentity = MessageIdentity> {
  readonly query: VerdictQuery
  readonly identity: Identity
  readonly scanWith: ScanWith
}

/**
 * Scans a message within `timeout` milliseconds, with the care of careful-scan.ts unless that is
 * switched off. `told` as in a ScanTask.
 */
export async function scanWithCare(
  { query: { message, scanners, marks }, identity, scanWith }: UnknownMessage,
  timeout: number,
  { poison, fullTime, uptime, crypto }: ScanWithCareOptions,
  told?: ScanTask['signatures'],
): Promise<Verdict> {
  if (poison === undefined) return scanWith(scanners, timeout, told)
  const { fingerprint: secret } = identity.secrets
  const { subject, common } = identity
  const fingerprint = await exactFingerprintOf(subject, common, message.body(), secret, crypto)
  return scanCarefully(
    { fingerprint, marks },
    { poison, timeout, fullTime, uptime, scanner: identity.scanners[0]!.name },
    (left, suspects) => {
      return scanWith(suspects ? scanners.map(warnedOfSuspects(suspects)) : scanners, left, told)
    },
  )
}
