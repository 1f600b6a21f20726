import type { Header } from '../../../mail/message/header-block.ts'
import type { Scanner } from '../scanners/contract/scanner.ts'
import { type ScanResult, unknown, unread } from '../scanners/findings/scan-result.ts'
import type { SignaturesInUse } from '../scanners/signatures/signatures-in-use.ts'
import { headerOfAllCopies } from './copies/fingerprint.ts'
import { type CachedVerdict, joinVersions } from './copies/fresh.ts'
import type { CacheableMessage } from './copies/message-identity.ts'
import { NO_VERDICT, type ScanEnd } from './copies/scans-for-copies.ts'

/**
 * Returns what the result of a scan means for copies. It had `isShort` time if less than half of the usual limit
 * was left. `inUse` is undefined if something was scanned by other signatures than the identity names.
 */
export function outcomeForCopies(
  result: ScanResult,
  identity: CacheableMessage,
  host: string,
  isShort: boolean,
  inUse: SignaturesInUse | undefined,
): ScanEnd {
  if (result.answer === 'unknown') {
    // If the client has left or gave no time, copies must not be deferred for that: they are scanned
    // themselves.
    if (result.isUnfinished || isShort) return { kind: 'elsewhere' }
    return { kind: 'unknown', result: unknown(result.reason, result.cause) }
  }
  const found = cacheablePartOf(result, identity)
  if (found === undefined || inUse === undefined) return NO_VERDICT
  const scanners = identity.scanners.map((scanner) => scanner.name)
  const signatures = joinVersions(identity.versions)
  const verdict = { found, scanners, signatures, time: inUse.since, host }
  // What is clean now may be infected by signatures that are being loaded.
  const mayLast = inUse.areLoaded || found.answer === 'infected'
  return { kind: 'verdict', verdict, mayLast }
}

/** Returns the part of a result that applies to every copy, or undefined if there is none. */
function cacheablePartOf(
  result: ScanResult,
  { scanners }: CacheableMessage,
): CachedVerdict['found'] | undefined {
  if (result.answer === 'clean') return { answer: 'clean' }
  if (result.answer !== 'infected' || result.isBanned || result.isUnconfirmed) return undefined
  const { name, scanner } = result
  if (scanner === undefined) return undefined
  if (!scanners.some((cacheable) => cacheable.name === scanner)) return undefined
  return { answer: 'infected', name, scanner }
}

/**
 * Resolves to the result that also applies to copies. A finding may come from fields that only this message
 * has. So `scanAgain` scans the fields that all copies share. If that scan finds nothing, no verdict about
 * copies is known, not even clean: the finding may need both.
 */
export async function resultForCopies(
  result: ScanResult,
  identity: CacheableMessage,
  scanAgain: (scanners: readonly Scanner[], header: Header) => Promise<ScanResult>,
): Promise<ScanResult> {
  if (cacheablePartOf(result, identity)?.answer !== 'infected') return result
  if (identity.plan.submission.isFile) return result
  const { outgoing } = identity.mail
  const header = headerOfAllCopies(outgoing)
  if (header.bytes.equals(outgoing.bytes)) return result
  const again = await scanAgain(identity.scanners, header)
  return again.answer === 'infected'
    ? again
    : unread('skipped', 'its result differs from that of the message of which it is a copy')
}
