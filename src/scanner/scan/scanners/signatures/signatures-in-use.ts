import { statSync } from 'node:fs'
import type { Cacheable } from './cacheable.ts'
import { SETTLED_AFTER_SECONDS, type SignatureFiles } from './signature-files.ts'

/** A scanner, as far as its signatures matter. */
interface SignatureUser {
  readonly name: string
  readonly cacheable?: Cacheable
}

/** The signatures of a scan that begins now. */
export interface SignaturesInUse {
  /** Whether all scanners have loaded the newest signatures of this host. */
  readonly areLoaded: boolean
  /** The time from which the result counts: when the signatures were read, in whole unix seconds. */
  readonly since: number
}

/** Finds out which signatures the scanners go by. `now` is in milliseconds. */
export async function findSignaturesInUse(
  scanners: readonly SignatureUser[],
  files: SignatureFiles | undefined,
  now: number,
): Promise<SignaturesInUse> {
  return {
    areLoaded: await areSignaturesLoaded(scanners, files, now),
    since: Math.floor(Math.min(now / 1000, files?.seen ?? Number.POSITIVE_INFINITY)),
  }
}

/**
 * Resolves to whether the scanners have loaded all signature files of this host that they use. Their verdicts
 * then stay valid until the files change again. A scanner that does not report this is assumed to have loaded
 * the files SETTLED_AFTER_SECONDS after they changed. `now` is in milliseconds.
 */
async function areSignaturesLoaded(
  scanners: readonly SignatureUser[],
  files: SignatureFiles | undefined,
  now: number,
): Promise<boolean> {
  const isSettled = (changed: number | undefined) =>
    changed === undefined || now / 1000 >= changed + SETTLED_AFTER_SECONDS
  if (files === undefined || isSettled(files.changed)) return true
  for (const { cacheable } of scanners) {
    if (cacheable?.hasLoaded) {
      if (!(await cacheable.hasLoaded(files, isSettled))) return false
    } else if (cacheable?.signatures === "this host's") return false
  }
  return true
}

/**
 * Returns why this host would not notice a change of the scanners' signatures, in the files of CLAMDBDIR or
 * otherwise, or undefined if it would. If it would not, no verdict may be cached.
 */
export function whyChangesGoUnnoticed(
  scanners: readonly SignatureUser[],
  files: SignatureFiles | undefined,
): string | undefined {
  for (const { name, cacheable } of scanners) {
    if (cacheable?.signatures === 'not reported') return `${name} does not report its signatures`
    if (cacheable?.loadsFrom === undefined) continue
    if (files === undefined) return 'there are no signatures in CLAMDBDIR'
    const from = cacheable.loadsFrom()
    if (from === undefined) return `the directory of ${name}'s signatures is unknown; set CLAMDBDIR`
    const other = from.find((directory) => !isSame(directory, files.directory))
    if (other !== undefined) return `${name} has its signatures in ${other}, and not in CLAMDBDIR`
  }
  return undefined
}

function isSame(directory: string, other: string | undefined): boolean {
  if (directory === other) return true
  try {
    const [stats, otherStats] = [statSync(directory), statSync(other ?? directory)]
    return stats.dev === otherStats.dev && stats.ino === otherStats.ino
  } catch {
    return directory === other // one of them is closed to this user
  }
}
