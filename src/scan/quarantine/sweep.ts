import { closeSync, lstatSync } from 'node:fs'
import { opendir, rmdir, stat, unlink } from 'node:fs/promises'
import { errorText } from '../../ground/errors/fault.ts'
import { giveWay, namesInSlices, SLICE } from '../../ground/path/directories.ts'
import { type PathHandle, procPathOf } from '../../ground/path/walk.ts'
import type { Values } from '../../ground/settings/settings.ts'
import type { quarantineLimits } from '../../ground/settings/table/scanning.ts'
import {
  advanceClock,
  FIRST_SEEN,
  type HostTime,
  noteFirstSeen,
  readFirstSeen,
  type SweepClock,
} from './age.ts'
import { byAge, daysOf, type EntryName, entryAt, groundsIn, readEntryName } from './entries.ts'
import {
  type Folder,
  findFolder,
  MAILDIR_PARTS,
  type MaildirPart,
  openQuarantine,
  stepIfThere,
  withFolder,
} from './folders.ts'

interface SweepResult {
  /** Messages that are still there. */
  readonly messages: number
  /** Bytes of the files of these messages. */
  readonly bytes: number
  readonly removed: number
  /** What operators should know: lines for the log. */
  readonly warnings: readonly string[]
}

const DAY_SECONDS = 86_400
/** Milliseconds that other work has after a slice of names. */
const PAUSE = 5
/** Milliseconds after which a file that a killed process left in tmp/ is useless. */
const USELESS_AFTER = 36 * 60 * 60 * 1000
/** Milliseconds from the beginning of a day on in which a process may write into its folder. */
const IN_USE_FOR = 2 * DAY_SECONDS * 1000

/** A day of one kind of grounds. */
interface DayOfGrounds {
  readonly grounds: string
  readonly day: string
  /** When the message there that was seen first was seen, in seconds of the clock. */
  readonly oldest: number
}

/** A message, and when it was seen first, in seconds of the clock. */
interface Found {
  readonly name: EntryName
  readonly path: string
  readonly seen: number
}

/** The messages that one sweep saw for the first time. */
interface SeenTogether {
  messages: number
  bytes: number
}

/**
 * Removes what is over the limits: first messages that are too old, then the oldest ones until their
 * number and bytes are within the limits. How old a message is, and which is older, is decided by the
 * clock of the sweeps (sweep-clock.ts); the times in names only order what one sweep saw at once. If the
 * wall clock was set since the last sweep, nothing is removed. Works in slices, beside mail, and holds the
 * names of one day at a time. A file that cannot be removed stays. Rejects if the quarantine cannot be
 * opened, or at the signal.
 */
export async function sweepQuarantine(
  directory: string,
  limits: Values<typeof quarantineLimits>,
  time: HostTime,
  signal?: AbortSignal,
): Promise<SweepResult> {
  const root = openQuarantine(directory)
  try {
    const { clock, stopped, warnings } = await advanceClock(root, time)
    if (stopped !== undefined) return { ...NOTHING, warnings: [...warnings, stopped] }
    const sweep = new QuarantineSweep(root, limits, clock, time.now, signal)
    const { unnoted, ...sum } = await sweep.run()
    if (unnoted === undefined) return { ...sum, warnings }
    const warning = `new messages grow no older, since that cannot be noted: ${errorText(unnoted)}`
    return { ...sum, warnings: [...warnings, warning] }
  } finally {
    closeSync(root.fd)
  }
}

const NOTHING = { messages: 0, bytes: 0, removed: 0 }

/** One sweep of a quarantine, and the sum of what stays. */
class QuarantineSweep {
  readonly #root: PathHandle
  readonly #limits: Values<typeof quarantineLimits>
  readonly #clock: SweepClock
  readonly #now: number
  readonly #signal: AbortSignal | undefined
  readonly #sum = { ...NOTHING }
  /** What is there, by the time at which it was seen first. */
  readonly #batches = new Map<number, SeenTogether>()
  /** Why messages that are new could not be noted; undefined if they could. */
  #unnoted: unknown

  constructor(
    root: PathHandle,
    limits: Values<typeof quarantineLimits>,
    clock: SweepClock,
    now: number,
    signal?: AbortSignal,
  ) {
    this.#root = root
    this.#limits = limits
    this.#clock = clock
    this.#now = now
    this.#signal = signal
  }

