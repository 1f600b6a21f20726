import type { Stats } from 'node:fs'
import { lstat, unlink } from 'node:fs/promises'
import { inSlices } from '../../../base/flow/event-loop.ts'
import type { PathHandle } from '../../../base/path/path-handle.ts'
import type { Values } from '../../../base/settings/read-settings.ts'
import type { quarantineLimits } from '../../../base/settings/table/quarantine-limits.ts'
import { DAY } from '../../../base/text/units.ts'
import { byAge, dayOfId, daysIn, entryAt, keptUntil, type QuarantineEntry } from './entries.ts'
import {
  type DayOfGrounds,
  Folder,
  type MaildirFile,
  openFolder,
  openQuarantine,
} from './folders.ts'
import { KEYS } from './quarantine-message.ts'
import { RECEIPTS } from './receipts.ts'
import { REQUESTS } from './release-requests.ts'

/** The limits above which messages are removed. */
interface SweepLimits extends Values<typeof quarantineLimits> {
  /** The number of messages, if another one than MESSAGES_MAX. */
  readonly messages?: number
}

interface SweepResult {
  /** Messages that are still there. */
  readonly messages: number
  /** Bytes of the files of these messages. */
  readonly bytes: number
  readonly removed: number
}

/** The number of messages above which the oldest ones are removed. */
const MESSAGES_MAX = 1_000_000
/** Milliseconds that other work has after a slice of names. */
const PAUSE = 5
/** Milliseconds after which a file that a killed process left in tmp/ is useless. */
const USELESS_AFTER = 36 * 60 * 60 * 1000
/** Milliseconds in which a client may try again: queuelifetime of qmail-send(8) is a week. */
const RETRIED_FOR = 8 * DAY
/**
 * Milliseconds from the beginning of a day: so long a process may write into the folder of that
 * day.
 */
const IN_USE_FOR = 2 * DAY

/**
 * Removes messages until the quarantine is within its limits: first those that are too old, then the oldest ones until their
 * number and bytes are within the limits. Rejects if the quarantine cannot be opened, or when the signal is aborted.
 *
 * Works in slices, so that mail is not delayed, and holds the names of one day at a time. A file that cannot be removed stays.
 */
export async function sweepQuarantine(
  directory: string,
  limits: SweepLimits,
  now: number,
  signal: AbortSignal,
): Promise<SweepResult> {
  const root = await openQuarantine(directory)
  try {
    return await new QuarantineSweep(root, limits, now, signal).run()
  } finally {
    root.close()
  }
}

/** One sweep of a quarantine, and the sum of what stays. */
class QuarantineSweep {
  readonly #root: PathHandle
  readonly #limits: SweepLimits
  readonly #now: number
  readonly #signal: AbortSignal
  readonly #sum = { messages: 0, bytes: 0, removed: 0 }

  constructor(root: PathHandle, limits: SweepLimits, now: number, signal: AbortSignal) {
    this.#root = root
    this.#limits = limits
    this.#now = now
    this.#signal = signal
  }

  async run(): Promise<SweepResult> {
    const days = await daysIn(this.#root)
    for (const day of days) await this.#removeOld(day)
    for (const name of new Set(days.map(({ day }) => day).sort())) {
      if (this.#isOver()) await this.#removeOldest(days.filter(({ day }) => day === name))
    }
    for (const day of days) await this.#tidy(day)
    const dates = new Set(days.map(({ day }) => day))
    for (const name of [KEYS, REQUESTS]) await this.#forgetOld(name, dates)
    return this.#sum
  }

  /** Returns whether there is more than the limits allow. */
  #isOver(): boolean {
    const { messages, bytes } = this.#sum
    const { messages: most = MESSAGES_MAX, QUARANTINESIZE } = this.#limits
    return messages > most || (QUARANTINESIZE > 0 && bytes > QUARANTINESIZE)
  }

  /**
   * Returns whether a message is too old by its id, which people see, and by the time of its file: a clock that was years slow
   * when it was kept takes none away.
   */
  #isTooOld(entry: QuarantineEntry, { mtimeMs }: Stats): boolean {
    const { QUARANTINEDAYS: days } = this.#limits
    const end = keptUntil(entry, days)
    return end !== undefined && this.#now > Math.max(end, mtimeMs + days * DAY)
  }

