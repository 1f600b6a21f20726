import type { Infected } from '../../scanners/findings/scan-result.ts'
import {
  SETTLED_AFTER_SECONDS,
  type SignatureFiles,
} from '../../scanners/signatures/signature-files.ts'
import { areAtLeastAsNew } from '../../scanners/signatures/signature-version.ts'
import { FUTURE_MAX_SECONDS } from '../../stamps/verify-stamps.ts'

/** The verdict of scanners about a message, which applies to its copies for a while. */
export interface CachedVerdict {
  readonly found: { readonly answer: 'clean' } | (Infected & { readonly scanner: string })
  /** Names of the scanners that ran, as in a stamp's `s=`. */
  readonly scanners: readonly string[]
  /** The versions of their signatures before the scan (signature-version.ts). */
  readonly signatures: string
  /** When the scan began, unix seconds. */
  readonly time: number
  /** The host that scanned. */
  readonly host: string
}

/** Seconds for which a found virus counts, regardless of the signatures here. */
const INFECTED_FOR_SECONDS = 60

/** The conditions under which a cached verdict is valid. */
interface FreshnessRule {
  /** Unix seconds. */
  readonly now: number
  /** Seconds for which a verdict is valid. */
  readonly maxAgeSeconds: number
  /** The newest signatures of this host's scanners. */
  readonly signatures: string
  /** The signature files of this host, or undefined if they are not known. */
  readonly files: Pick<SignatureFiles, 'changed' | 'others'> | undefined
  /** This host's name. */
  readonly host: string
}

/**
 * Returns whether a cached verdict is valid here and now. `clean` is valid while it is recent, if it was
 * found with signatures no older than those here: a scan would give the same result. `infected` is valid for
 * one minute, or longer while the signatures are exactly the same: a name that ClamAV or the site has
 * withdrawn must not persist.
 */
export function isStillValid(verdict: CachedVerdict, standard: FreshnessRule): boolean {
  const { now, maxAgeSeconds, signatures, files, host } = standard
  const age = now - verdict.time
  if (age > maxAgeSeconds || age < -FUTURE_MAX_SECONDS) return false
  // A site's own signatures have no number: another host may have got them later, which nothing shows.
  const areSettled =
    files?.others === undefined || verdict.time >= files.others + SETTLED_AFTER_SECONDS
  if (verdict.found.answer === 'infected') {
    return (
      (verdict.signatures === signatures && areSettled) || Math.abs(age) <= INFECTED_FOR_SECONDS
    )
  }
  if (files !== undefined && verdict.time < files.changed) return false
  if (verdict.host !== host && !areSettled) return false
  return areAllAtLeastAsNew(verdict.signatures, signatures)
}

/**
 * Joins the versions of several scanners' signatures to one line, in the order of the names:
 * `clamd=ClamAV 1.4.3/27600/…; other=…`.
 */
export function joinVersions(versions: Readonly<Record<string, string>>): string {
  return Object.entries(versions)
    .map(([name, version]) => `${name}=${version.replace(/[^ -:<-~]/g, '?')}`)
    .sort()
    .join('; ')
}

/**
 * Returns whether two such lines have the same scanners, and none in `theirs` has older signatures than in
 * `own`.
 */
function areAllAtLeastAsNew(theirs: string, own: string): boolean {
  if (theirs === own) return true
  const [their, our] = [split(theirs), split(own)]
  if (their.size !== our.size) return false
  return [...our].every(([name, version]) => {
    const other = their.get(name)
    return other !== undefined && areAtLeastAsNew(other, version)
  })
}

function split(joined: string): Map<string, string> {
  if (joined === '') return new Map()
  return new Map(
    joined.split('; ').map((entry) => {
      const at = entry.indexOf('=')
      return [entry.slice(0, at), entry.slice(at + 1)]
    }),
  )
}
