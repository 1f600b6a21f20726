import { SETTLED_AFTER, type SignatureFiles } from '../../cluster/signature-files.ts'
import type { Scanner } from './scanner.ts'

/**
 * Whether these scanners look by all signatures that lie here, as far as they go by them: what
 * they find from now on need not be looked at again for signatures that are on their way to them.
 * Where nobody can tell, they have arrived SETTLED_AFTER seconds after the files changed.
 * `now` in milliseconds.
 */
export async function haveLoaded(
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
