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
    return await new QuarantineSweep(root, limits, now, signal).run()
  } finally {
    closeSync(root.fd)
  }
}

/** One sweep of a quarantine, and the sum of what stays. */
class QuarantineSweep {
  readonly #root: PathHandle
  readonly #limits: QuarantineLimits
  readonly #now: number
  readonly #oldest: number // unix seconds
  readonly #signal: AbortSignal | undefined
  readonly #sum = { messages: 0, bytes: 0, removed: 0 }

  constructor(root: PathHandle, limits: QuarantineLimits, now: number, signal?: AbortSignal) {
    this.#root = root
    this.#limits = limits
    this.#now = now
    this.#oldest = limits.age === 0 ? 0 : (now - limits.age * DAY) / 1000
    this.#signal = signal
  }

  async run(): Promise<SweepResult> {
    const root = this.#root
    const days = new Map<string, DayOfGrounds[]>()
    for (const grounds of groundsIn(root)) {
      for (const day of daysOf(root, grounds)) {
        days.set(day, [...(days.get(day) ?? []), { grounds, day }])
        await this.#removeOld({ grounds, day })
      }
    }
    for (const [, folders] of [...days].sort(([day], [other]) => (day < other ? -1 : 1))) {
      if (this.#isOver()) await this.#removeOldest(folders)
      for (const folder of folders) {
        await tidyDay(root, folder, this.#oldest, this.#now, this.#signal)
      }
    }
    return this.#sum
  }

  /** Whether more is there than the limits allow. */
  #isOver(): boolean {
    const { messages, bytes } = this.#limits
    return (messages > 0 && this.#sum.messages > messages) || (bytes > 0 && this.#sum.bytes > bytes)
  }

  /** Removes the messages of a day that are too old, and counts the others. */
  async #removeOld({ grounds, day }: DayOfGrounds): Promise<void> {
    const visit = async ({ seconds }: EntryName, path: string) => {
      if (seconds < this.#oldest && (await this.#remove(path))) return
      this.#sum.messages++
      this.#sum.bytes += sizeOf(path)
    }
    await withFolder(this.#root, grounds, day, (folder) =>
      visitMessages(folder, visit, this.#signal),
    )
  }

  /** Removes the oldest messages of a day, of whatever grounds, until the quarantine is within its limits. */
  async #removeOldest(folders: readonly DayOfGrounds[]): Promise<void> {
    const opened = folders.flatMap(({ grounds, day }) => findFolder(this.#root, grounds, day) ?? [])
    try {
      const found: { readonly name: EntryName; readonly path: string }[] = []
      const note = (name: EntryName, path: string) => void found.push({ name, path })
      for (const folder of opened) await visitMessages(folder, note, this.#signal)
      found.sort((message, other) => byAge(message.name, other.name))
      for (const [index, { path }] of found.entries()) {
        if (!this.#isOver()) return
        if (index % SLICE === SLICE - 1) await giveWay(PAUSE, this.#signal)
        const bytes = sizeOf(path)
        if (!(await this.#remove(path))) continue
        this.#sum.messages--
        this.#sum.bytes -= bytes
      }
    } finally {
      for (const folder of opened) folder.close()
    }
  }

  /** Returns whether the file could be removed. */
  async #remove(path: string): Promise<boolean> {
    try {
      await unlink(path)
      this.#sum.removed++
      return true
    } catch {
      return false
    }
  }
}

/** Bytes of a file with its record, which may be larger than the message. */
function sizeOf(path: string): number {
  try {
    return lstatSync(path).size
  } catch {
    return 0 // somebody has just removed it
  }
}
