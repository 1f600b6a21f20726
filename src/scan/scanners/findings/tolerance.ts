import type { Infected, ScanResult, Unread } from './scan-result.ts'

/**
 * Which results do not end a scan, because worse content may follow, and which of these results applies in the
 * end. A result that ends the scan always applies.
 */
export interface Tolerance {
  /** Returns whether a finding is tolerated. Without it, none is. */
  readonly isTolerated?: ((found: Pick<Infected, 'name' | 'banned'>) => boolean) | undefined
  /** The unread parts that end the scan. Others are tolerated. */
  readonly keepsOut: ReadonlySet<Unread>
  /** Whether limits are tolerated, and noted, because the bytes may not be a message. */
  readonly toleratesLimits?: boolean
  /**
   * Returns how strictly a message is treated for a result that does not end the scan, and for an unknown
   * answer; of several results the strictest applies. Without it, all are equal.
   */
  readonly strictness?: (result: ScanResult) => number
}

/** Returns whether this is a finding that ends the scan. */
export function isUntolerated(
  result: ScanResult,
  { isTolerated }: Pick<Tolerance, 'isTolerated'>,
): result is Infected {
  return result.answer === 'infected' && !isTolerated?.(result)
}
