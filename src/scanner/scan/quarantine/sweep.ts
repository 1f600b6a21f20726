import { lstat, stat, unlink } from 'node:fs/promises'
import { errorText } from '../../../base/errors/fault.ts'
import { inSlices } from '../../../base/flow/event-loop.ts'
import type { PathHandle } from '../../../base/path/path-handle.ts'
import type { Values } from '../../../base/settings/read-settings.ts'
import type { quarantineLimits } from '../../../base/settings/table/quarantine-limits.ts'
import { byAge, daysIn, entryAt, type QuarantineEntry } from './entries.ts'
import {
  type DayOfGrounds,
  Folder,
  type MaildirFile,
  openFolder,
  openQuarantine,
} from './folders.ts'
import { KEYS } from './quarantine-message.ts'
import { GIVEN } from './release-progress.ts'
import { REQUESTS } from './release-requests.ts'
import { FIRST_SEEN, type HostTime, SweepClock } from './sweep-clock.ts'

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
  /** Warnings for operators: lines for the log. */
  readonly warnings: readonly string[]
}

const DAY_SECONDS = 86_400
/** The number of messages above which the oldest ones are removed. */
const MESSAGES_MAX = 1_000_000
/** Milliseconds that other work has after a slice of names. */
const PAUSE = 5
/** Milliseconds after which a file that a killed process left in tmp/ is useless. */
const USELESS_AFTER = 36 * 60 * 60 * 1000
/** Milliseconds in which a client may try again: queuelifetime of qmail-send(8) is a week. */
const RETRIED_FOR = 8 * DAY_SECONDS * 1000
/**
 * Milliseconds from the beginning of a day: so long a process may write into the folder of that
 * day.
 */
const IN_USE_FOR = 2 * DAY_SECONDS * 1000

/** A message in new/ or cur/. */
interface Found {
  readonly entry: QuarantineEntry
  readonly path: string
  /** When a sweep saw it first, in seconds of the clock. */
  readonly seen: number
  /** Whether this sweep is the first that saw it, according to the notes of earlier sweeps. */
  readonly isNew: boolean
}

/** The messages of a day that one sweep saw for the first time. */
interface SeenTogether {
  readonly seen: number
  readonly day: string
  messages: number
  bytes: number
}

/**
 * Removes messages until the quarantine is within its limits: first those that are too old, then the oldest
 * ones until their number and bytes are within the limits. Rejects if the quarantine cannot be opened, or
 * when the signal is aborted.
 *
 * The clock of the sweeps (sweep-clock.ts) decides how old a message is, and which is older. The times in names only
 * order the messages that one sweep saw at once. If the wall clock was set since the last sweep, nothing is
 * removed. Works in slices, so that mail is not delayed, and holds the names of one day at a time. A file
 * that cannot be removed stays.
 */
export async function sweepQuarantine(
  directory: string,
  limits: SweepLimits,
  time: HostTime,
  signal: AbortSignal,
): Promise<SweepResult> {
  const root = await openQuarantine(directory)
  try {
    const clock = await SweepClock.advance(root, time)
    const { warnings, stopped } = clock
    if (stopped !== undefined) return { ...NOTHING, warnings: [...warnings, stopped] }
    const sweep = new QuarantineSweep(root, limits, clock, time.now, signal)
    const { unnoted, ...sum } = await sweep.run()
    if (unnoted === undefined) return { ...sum, warnings }
    const warning = `the age of new messages cannot be recorded: ${errorText(unnoted)}`
    return { ...sum, warnings: [...warnings, warning] }
  } finally {
    root.close()
  }
}

const NOTHING = { messages: 0, bytes: 0, removed: 0 }

/** One sweep of a quarantine, and the sum of what stays. */
class QuarantineSweep {
  readonly #root: PathHandle
  readonly #limits: SweepLimits
  readonly #clock: SweepClock
  readonly #now: number
  readonly #signal: AbortSignal
  readonly #sum = { ...NOTHING }
  /** The messages in the quarantine, in batches. */
  readonly #batches = new Map<string, SeenTogether>()
  /** The error if new messages could not be noted, and otherwise undefined. */
  #unnoted: unknown

