import { lstatSync, readdirSync, rmdirSync, statSync, unlinkSync } from 'node:fs'
import { opendir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { SpoolPolicy } from './spool-policy.ts'

/** Names that only onescan makes, so that sweeping never removes another's file: named-file.ts. */
const FILE_NAME = /^onescan-[0-9]+-[0-9a-z]+\.msg$/
const DIRECTORY_NAME = /^onescan-dir-[0-9A-Za-z]{6}$/

/** Milliseconds after which what a killed process left is swept; far above any SCANTIMEOUT in use. */
export const SWEEP_AGE = 36 * 60 * 60 * 1000
/** How many names are looked at in one turn, and the pause after it in milliseconds. */
const SLICE = 256
const PAUSE = 50

/**
 * Removes what `kill -9` left in the directories of messages: files with names of ours, older than
 * SWEEP_AGE, of this user, or in a SPOOLDIR that belongs to this user, of anybody. Works in slices,
 * since anybody may fill a directory like /tmp. What cannot be listed or removed stays. Ends at the
 * signal; never rejects.
 */
export async function sweepSpool(
  { directory, sharedDirectory }: SpoolPolicy,
  now: number,
  signal: AbortSignal,
): Promise<void> {
  await sweep(directory, DIRECTORY_NAME, now, signal)
  if (sharedDirectory !== undefined) await sweep(sharedDirectory, FILE_NAME, now, signal)
}

async function sweep(
  directory: string,
  ours: RegExp,
  now: number,
  signal: AbortSignal,
): Promise<void> {
  try {
    const own = process.getuid!()
    const isOwn = ours === FILE_NAME && statSync(directory).uid === own
    let count = 0
    for await (const { name } of await opendir(directory, { bufferSize: SLICE })) {
      if (++count % SLICE === 0) await pause(PAUSE, undefined, { signal, ref: false })
      if (ours.test(name)) sweepOne(join(directory, name), now, isOwn ? undefined : own)
    }
  } catch {
    // Mode 2730: writable, not listable; the owner's processes sweep.
  }
}

function sweepOne(path: string, now: number, owner: number | undefined): void {
  try {
    const status = lstatSync(path)
    if (now - status.mtimeMs <= SWEEP_AGE) return
    if (owner !== undefined && status.uid !== owner) return
    if (!status.isDirectory()) unlinkSync(path)
    else {
      // Directories in it are not entered: somebody who may rename them could lead this elsewhere.
      for (const name of readdirSync(path)) unlinkSync(join(path, name))
      rmdirSync(path)
    }
  } catch {
    // Another process swept it first, or it is not ours to remove.
  }
}