  /** Removes the messages of a day that are too old, and counts the others. */
  async #removeOld(at: DayOfGrounds): Promise<void> {
    await Folder.within(this.#root, at, async (folder) => {
      for await (const { entry, path } of this.#messagesIn(folder, at)) {
        const stats = await statsOf(path)
        if (stats === undefined) continue
        if (this.#isTooOld(entry, stats) && (await this.#remove(path))) continue
        this.#sum.messages++
        this.#sum.bytes += stats.size
      }
    })
  }

  /** Removes the oldest messages of a day, for whatever reason they were kept, until the quarantine is within its limits. */
  async #removeOldest(ofDay: readonly DayOfGrounds[]): Promise<void> {
    const folders: Folder[] = []
    try {
      const found: Found[] = []
      for (const at of ofDay) {
        const folder = await Folder.find(this.#root, at)
        if (folder === undefined) continue
        folders.push(folder)
        for await (const message of this.#messagesIn(folder, at)) found.push(message)
      }
      found.sort((message, other) => byAge(message.entry, other.entry))
      for await (const { path } of inSlices(found, PAUSE, this.#signal)) {
        if (!this.#isOver()) return
        const { size = 0 } = (await statsOf(path)) ?? {}
        if (!(await this.#remove(path))) continue
        this.#sum.messages--
        this.#sum.bytes -= size
      }
    } finally {
      for (const folder of folders) folder.close()
    }
  }

  /** Removes what killed processes left in tmp/ of a day, and the folder of the day if it is empty. */
  async #tidy(at: DayOfGrounds): Promise<void> {
    await Folder.within(this.#root, at, async (folder) => {
      for await (const [file, path] of this.#filesIn(folder, 'tmp')) {
        const stats = await statsOf(path)
        if (stats === undefined) continue
        // A message that is being released is here, also if the process that released it was killed.
        const entry = entryAt(at, { part: 'tmp', file })
        if (entry !== undefined && !this.#isTooOld(entry, stats)) continue
        const touched = entry === undefined ? stats.mtimeMs : stats.ctimeMs // rename(2) sets ctime
        if (this.#now - touched > USELESS_AFTER) await unlink(path).catch(() => {})
      }
      const isInUse = this.#now - Date.parse(at.day) < IN_USE_FOR
      // Other files in a folder stay, and so does the folder.
      if (!isInUse) await folder.removeIfEmpty().catch(() => {})
    })
  }

  /** Removes what leads retries to kept messages, or requests to their answers, when clients no longer retry. */
  async #forgetOld(name: string, days: ReadonlySet<string>): Promise<void> {
    if (!(await this.#root.namesInThread()).includes(name)) return
    const keys = await openFolder(this.#root, name)
    try {
      for await (const key of keys.namesInSlices(PAUSE, this.#signal)) {
        const link = keys.at(key)
        const made = (await statsOf(link))?.mtimeMs ?? this.#now
        // Receipts are kept as long as messages of their day.
        const isKept = key.endsWith(RECEIPTS) && days.has(dayOfId(key))
        if (!isKept && this.#now - made > RETRIED_FOR) await unlink(link).catch(() => {})
      }
    } finally {
      keys.close()
    }
  }

  /** The messages in new/ and cur/ of a folder, in no order. */
  async *#messagesIn(folder: Folder, at: DayOfGrounds): AsyncGenerator<Found> {
    for (const part of ['new', 'cur'] as const) {
      for await (const [file, path] of this.#filesIn(folder, part)) {
        const entry = entryAt(at, { part, file })
        if (entry !== undefined) yield { entry, path }
      }
    }
  }

  /**
   * The names in a part of a folder, each with its path, in no order. Works in slices, so that it does not
   * delay mail. Rejects at the signal.
   */
  async *#filesIn(
    folder: Folder,
    part: MaildirFile['part'],
  ): AsyncGenerator<[name: string, path: string]> {
    const directory = folder.parts[part]
    for await (const name of directory.namesInSlices(PAUSE, this.#signal)) {
      yield [name, directory.at(name)]
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

/** A message in new/ or cur/. */
interface Found {
  readonly entry: QuarantineEntry
  readonly path: string
}

/** Resolves to undefined if another process has just removed the file. Its size includes the record of a message. */
const statsOf = (path: string): Promise<Stats | undefined> => lstat(path).catch(() => undefined)