  constructor(
    root: PathHandle,
    limits: SweepLimits,
    clock: SweepClock,
    now: number,
    signal: AbortSignal,
  ) {
    this.#root = root
    this.#limits = limits
    this.#clock = clock
    this.#now = now
    this.#signal = signal
  }

  async run() {
    const days = await daysIn(this.#root)
    for (const day of days) await this.#removeOld(day)
    if (this.#isOver()) await this.#removeOldest(days)
    for (const day of days) await this.#tidy(day)
    for (const name of [KEYS, REQUESTS]) await this.#forgetOld(name)
    return { ...this.#sum, unnoted: this.#unnoted }
  }

  /** Returns whether there is more than the limits allow. */
  #isOver({ messages, bytes } = this.#sum): boolean {
    const { messages: most = MESSAGES_MAX, QUARANTINESIZE } = this.#limits
    return messages > most || (QUARANTINESIZE > 0 && bytes > QUARANTINESIZE)
  }

  /** Returns whether a message first seen then is too old. */
  #isTooOld(seen: number): boolean {
    const { QUARANTINEDAYS: days } = this.#limits
    return days > 0 && this.#clock.seconds - seen > days * DAY_SECONDS
  }

  /**
   * Removes the messages of a day that are too old, counts the others, and notes those that no sweep has
   * seen before.
   */
  async #removeOld(at: DayOfGrounds): Promise<void> {
    await Folder.within(this.#root, at, async (folder) => {
      const fresh: string[] = []
      for await (const { entry, path, seen, isNew } of this.#messagesIn(folder, at)) {
        if (this.#isTooOld(seen) && (await this.#remove(path))) continue
        if (isNew) fresh.push(entry.id)
        this.#count(seen, at.day, await sizeOf(path))
      }
      if (fresh.length > 0) await this.#note(folder, fresh)
    })
  }

  #count(seen: number, day: string, bytes: number): void {
    const key = `${seen} ${day}`
    const batch = this.#batches.get(key) ?? { seen, day, messages: 0, bytes: 0 }
    this.#batches.set(key, batch)
    for (const sum of [batch, this.#sum]) {
      sum.messages++
      sum.bytes += bytes
    }
  }

