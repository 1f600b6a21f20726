import { closeSync } from 'node:fs'
import { opendir, rmdir, stat, unlink } from 'node:fs/promises'
import { type PathHandle, procPathOf } from '../ground/path/walk.ts'
import { daysOf, entryAt, groundsIn } from './entries.ts'
import {
  type Folder,
  findFolder,
  type MaildirPart,
  openQuarantine,
  stepIfThere,
} from './folders.ts'
import { byAge, type EntryName, readEntryName } from './names.ts'
import type { QuarantineLimits } from './quarantine-policy.ts'
import { giveWay, SLICE, visitNames } from './visit-names.ts'

export interface SweepResult {
  /** Messages that are still there, and their bytes. */
  readonly messages: number
  readonly bytes: number
  readonly removed: number
}

/** Milliseconds after which a file that a killed process left in tmp/ is useless. */
const LEFT_AFTER = 36 * 60 * 60 * 1000
const DAY = 86_400_000
/** Bytes that a file takes besides its message, for our part above it. */
const BESIDE = 4096

/** A day of one ground, and what is in it. */
interface DayTotals {
  readonly ground: string
  readonly day: string
  messages: number
  bytes: number
}

/**
 * Removes what is over the limits: first what is too old, then the oldest messages until number and
 * bytes fit. Works in slices, beside mail, and holds only the names of one day. What cannot be
 * removed stays. `now` in unix milliseconds. Rejects if the quarantine cannot be opened, or at the
 * signal.
 */
export async function sweepQuarantine(
  directory: string,
  limits: QuarantineLimits,
  now: number,
  signal?: AbortSignal,
): Promise<SweepResult> {
  const root = openQuarantine(directory)
  try {
    return await createSweep(root, limits, now, signal).run()
  } finally {
    closeSync(root.fd)
  }
}

function createSweep(
  root: PathHandle,
  limits: QuarantineLimits,
  now: number,
  signal: AbortSignal | undefined,
) {
  const oldest = limits.age === 0 ? 0 : (now - limits.age * DAY) / 1000
  const sum = { messages: 0, bytes: 0, removed: 0 }
  const isOver = () =>
    (limits.messages > 0 && sum.messages > limits.messages) ||
    (limits.bytes > 0 && sum.bytes > limits.bytes)

  async function run(): Promise<SweepResult> {
    const counts: DayTotals[] = []
    for (const ground of groundsIn(root)) {
      for (const day of daysOf(root, ground)) counts.push(await removeOld(ground, day))
    }
    counts.sort((count, other) => (count.day < other.day ? -1 : 1))
    for (const count of counts) {
      sum.messages += count.messages
      sum.bytes += count.bytes
    }
    for (const { ground, day } of counts) {
      if (isOver()) await thin(ground, day)
      await tidy(ground, day)
    }
    return sum
  }

  /** Removes what is too old, and counts the rest. */
  async function removeOld(ground: string, day: string): Promise<DayTotals> {
    const count = { ground, day, messages: 0, bytes: 0 }
    await withFolder(ground, day, async (folder) => {
      for (const part of ['new', 'cur'] as const) {
        await eachEntry(folder, part, async ({ seconds, size }, path) => {
          if (seconds < oldest && (await remove(path))) return
          count.messages++
          count.bytes += size + BESIDE
        })
      }
    })
    return count
  }

  /** Removes the oldest messages of that day until the rest is within the limits. */
  async function thin(ground: string, day: string): Promise<void> {
    await withFolder(ground, day, async (folder) => {
      const found: { readonly name: EntryName; readonly path: string }[] = []
      for (const part of ['new', 'cur'] as const) {
        await eachEntry(folder, part, async (name, path) => void found.push({ name, path }))
      }
      found.sort((entry, other) => byAge(entry.name, other.name))
      for (const [index, { name, path }] of found.entries()) {
        if (!isOver()) return
        if (index % SLICE === SLICE - 1) await giveWay(signal)
        if (!(await remove(path))) continue
        sum.messages--
        sum.bytes -= name.size + BESIDE
      }
    })
  }

  /** Removes what a killed process left in tmp/, and the folder if nothing is in it. */
  async function tidy(ground: string, day: string): Promise<void> {
    let isEmpty = false
    await withFolder(ground, day, async (folder) => {
      const removeLeft = async (file: string, path: string) => {
        const stats = await stat(path).catch(() => undefined)
        if (stats === undefined) return
        // What is being released, or was when that was killed, is a message still.
        const message = entryAt({ ground, day, part: 'tmp', file })
        if (message !== undefined && message.seconds >= oldest) return
        const touched = message === undefined ? stats.mtimeMs : stats.ctimeMs // rename(2) sets that
        if (now - touched > LEFT_AFTER) await unlink(path).catch(none)
      }
      await visitNames(folder, 'tmp', removeLeft, signal)
      isEmpty = await hasNothing(folder)
    })
    if (!isEmpty) return
    if (now - Date.parse(day) < 2 * DAY) return // somebody may be about to write into it
    const maildir = stepIfThere(root, ground)
    if (maildir === undefined) return
    try {
      const path = `${procPathOf(maildir)}/.${day}`
      for (const part of ['tmp', 'cur', 'new']) await rmdir(`${path}/${part}`)
      await rmdir(path)
    } catch {
      // Somebody has put something there, or removed it.
    } finally {
      closeSync(maildir.fd)
    }
  }

  async function withFolder(
    ground: string,
    day: string,
    use: (folder: Folder) => Promise<void>,
  ): Promise<void> {
    const folder = findFolder(root, ground, day)
    if (folder === undefined) return
    try {
      await use(folder)
    } finally {
      folder.close()
    }
  }

  async function eachEntry(
    folder: Folder,
    part: MaildirPart,
    visit: (name: EntryName, path: string) => Promise<void>,
  ): Promise<void> {
    const look = async (file: string, path: string) => {
      const name = readEntryName(file)
      if (name !== undefined) await visit(name, path)
    }
    await visitNames(folder, part, look, signal)
  }

  /** Returns whether it is gone now. */
  async function remove(path: string): Promise<boolean> {
    try {
      await unlink(path)
      sum.removed++
      return true
    } catch {
      return false
    }
  }

  return { run }
}

/** All three parts go: a folder without one of them is no Maildir. */
async function hasNothing({ parts }: Folder): Promise<boolean> {
  for (const place of Object.values(parts)) {
    const directory = await opendir(`${procPathOf(place)}/.`)
    try {
      if ((await directory.read()) !== null) return false
    } finally {
      await directory.close()
    }
  }
  return true
}

function none(): void {}
