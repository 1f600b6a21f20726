import about from '../../../../../package.json' with { type: 'json' }
import { replaceUnprintable } from '../../../../base/log/line-format.ts'
import type { Crypto } from '../../../../base/runtime/crypto.ts'
import type { Header } from '../../../../mail/message/header-block.ts'
import type { Message } from '../../../../mail/message/message.ts'
import { additionalSearches } from '../../scanners/contract/scan-settings.ts'
import type { CacheableScanner, Scanner } from '../../scanners/contract/scanner.ts'
import type { ScanResult } from '../../scanners/findings/scan-result.ts'
import type { ScanPlan } from '../../scanners/run/scan-plan.ts'
import type { SignatureFiles } from '../../scanners/signatures/signature-files.ts'
import { whyChangesGoUnnoticed } from '../../scanners/signatures/signatures-in-use.ts'
import { bytesFingerprintOf, type FingerprintInput, fingerprintOf } from './fingerprint.ts'
import type { CachedVerdict } from './fresh.ts'
import type { Secrets } from './secrets.ts'

/** A message that is scanned, unless there is a verdict on a copy, with the header that goes out. */
export interface MessageToScan {
  readonly message: Pick<Message, 'canonical' | 'header' | 'body'>
  readonly outgoing: Header
}

/**
 * Scans a message with these scanners, within its remaining time, and with another header if one is given.
 * The other options are those of ScanPlan.
 */
export type ScanWith = (
  scanners: readonly Scanner[],
  more?: Pick<ScanPlan, 'signatures' | 'onPermit'> & { readonly header?: Header },
) => Promise<ScanResult>

/** A result, and the cached verdict that it comes from, if any. */
export interface CachedOrScanned {
  readonly result: ScanResult
  readonly cached?: CachedVerdict
}

/** The inputs of an identity in addition to the message. */
export interface IdentityOptions {
  /** Called for each message, because keys have a last day. */
  readonly secrets: () => Secrets
  readonly crypto: Crypto
  /** Seconds for which a verdict is valid. */
  readonly maxAgeSeconds: number
  /** This host's name, for logs of others. */
  readonly host: string
  /** The signature files of this host, and a new look for them if that is due (Tools). */
  readonly signatureFiles: () => SignatureFiles | undefined
  readonly lookForSignatures?: (() => Promise<unknown>) | undefined
}

/** A submitted message, and the data that decides about its cached verdicts. */
export interface MessageIdentity {
  readonly mail: MessageToScan
  readonly plan: ScanPlan
  /** Undefined if readers of mail may differ about the form of the message. */
  readonly fingerprint: string | undefined
  /**
   * The current signatures of the scanners, by the scanner's name. A scanner without signatures is skipped.
   * Undefined if a scanner does not report its signatures, if a change of them would go unnoticed, or if
   * verdicts expire immediately.
   */
  readonly versions: Readonly<Record<string, string>> | undefined
  readonly secrets: Secrets
  /** The scanners whose verdict may be cached. */
  readonly scanners: readonly CacheableScanner[]
  readonly fingerprintInput: FingerprintInput
}

/** The identity of a message whose verdict may be cached. */
export interface CacheableMessage extends MessageIdentity {
  readonly fingerprint: string
  readonly versions: Readonly<Record<string, string>>
}

export function isCacheable(identity: MessageIdentity): identity is CacheableMessage {
  return identity.fingerprint !== undefined && identity.versions !== undefined
}

/** Resolves to the identity of a message, or undefined if none of its scanners is `cacheable`. */
export async function identify(
  mail: MessageToScan,
  plan: ScanPlan,
  options: IdentityOptions,
): Promise<MessageIdentity | undefined> {
  const { message, outgoing } = mail
  const { isFile } = plan.submission
  const { host, crypto, maxAgeSeconds } = options
  const scanners = plan.scanners.filter(
    (scanner): scanner is CacheableScanner => scanner.cacheable !== undefined,
  )
  if (scanners.length === 0) return undefined
  const { fault, digests } = message.canonical
  const fingerprintInput: FingerprintInput = {
    header: outgoing,
    canonicalFault: fault,
    bodyDigest: digests.sha256,
    scanDescription: describeScan(plan, scanners),
  }
  const secrets = options.secrets()
  const files = options.signatureFiles()
  const mayKeep = maxAgeSeconds > 0 && whyChangesGoUnnoticed(scanners, files) === undefined
  const versions = mayKeep ? await versionsNow(scanners, host, files, crypto) : undefined
  return {
    mail,
    plan,
    fingerprint: isFile
      ? await bytesFingerprintOf(fingerprintInput, message, secrets.fingerprint, crypto)
      : versions && fingerprintOf(fingerprintInput, secrets.fingerprint, crypto),
    versions,
    secrets,
    scanners,
    fingerprintInput,
  }
}

/**
 * Returns a description of how a message is scanned, in one line of printable ASCII. It contains the release
 * of onescan, the identity of each scanner, and the settings that leave parts unscanned or scan them twice. A
 * verdict applies only to scans with the same description.
 */
function describeScan(
  { settings, submission }: ScanPlan,
  scanners: readonly CacheableScanner[],
): string {
  const identities = scanners.map(({ cacheable }) => cacheable.identity)
  const besides = additionalSearches(settings).join()
  const words = [
    `onescan=${about.version}`,
    `secondlook=${settings.SECONDLOOK}`,
    `besides=${besides}`,
    ...(submission.isFile ? ['as=file'] : []),
    `scanners=${identities.join(',')}`,
  ]
  return replaceUnprintable(words.join(' '))
}

/**
 * Resolves to the current signatures of the scanners, or undefined if a scanner does not report its own: then
 * no verdict may be cached. A site's own files have no version number, so their names and sizes are used. For
 * a scanner that reports no signatures, the host and the time at which its files changed are used.
 */
async function versionsNow(
  scanners: readonly CacheableScanner[],
  host: string,
  files: Pick<SignatureFiles, 'changed' | 'own'> | undefined,
  crypto: Pick<Crypto, 'createHash'>,
): Promise<Readonly<Record<string, string>> | undefined> {
  const versions: Record<string, string> = {}
  if (files?.own)
    versions.CLAMDBDIR = crypto.createHash('sha256').update(files.own).digest('base64url')
  for (const { name, cacheable } of scanners) {
    const { signatures } = cacheable
    const dated = files && `${host} ${files.changed}`
    const version = typeof signatures === 'function' ? await signatures() : dated
    if (version === undefined) return undefined
    if (version !== '') versions[name] = version
  }
  return versions
}
