import { closeSync } from 'node:fs'
import { unlink } from 'node:fs/promises'
import { giveWay, SLICE } from '../ground/path/names-in-slices.ts'
import type { PathHandle } from '../ground/path/walk.ts'
import { daysOf, groundsIn } from './entries.ts'
import { openQuarantine, withFolder } from './folders.ts'
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
/** Bytes that a file is counted for besides its message: the record above it. */
const RECORD_BYTES = 4096

/** A day of one kind of grounds, and what it holds. */
interface DayTotals {
  readonly grounds: string
  readonly day: string
  messages: number
  bytes: number
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
    const days: DayTotals[] = []
    for (const grounds of groundsIn(root)) {
      for (const day of daysOf(root, grounds)) days.push(await removeOld(grounds, day))
    }
    days.sort((totals, other) => (totals.day < other.day ? -1 : 1))
    for (const { messages, bytes } of days) {
      sum.messages += messages
      sum.bytes += bytes
    }
    for (const { grounds, day } of days) {
      if (isOver()) await removeOldest(grounds, day)
      await tidyDay(root, { grounds, day }, oldest, now, signal)
    }
    return sum
  }

  /** Removes the messages of a day that are too old, and counts the others. */
  async function removeOld(grounds: string, day: string): Promise<DayTotals> {
    const totals = { grounds, day, messages: 0, bytes: 0 }
    await withFolder(root, grounds, day, (folder) =>
      visitMessages(
        folder,
        async ({ seconds, size }, path) => {
          if (seconds < oldest && (await remove(path))) return
          totals.messages++
          totals.bytes += size + RECORD_BYTES
        },
        signal,
      ),
    )
    return totals
  }

  /** Removes the oldest messages of a day until the quarantine is within its limits. */
  async function removeOldest(grounds: string, day: string): Promise<void> {
    await withFolder(root, grounds, day, async (folder) => {
      const found: { readonly name: EntryName; readonly path: string }[] = []
      await visitMessages(folder, (name, path) => void found.push({ name, path }), signal)
      found.sort((message, other) => byAge(message.name, other.name))
      for (const [index, { name, path }] of found.entries()) {
        if (!isOver()) return
        if (index % SLICE === SLICE - 1) await giveWay(PAUSE, signal)
        if (!(await remove(path))) continue
        sum.messages--
        sum.bytes -= name.size + RECORD_BYTES
      }
    })
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
