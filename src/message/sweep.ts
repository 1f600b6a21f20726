import { lstatSync, readdirSync, rmdirSync, statSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'
import { namesInSlices } from '../ground/path/names-in-slices.ts'
import type { SpoolPolicy } from './spool-policy.ts'

/**
 * Names that only onescan gives: the sweep removes no file of others. In SPOOLDIR: named-file.ts. In
 * TMPDIR: private directories (named-file.ts, cli/inject/), and files that are about to lose their
 * names (anonymous-file.ts, onescanc/spool.c).
 */
const SHARED_NAME = /^onescan-[0-9]+-[0-9a-z]+\.msg$/
const PRIVATE_NAME = /^onescan-(dir|file)-[0-9A-Za-z]+$/

/** Milliseconds after which a file is one that a killed process left; far above any SCANTIMEOUT in use. */
export const SWEEP_AGE = 36 * 60 * 60 * 1000
/** Milliseconds that other work has after a slice of names. */
const PAUSE = 50

/**
 * Removes what `kill -9` left in the directories of messages: files with onescan's names that are older
 * than SWEEP_AGE, and belong to this user or lie in a SPOOLDIR of this user. Works in slices, since
 * anybody may fill a directory like /tmp. What cannot be listed or removed stays. Ends at the signal;
 * never rejects.
 */
export async function sweepSpool(
  { directory, sharedDirectory }: SpoolPolicy,
  now: number,
  signal: AbortSignal,
): Promise<void> {
  await sweep(directory, PRIVATE_NAME, now, signal)
  if (sharedDirectory !== undefined) await sweep(sharedDirectory, SHARED_NAME, now, signal)
}

async function sweep(
  directory: string,
  ours: RegExp,
  now: number,
  signal: AbortSignal,
): Promise<void> {
  try {
    const own = process.getuid!()
    const isOwn = ours === SHARED_NAME && statSync(directory).uid === own
    for await (const name of namesInSlices(directory, PAUSE, signal)) {
      if (ours.test(name)) sweepOne(join(directory, name), now, isOwn ? undefined : own)
    }
  } catch {
    // A directory of mode 2730 can be written and not listed: processes of its owner sweep it.
  }
}

function sweepOne(path: string, now: number, owner: number | undefined): void {
  try {
    const status = lstatSync(path)
    if (now - status.mtimeMs <= SWEEP_AGE) return
    if (owner !== undefined && status.uid !== owner) return
    if (!status.isDirectory()) unlinkSync(path)
    else {
      // Directories in it are not entered: whoever may rename them could lead the sweep elsewhere.
      for (const name of readdirSync(path)) unlinkSync(join(path, name))
      rmdirSync(path)
    }
  } catch {
    // Another process removed it first, or this one may not.
  }
}