  async run() {
    const root = this.#root
    const days: DayOfGrounds[] = []
    for (const grounds of groundsIn(root)) {
      for (const day of daysOf(root, grounds)) {
        days.push({ grounds, day, oldest: await this.#removeOld(grounds, day) })
      }
    }
    if (this.#isOver()) await this.#removeOldest(days)
    for (const day of days) await this.#tidy(day)
    return { ...this.#sum, unnoted: this.#unnoted }
  }

  /** Whether more is there than the limits allow. */
  #isOver({ messages, bytes } = this.#sum): boolean {
    const { QUARANTINEMESSAGES, QUARANTINESIZE } = this.#limits
    return (
      (QUARANTINEMESSAGES > 0 && messages > QUARANTINEMESSAGES) ||
      (QUARANTINESIZE > 0 && bytes > QUARANTINESIZE)
    )
  }

  /** Whether a message that was seen then for the first time is too old. */
  #isTooOld(seen: number): boolean {
    const { QUARANTINEDAYS: days } = this.#limits
    return days > 0 && this.#clock.seconds - seen > days * DAY_SECONDS
  }

  /**
   * Removes the messages of a day that are too old, counts the others, and notes those that no sweep has
   * seen before. Resolves with the time at which the first of them was seen.
   */
  async #removeOld(grounds: string, day: string): Promise<number> {
    const { seconds: now } = this.#clock
    let oldest = now
    await withFolder(this.#root, grounds, day, async (folder) => {
      const known = await readFirstSeen(folder.top, this.#clock)
      const fresh: string[] = []
      await this.#visitMessages(folder, async ({ id }, path) => {
        const seen = known.get(id) ?? now
        if (this.#isTooOld(seen) && (await this.#remove(path))) return
        if (!known.has(id)) fresh.push(id)
        oldest = Math.min(oldest, seen)
        this.#count(seen, sizeOf(path))
      })
      if (fresh.length > 0) await this.#note(folder, fresh)
    })
    return oldest
  }

  #count(seen: number, bytes: number): void {
    const batch = this.#batches.get(seen) ?? { messages: 0, bytes: 0 }
    this.#batches.set(seen, batch)
    for (const sum of [batch, this.#sum]) {
      sum.messages++
      sum.bytes += bytes
    }
  }

  async #note(folder: Folder, ids: readonly string[]): Promise<void> {
    try {
      await noteFirstSeen(folder.top, this.#clock, ids)
    } catch (error) {
      this.#unnoted = error // a full disk: the oldest messages go all the same
    }
  }

  /** Removes the oldest messages, of whatever grounds, until the quarantine is within its limits. */
  async #removeOldest(days: readonly DayOfGrounds[]): Promise<void> {
    const last = this.#lastBatchToShrink()
    for (const { grounds, day, oldest } of days) {
      if (oldest >= last) continue
      const remove = ({ seen, path }: Found) =>
        seen < last ? this.#removeCounted(path) : undefined
      await withFolder(this.#root, grounds, day, (folder) => this.#visitSeen(folder, remove))
    }
    const ofDay = new Map<string, DayOfGrounds[]>()
    for (const folder of days) {
      const others = ofDay.get(folder.day)
      if (others === undefined) ofDay.set(folder.day, [folder])
      else others.push(folder)
    }
    for (const day of [...ofDay.keys()].sort()) {
      if (!this.#isOver()) return
      await this.#shrinkBatch(last, ofDay.get(day)!)
    }
  }

  /** The time at which that batch was seen of which some messages go; all of those before it go. */
  #lastBatchToShrink(): number {
    const left = { ...this.#sum }
    for (const [seen, batch] of [...this.#batches].sort(([one], [other]) => one - other)) {
      left.messages -= batch.messages
      left.bytes -= batch.bytes
      if (!this.#isOver(left)) return seen
    }
    return this.#clock.seconds
  }

  /** Removes messages of a day that were seen at that time, by their names, until the limits hold. */
  async #shrinkBatch(batch: number, folders: readonly DayOfGrounds[]): Promise<void> {
    const opened = folders.flatMap(({ grounds, day }) => findFolder(this.#root, grounds, day) ?? [])
    try {
      const found: Found[] = []
      const note = (message: Found) => void (message.seen === batch && found.push(message))
      for (const folder of opened) await this.#visitSeen(folder, note)
      found.sort((message, other) => byAge(message.name, other.name))
      for (const [index, { path }] of found.entries()) {
        if (!this.#isOver()) return
        if (index % SLICE === SLICE - 1) await giveWay(PAUSE, this.#signal)
        await this.#removeCounted(path)
      }
    } finally {
      for (const folder of opened) folder.close()
    }
  }

  /** Removes a message that was counted. */
  async #removeCounted(path: string): Promise<void> {
    const bytes = sizeOf(path)
    if (!(await this.#remove(path))) return
    this.#sum.messages--
    this.#sum.bytes -= bytes
  }

  /** Calls `visit` for each message in new/ and cur/ of a folder that a sweep has seen and noted. */
  async #visitSeen(folder: Folder, visit: (message: Found) => Promise<void> | void): Promise<void> {
    const known = await readFirstSeen(folder.top, this.#clock)
    await this.#visitMessages(folder, async (name, path) => {
      await visit({ name, path, seen: known.get(name.id) ?? this.#clock.seconds })
    })
  }

  /** Removes what killed processes left in tmp/ of a day, and the folder of the day if it is empty. */
  async #tidy({ grounds, day }: DayOfGrounds): Promise<void> {
    let hasNothing = false
    await withFolder(this.#root, grounds, day, async (folder) => {
      let known: Map<string, number> | undefined
      const removeUseless = async (file: string, path: string) => {
        const stats = await stat(path).catch(() => undefined)
        if (stats === undefined) return
        // A message that is being released is here, also if the process that released it was killed.
        const message = entryAt({ grounds, day, part: 'tmp', file })
        if (message !== undefined) {
          known ??= await readFirstSeen(folder.top, this.#clock)
          const seen = known.get(message.id)
          if (seen === undefined) await this.#note(folder, [message.id])
          if (!this.#isTooOld(seen ?? this.#clock.seconds)) return
        }
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
    await unlink(`${path}/${FIRST_SEEN}`).catch(() => {})
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
