import { closeSync, lstatSync } from 'node:fs'
import { opendir, rmdir, stat, unlink } from 'node:fs/promises'
import { giveWay, namesInSlices, SLICE } from '../ground/path/names-in-slices.ts'
import { type PathHandle, procPathOf } from '../ground/path/walk.ts'
import { daysOf, entryAt, groundsIn } from './entries.ts'
import {
  type Folder,
  findFolder,
  MAILDIR_PARTS,
  type MaildirPart,
  openQuarantine,
  stepIfThere,
  withFolder,
} from './folders.ts'
import { byAge, type EntryName, readEntryName } from './names.ts'
import type { QuarantineLimits } from './quarantine-policy.ts'

export interface SweepResult {
  /** Messages that are still there. */
  readonly messages: number
  /** Bytes of the files of these messages. */
  readonly bytes: number
  readonly removed: number
}

const DAY = 86_400_000
/** Milliseconds that other work has after a slice of names. */
const PAUSE = 5
/** Milliseconds after which a file that a killed process left in tmp/ is useless. */
const USELESS_AFTER = 36 * 60 * 60 * 1000
/** Milliseconds from the beginning of a day on in which a process may write into its folder. */
const IN_USE_FOR = 2 * DAY

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
      for (const folder of folders) await this.#tidy(folder)
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
    await withFolder(this.#root, grounds, day, (folder) => this.#visitMessages(folder, visit))
  }

  /** Removes the oldest messages of a day, of whatever grounds, until the quarantine is within its limits. */
  async #removeOldest(folders: readonly DayOfGrounds[]): Promise<void> {
    const opened = folders.flatMap(({ grounds, day }) => findFolder(this.#root, grounds, day) ?? [])
    try {
      const found: { readonly name: EntryName; readonly path: string }[] = []
      const note = (name: EntryName, path: string) => void found.push({ name, path })
      for (const folder of opened) await this.#visitMessages(folder, note)
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

  /** Removes what killed processes left in tmp/ of a day, and the folder of the day if it is empty. */
  async #tidy({ grounds, day }: DayOfGrounds): Promise<void> {
    let hasNothing = false
    await withFolder(this.#root, grounds, day, async (folder) => {
      const removeUseless = async (file: string, path: string) => {
        const stats = await stat(path).catch(() => undefined)
        if (stats === undefined) return
        // A message that is being released is here, also if the process that released it was killed.
        const message = entryAt({ grounds, day, part: 'tmp', file })
        if (message !== undefined && message.seconds >= this.#oldest) return
        const touched = message === undefined ? stats.mtimeMs : stats.ctimeMs // rename(2) sets ctime
        if (this.#now - touched > USELESS_AFTER) await unlink(path).catch(() => {})
      }
      await this.#visitNames(folder, 'tmp', removeUseless)
      hasNothing = await isEmpty(folder)
    })
    if (hasNothing && this.#now - Date.parse(day) >= IN_USE_FOR) {
      await removeFolder(this.#root, grounds, day)
    }
  }

  /** Calls `visit` for each message in new/ and cur/ of a folder, as #visitNames() does for names. */
  async #visitMessages(
    folder: Folder,
    visit: (name: EntryName, path: string) => Promise<void> | void,
  ): Promise<void> {
    const visitMessage = async (file: string, path: string) => {
      const name = readEntryName(file)
      if (name !== undefined) await visit(name, path)
    }
    for (const part of ['new', 'cur'] as const) await this.#visitNames(folder, part, visitMessage)
  }

  /**
   * Calls `visit` with each name in a part of a folder, and its path, in no order. Works in slices,
   * so that it may run beside mail. Rejects at the signal.
   */
  async #visitNames(
    { parts }: Folder,
    part: MaildirPart,
    visit: (name: string, path: string) => Promise<void>,
  ): Promise<void> {
    const directory = procPathOf(parts[part])
    for await (const name of namesInSlices(`${directory}/.`, PAUSE, this.#signal)) {
      await visit(name, `${directory}/${name}`)
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

/** Removes the folder of a day, unless somebody has put something there. */
async function removeFolder(root: PathHandle, grounds: string, day: string): Promise<void> {
  const maildir = stepIfThere(root, grounds)
  if (maildir === undefined) return
  try {
    const path = `${procPathOf(maildir)}/.${day}`
    for (const part of MAILDIR_PARTS) await rmdir(`${path}/${part}`)
    await rmdir(path)
  } catch {
    // Somebody has put something there, or removed it.
  } finally {
    closeSync(maildir.fd)
  }
}

/** Whether all parts are empty: a folder without one of them would be no Maildir. */
async function isEmpty({ parts }: Folder): Promise<boolean> {
  for (const part of Object.values(parts)) {
    const directory = await opendir(`${procPathOf(part)}/.`)
    try {
      if ((await directory.read()) !== null) return false
    } finally {
      await directory.close()
    }
  }
  return true
}