  async #note(folder: Folder, ids: readonly string[]): Promise<void> {
    try {
      await this.#clock.noteSeen(folder.top, ids)
    } catch (error) {
      this.#unnoted = error // a full disk: the oldest messages are still removed
    }
  }

  /**
   * Removes the oldest messages, for whatever reason they were kept, until the quarantine is within its
   * limits.
   */
  async #removeOldest(days: readonly DayOfGrounds[]): Promise<void> {
    const last = this.#lastBatchToGo()
    const before = [...this.#batches.values()].filter((batch) => isBefore(batch, last))
    const daysBefore = new Set(before.map(({ day }) => day))
    for (const at of days) {
      const { day } = at
      if (!daysBefore.has(day)) continue // mostly no batch is removed as a whole: names are not read twice
      await Folder.within(this.#root, at, async (folder) => {
        for await (const { seen, path } of this.#messagesIn(folder, at)) {
          if (isBefore({ seen, day }, last)) await this.#removeCounted(path)
        }
      })
    }
    const folders: Folder[] = []
    try {
      const found: Found[] = []
      for (const at of days.filter(({ day }) => day === last.day)) {
        const folder = await Folder.find(this.#root, at)
        if (folder === undefined) continue
        folders.push(folder)
        for await (const message of this.#messagesIn(folder, at)) {
          if (message.seen === last.seen) found.push(message)
        }
      }
      found.sort((message, other) => byAge(message.entry, other.entry))
      for await (const { path } of inSlices(found, PAUSE, this.#signal)) {
        if (!this.#isOver()) return
        await this.#removeCounted(path)
      }
    } finally {
      for (const folder of folders) folder.close()
    }
  }

  /**
   * Returns the last batch of which messages are removed, the first ones by name. All earlier batches are
   * removed as a whole.
   */
  #lastBatchToGo(): SeenTogether {
    const left = { ...this.#sum }
    const batches = [...this.#batches.values()].sort((batch, other) =>
      isBefore(batch, other) ? -1 : 1,
    )
    return batches.find((batch) => {
      left.messages -= batch.messages
      left.bytes -= batch.bytes
      return !this.#isOver(left)
    })!
  }

  /** Removes a message that was counted. */
  async #removeCounted(path: string): Promise<void> {
    const bytes = await sizeOf(path)
    if (!(await this.#remove(path))) return
    this.#sum.messages--
    this.#sum.bytes -= bytes
  }

  /** Removes what killed processes left in tmp/ of a day, and the folder of the day if it is empty. */
  async #tidy(at: DayOfGrounds): Promise<void> {
    await Folder.within(this.#root, at, async (folder) => {
      let known: Map<string, number> | undefined
      for await (const [file, path] of this.#filesIn(folder, 'tmp')) {
        const stats = await stat(path).catch(() => undefined)
        if (stats === undefined) continue
        // A message that is being released is here, also if the process that released it was killed.
        const message = entryAt(at, { part: 'tmp', file })
        if (message !== undefined) {
          known ??= await this.#clock.firstSeen(folder.top)
          const seen = known.get(message.id)
          if (seen === undefined) await this.#note(folder, [message.id])
          if (seen === undefined || !this.#isTooOld(seen)) continue
        }
        const touched = message === undefined ? stats.mtimeMs : stats.ctimeMs // rename(2) sets ctime
        if (this.#now - touched > USELESS_AFTER) await unlink(path).catch(() => {})
      }
      const isInUse = this.#now - Date.parse(at.day) < IN_USE_FOR
      // Other files in a folder stay, and so does the folder.
      if (!isInUse) await folder.removeIfEmpty(FIRST_SEEN).catch(() => {})
    })
  }

  /** Removes what leads retries to kept messages, or requests to their answers, when clients no longer retry. */
  async #forgetOld(name: string): Promise<void> {
    if (!(await this.#root.namesInThread()).includes(name)) return
    const keys = await openFolder(this.#root, name)
    try {
      for await (const key of keys.namesInSlices(PAUSE, this.#signal)) {
        const link = keys.at(key)
        const made = (await lstat(link).catch(() => undefined))?.mtimeMs ?? this.#now
        // An interrupted release may be continued as long as the message is kept.
        const days = key.endsWith(GIVEN) ? this.#limits.QUARANTINEDAYS * DAY_SECONDS * 1000 : 0
        const isKept = key.endsWith(GIVEN) && days === 0
        if (!isKept && this.#now - made > Math.max(days, RETRIED_FOR))
          await unlink(link).catch(() => {})
      }
    } finally {
      keys.close()
    }
  }

  /** The messages in new/ and cur/ of a folder, in no order. */
  async *#messagesIn(folder: Folder, at: DayOfGrounds): AsyncGenerator<Found> {
    const known = await this.#clock.firstSeen(folder.top)
    for (const part of ['new', 'cur'] as const) {
      for await (const [file, path] of this.#filesIn(folder, part)) {
        const entry = entryAt(at, { part, file })
        if (entry === undefined) continue
        const seen = known.get(entry.id)
        yield { entry, path, seen: seen ?? this.#clock.seconds, isNew: seen === undefined }
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

/** Returns whether a batch is removed before another one. */
function isBefore(batch: Pick<SeenTogether, 'seen' | 'day'>, other: SeenTogether): boolean {
  return batch.seen < other.seen || (batch.seen === other.seen && batch.day < other.day)
}

/** Bytes of a file with its record, which may be larger than the message. */
async function sizeOf(path: string): Promise<number> {
  const stats = await lstat(path).catch(() => undefined) // another process has just removed it
  return stats?.size ?? 0
}
