import { closeSync, lstatSync } from 'node:fs'
import { unlink } from 'node:fs/promises'
import { giveWay, SLICE } from '../ground/path/names-in-slices.ts'
import type { PathHandle } from '../ground/path/walk.ts'
import { daysOf, groundsIn } from './entries.ts'
import { findFolder, openQuarantine, withFolder } from './folders.ts'
import { byAge, type EntryName } from './names.ts'
import type { QuarantineLimits } from './quarantine-policy.ts'
import { tidyDay } from './tidy-day.ts'
import { PAUSE, visitMessages } from './visit-names.ts'

export interface SweepResult {
  /** Messages that are still there. */
  readonly messages: number
  /** Bytes of the files of these messages. */
  readonly bytes: number
  readonly removed: number
}

const DAY = 86_400_000
/** A day of one kind of grounds. */
interface DayOfGrounds {
  readonly grounds: string
  readonly day: string
}

/**
 * Removes what is over the limits: first messages that are too old, then the oldest ones until their
 * number and bytes are within the limits. Works in slices, beside mail, and holds the names of one
 * day at a time. A file that cannot be removed stays. `now` is in unix milliseconds. Rejects if the
 * quarantine cannot be opened, or at the signal.
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
  const oldest = limits.age === 0 ? 0 : (now - limits.age * DAY) / 1000 // unix seconds
  const sum = { messages: 0, bytes: 0, removed: 0 }
  const isOver = () =>
    (limits.messages > 0 && sum.messages > limits.messages) ||
    (limits.bytes > 0 && sum.bytes > limits.bytes)

  async function run(): Promise<SweepResult> {
    const days = new Map<string, DayOfGrounds[]>()
    for (const grounds of groundsIn(root)) {
      for (const day of daysOf(root, grounds)) {
        days.set(day, [...(days.get(day) ?? []), { grounds, day }])
        await removeOld({ grounds, day })
      }
    }
    for (const [, folders] of [...days].sort(([day], [other]) => (day < other ? -1 : 1))) {
      if (isOver()) await removeOldest(folders)
      for (const folder of folders) await tidyDay(root, folder, oldest, now, signal)
    }
    return sum
  }

  /** Removes the messages of a day that are too old, and counts the others. */
  async function removeOld({ grounds, day }: DayOfGrounds): Promise<void> {
    await withFolder(root, grounds, day, (folder) =>
      visitMessages(
        folder,
        async ({ seconds }, path) => {
          if (seconds < oldest && (await remove(path))) return
          sum.messages++
          sum.bytes += sizeOf(path)
        },
        signal,
      ),
    )
  }

  /** Removes the oldest messages of a day, of whatever grounds, until the quarantine is within its limits. */
  async function removeOldest(folders: readonly DayOfGrounds[]): Promise<void> {
    const opened = folders.flatMap(({ grounds, day }) => findFolder(root, grounds, day) ?? [])
    try {
      const found: { readonly name: EntryName; readonly path: string }[] = []
      const note = (name: EntryName, path: string) => void found.push({ name, path })
      for (const folder of opened) await visitMessages(folder, note, signal)
      found.sort((message, other) => byAge(message.name, other.name))
      for (const [index, { path }] of found.entries()) {
        if (!isOver()) return
        if (index % SLICE === SLICE - 1) await giveWay(PAUSE, signal)
        const bytes = sizeOf(path)
        if (!(await remove(path))) continue
        sum.messages--
        sum.bytes -= bytes
      }
    } finally {
      for (const folder of opened) folder.close()
    }
  }

  /** Returns whether the file could be removed. */
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

/** Bytes of a file with its record, which may be larger than the message. */
function sizeOf(path: string): number {
  try {
    return lstatSync(path).size
  } catch {
    return 0 // somebody has just removed it
  }
}
