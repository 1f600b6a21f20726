import { lstatSync, rmdirSync, unlinkSync } from 'node:fs'
import { errorText } from '../../base/errors/fault.ts'
import { type RepeatedWork, repeat } from '../../base/flow/repeat.ts'
import { readUptime } from '../../base/flow/uptime.ts'
import { PathHandle } from '../../base/path/path-handle.ts'
import { respondsInside } from '../../base/path/responds.ts'
import type { Environment } from '../../base/process/environment.ts'
import { readSetting, readSettings } from '../../base/settings/read-settings.ts'
import { quarantineLimits } from '../../base/settings/table/quarantine-limits.ts'
import { formatDuration } from '../../base/text/units.ts'
import { readSpoolSettings, type SpoolSettings } from '../../mail/message/spool.ts'
import { sweepQuarantine } from '../scan/quarantine/sweep.ts'

const TEN_MINUTES = 10 * 60 * 1000
const HOURLY = 60 * 60 * 1000

/**
 * Begins to sweep spools and the quarantine: the first process judges no mail, so none waits. Returns what
 * ends that.
 */
export function startSweeps(env: Environment, log: (line: string) => void): () => void {
  const settings = readSpoolSettings(env)
  const spools = repeat(
    HOURLY,
    (stopped) => sweepSpool(settings, Date.now(), stopped),
    (error) => log(`spool: cannot be cleaned up: ${errorText(error)}`),
  )
  const sweeps = [spools, ...sweepQuarantines(env, log)]
  return () => {
    for (const sweep of sweeps) sweep.close()
  }
}

/** Removes messages that are over the limits of the quarantine, if there is one, and logs how many. */
function sweepQuarantines(env: Environment, log: (line: string) => void): RepeatedWork[] {
  const quarantine = readSetting(env, 'QUARANTINE')
  if (quarantine?.kind !== 'directory') return []
  const limits = readSettings(env, quarantineLimits)
  const clock = new SettledClock()
  const sweep = async (stopped: AbortSignal) => {
    const now = Date.now()
    const leap = clock.leapUntil(now, readUptime())
    if (leap !== 0)
      log(
        `quarantine: the clock was set ${leap < 0 ? 'back' : 'forward'} by ${formatDuration(Math.abs(leap))}: no message is removed for an hour`,
      )
    if (!clock.isSettled) return
    const { removed, messages } = await sweepQuarantine(quarantine.directory, limits, now, stopped)
    if (removed > 0)
      log(`quarantine: ${removed} messages over its limits were removed, ${messages} remain`)
  }
  const failed = (error: unknown) => log(`quarantine: cannot be cleaned up: ${errorText(error)}`)
  return [repeat(TEN_MINUTES, sweep, failed)]
}

/** Milliseconds by which the wall clock may gain or lose between two sweeps. */
const LEAP = 5 * 60 * 1000

/** Compares the wall clock with a monotonic one: after a leap, the ages of files are uncertain for an hour. */
export class SettledClock {
  #last: { readonly now: number; readonly uptime: number } | undefined
  #settledAt = 0

  /** Returns the milliseconds by which the wall clock leapt since the last call, or 0. */
  leapUntil(now: number, uptime: number): number {
    const { now: before, uptime: since } = this.#last ?? { now, uptime }
    this.#last = { now, uptime }
    const step = now - before - (uptime - since)
    if (Math.abs(step) <= LEAP) return 0
    this.#settledAt = uptime + HOURLY
    return step
  }

  /** Whether an hour has passed since the last leap. */
  get isSettled(): boolean {
    return (this.#last?.uptime ?? 0) >= this.#settledAt
  }
}

/**
 * Names that only onescan uses, so that the sweep removes no foreign file. In SPOOLDIR: named-copy.ts. In
 * TMPDIR: private directories (named-copy.ts), and files that are about to lose their names (spool.ts,
 * onescanc/spool.c).
 */
const SHARED_NAME = /^onescan-[0-9]+-[0-9a-z]+\.msg$/
const PRIVATE_NAME = /^onescan-(dir|file)-[0-9A-Za-z]+$/

/** Milliseconds after which a file counts as left by a killed process; far above any SCANTIMEOUT in use. */
const SWEEP_AGE = 36 * 60 * 60 * 1000
/** Milliseconds that other work has after a slice of names. */
const PAUSE = 50

/**
 * Removes files that `kill -9` left in the directories of messages. They have onescan's names, are older than
 * SWEEP_AGE, and belong to this user or are in a SPOOLDIR of this user. Enters no directory of another user,
 * and none with the name of a file. Works in slices, because any user may fill a directory like /tmp. Files
 * that cannot be listed or removed stay. Ends when the signal is aborted. Never rejects.
 */
export async function sweepSpool(
  { directory, sharedDirectory }: SpoolSettings,
  now: number,
  signal: AbortSignal,
): Promise<void> {
  await sweepLeftovers(directory, PRIVATE_NAME, now, signal)
  if (sharedDirectory !== undefined) await sweepLeftovers(sharedDirectory, SHARED_NAME, now, signal)
}

async function sweepLeftovers(
  path: string,
  ours: RegExp,
  now: number,
  signal: AbortSignal,
): Promise<void> {
  if (!(await respondsInside(path))) return
  try {
    const directory = PathHandle.find(path)
    try {
      for await (const name of directory.namesInSlices(PAUSE, signal)) {
        if (ours.test(name)) sweepOne(directory, name, ours === SHARED_NAME, now)
      }
    } finally {
      directory.close()
    }
  } catch {
    // A directory of mode 2730 can be written and not listed: processes of its owner sweep it.
  }
}

/**
 * Removes a file, or a private directory of this user with the files in it. Each path has only one name below
 * an open directory: a user who may write to `parent` could replace a checked directory by another one, or by
 * a link.
 */
function sweepOne(parent: PathHandle, name: string, isShared: boolean, now: number): void {
  const path = parent.at(name)
  const own = process.getuid!()
  try {
    const status = lstatSync(path)
    const mayRemove = status.uid === own || (isShared && parent.stats.uid === own)
    if (!mayRemove || now - status.mtimeMs <= SWEEP_AGE) return
    if (!status.isDirectory()) unlinkSync(path)
    else if (!isShared) {
      emptyDirectory(parent, name, own)
      rmdirSync(path)
    }
  } catch {
    // Another process removed it first, or this one may not.
  }
}

/** Removes the files in a directory of this user. Directories in it are not entered. */
function emptyDirectory(parent: PathHandle, name: string, own: number): void {
  const directory = parent.find(name)
  try {
    if (directory.stats.uid !== own) return
    for (const file of directory.names()) unlinkSync(directory.at(file))
  } finally {
    directory.close()
  }
}
