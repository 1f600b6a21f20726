import type { Scanner } from './scanner.ts'
import { countedFrom, SETTLED_AFTER, type SignatureFiles } from './signature-files.ts'

/** The signatures by which a scan that begins now looks. */
export interface SignaturesInUse {
  /** Whether all scanners have loaded the newest signatures of this host. */
  readonly areLoaded: boolean
  /** The time from which the result counts, unix seconds. */
  readonly since: number
}

/** Finds out which signatures the scanners go by. `now` is in milliseconds. */
export async function findSignaturesInUse(
  scanners: readonly Scanner[],
  files: SignatureFiles | undefined,
  now: number,
): Promise<SignaturesInUse> {
  return {
    areLoaded: await areSignaturesLoaded(scanners, files, now),
    since: countedFrom(files, now),
  }
}

/**
 * Whether the scanners have loaded all signature files of this host, as far as they use them. Then
 * their verdicts stay true until the files change again. A scanner that cannot tell has loaded the
 * files SETTLED_AFTER seconds after they changed. `now` is in milliseconds.
 */
async function areSignaturesLoaded(
  scanners: readonly Scanner[],
  files: SignatureFiles | undefined,
  now: number,
): Promise<boolean> {
  const isSettled = (changed: number | undefined) =>
    changed === undefined || now / 1000 >= changed + SETTLED_AFTER
  if (files === undefined || isSettled(files.changed)) return true
  for (const { memorable } of scanners) {
    if (memorable?.hasLoaded) {
      if (!(await memorable.hasLoaded(files, isSettled))) return false
    } else if (memorable?.signatures === "this host's") return false
  }
  return true
}
