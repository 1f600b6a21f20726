import type { SignatureFiles } from '../../cluster/signature-files.ts'
import type { Crypto } from '../../ground/runtime/crypto.ts'
import type { IsExcused, Scanner } from '../../scan/shared/scanner.ts'
import type { ScannerVersions } from '../../scan/shared/signatures.ts'
import type { VerdictQuery } from '../shared/verdict-query.ts'
import { type FingerprintInput, fingerprintOf } from './fingerprint.ts'
import { describeScan } from './scan-description.ts'
import type { Secrets } from './secrets.ts'
import { tellSignatures, versionsNow } from './versions.ts'

/** What an identity depends on besides the message. */
export interface IdentityOptions {
  /** Called for each message, because keys have a last day. */
  readonly secrets: () => Secrets
  readonly crypto: Crypto
  /** Seconds for which a verdict counts. */
  readonly maxAge: number
  /** This host's name, for logs of others. */
  readonly host: string
  /** The signature files of this host. */
  readonly signatureFiles: () => SignatureFiles | undefined
}

/**
 * What decides about verdicts on a message. There is no fingerprint if readers of mail may differ about
 * its form, or if its scanners do not name their signatures.
 */
export interface MessageIdentity {
  readonly fingerprint: Buffer | undefined
  /** The fingerprint, whether or not the scanners name their signatures. */
  readonly common: Buffer | undefined
  readonly secrets: Secrets
  /** Seconds for which a verdict counts. */
  readonly maxAge: number
  /** The signatures by which the scanners would scan now. */
  readonly versions: ScannerVersions
  /** The scanners whose verdict may be remembered. */
  readonly scanners: readonly Scanner[]
  readonly fingerprintInput: FingerprintInput
  /** As in VerdictQuery. */
  readonly isExcused: IsExcused | undefined
}

/** The same for a message with a fingerprint. */
export interface FingerprintedMessage extends MessageIdentity {
  readonly fingerprint: Buffer
}

export function hasFingerprint(identity: MessageIdentity): identity is FingerprintedMessage {
  return identity.fingerprint !== undefined
}

/**
 * Resolves to the identity of a message. Undefined if no verdict on it can be remembered: no scanner is
 * `memorable`, a verdict would count for no time, or a scanner does not know its signatures yet.
 */
export async function identify(
  query: VerdictQuery,
  options: IdentityOptions,
): Promise<MessageIdentity | undefined> {
  const { message, leaving, policy, isExcused } = query
  const { host, crypto } = options
  const maxAge = Math.min(options.maxAge, query.maxAge)
  const scanners = query.scanners.filter(({ memorable }) => memorable)
  if (scanners.length === 0 || maxAge === 0) return undefined
  const { formFault, digests } = message.form
  const fingerprintInput: FingerprintInput = {
    header: leaving,
    formFault,
    bodyDigest: digests.sha256,
    scanDescription: describeScan(policy, scanners),
  }
  const secrets = options.secrets()
  const here = { host, signatureDate: options.signatureFiles()?.changed }
  const common = fingerprintOf(fingerprintInput, secrets.fingerprint, crypto)
  const fingerprint = tellSignatures(scanners, here) ? common : undefined
  const versions = await versionsNow(scanners, here)
  return (
    versions && {
      fingerprint,
      common,
      secrets,
      maxAge,
      versions,
      scanners,
      fingerprintInput,
      isExcused,
    }
  )
}
