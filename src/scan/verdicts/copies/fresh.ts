import { FUTURE_MAX } from '../../cluster/verify.ts'
import {
  areAllAtLeastAsNew,
  SETTLED_AFTER,
  type SignatureFiles,
} from '../../scanners/shared/signatures.ts'
import type { RememberedVerdict } from './verdict-query.ts'

/** Seconds for which a virus that was found counts, whatever the signatures are here. */
export const INFECTED_FOR = 60

/** What decides whether a remembered verdict counts. */
interface FreshnessRule {
  /** Unix seconds. */
  readonly now: number
  /** Seconds for which a verdict counts. */
  readonly maxAge: number
  /** The newest signatures of this host's scanners. */
  readonly signatures: string
  /** The signature files of this host; undefined if they are not known. */
  readonly files: Pick<SignatureFiles, 'changed' | 'others'> | undefined
  /** This host's name. */
  readonly host: string
}

/**
 * Whether a remembered verdict counts here and now. `clean` counts while it is young, if it was found
 * with signatures no older than those here: scanning would say the same. `infected` counts while the
 * signatures are the very same, or for a minute: a name that ClamAV or the site has withdrawn must not
 * stay.
 */
export function stillCounts(verdict: RememberedVerdict, standard: FreshnessRule): boolean {
  const { now, maxAge, signatures, files, host } = standard
  const age = now - verdict.time
  if (age > maxAge || age < -FUTURE_MAX) return false
  // A site's own signatures have no number: another host may have got them later, and nothing says so.
  const areSettled = files?.others === undefined || verdict.time >= files.others + SETTLED_AFTER
  if (verdict.found.answer === 'infected') {
    return (verdict.signatures === signatures && areSettled) || Math.abs(age) <= INFECTED_FOR
  }
  if (files !== undefined && verdict.time < files.changed) return false
  if (verdict.host !== host && !areSettled) return false
  return areAllAtLeastAsNew(verdict.signatures, signatures)
}
