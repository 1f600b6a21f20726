import { closeSync } from 'node:fs'
import { opendir, rmdir, stat, unlink } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'
import { nameOf, type Place } from '../runtime/path/walk.ts'
import { daysOf, groundsIn } from './entries.ts'
import { type EntryName, readEntryName } from './names.ts'
import { type Folder, findFolder, openQuarantine, type Part, stepIfThere } from './places.ts'
import type { QuarantineLimits } from './quarantine-policy.ts'

export interface Swept {
  /** Messages that are still there, and their bytes. */
  readonly messages: number
  readonly bytes: number
  readonly removed: number
}

/** Names that are looked at before all else gets a turn, and the pause then, in milliseconds. */
const SLICE = 256
const PAUSE = 5
/** Milliseconds after which what a killed process left in tmp/ is of no use. */
const LEFT_AFTER = 36 * 60 * 60 * 1000
const DAY = 86_400_000
/** Bytes that a file takes beside its message, for what is told above it. */
const BESIDE = 4096

/** A day of one ground, and what is in it. */
interface Counted {
  readonly ground: string
  readonly day: string
  messages: number
  bytes: number
}

/**
 * Removes what is over the limits: what is too old, then the oldest until number and bytes fit.
 * In slices, so that it may run beside mail, and without holding more than one day's names. What
 * cannot be removed stays. `now` in unix milliseconds. Rejects if the quarantine cannot be opened,
 * or at the signal.
 */
export async function sweepQuarantine(
  directory: string,
  limits: QuarantineLimits,
  now: number,
  signal?: AbortSignal,
): Promise<Swept> {
  const root = openQuarantine(directory)
  try {
    return await createSweep(root, limits, now, signal).run()
  } finally {
    closeSync(root.fd)
  }
}

function createSweep(
  root: Place,
  limits: QuarantineLimits,
  now: number,
  signal: AbortSignal | undefined,
) {
  const oldest = limits.age === 0 ? 0 : (now - limits.age * DAY) / 1000
  const sum = { messages: 0, bytes: 0, removed: 0 }
  const isOver = () =>
    (limits.messages > 0 && sum.messages > limits.messages) ||
    (limits.bytes > 0 && sum.bytes > limits.bytes)

  async function run(): Promise<Swept> {
    const counts: Counted[] = []
    for (const ground of groundsIn(root)) {
      for (const day of daysOf(root, ground)) counts.push(await removeOld(ground, day))
    }
    counts.sort((one, other) => (one.day < other.day ? -1 : 1))
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

  /** What is too old goes; the rest is counted. */
  async function removeOld(ground: string, day: string): Promise<Counted> {
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

  /** The oldest of that day go, until the rest is within the limits. */
  async function thin(ground: string, day: string): Promise<void> {
    await withFolder(ground, day, async (folder) => {
      const found: { readonly name: EntryName; readonly path: string }[] = []
      for (const part of ['new', 'cur'] as const) {
        await eachEntry(folder, part, async (name, path) => void found.push({ name, path }))
      }
      found.sort((one, other) => one.name.seconds - other.name.seconds)
      for (const [index, { name, path }] of found.entries()) {
        if (!isOver()) return
        if (index % SLICE === SLICE - 1) await breathe()
        if (!(await remove(path))) continue
        sum.messages--
        sum.bytes -= name.size + BESIDE
      }
    })
  }

  /** What a killed process left in tmp/ goes, and the folder if nothing is in it. */
  async function tidy(ground: string, day: string): Promise<void> {
    let isEmpty = false
    await withFolder(ground, day, async (folder) => {
      await eachName(folder, 'tmp', async (_, path) => {
        const stats = await stat(path).catch(() => undefined)
        if (stats !== undefined && now - stats.mtimeMs > LEFT_AFTER) await unlink(path).catch(none)
      })
      isEmpty = await hasNothing(folder)
    })
    if (!isEmpty) return
    if (now - Date.parse(day) < 2 * DAY) return // somebody may be about to write into it
    const maildir = stepIfThere(root, ground)
    if (maildir === undefined) return
    try {
      const path = `${nameOf(maildir)}/.${day}`
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
    part: Part,
    each: (name: EntryName, path: string) => Promise<void>,
  ): Promise<void> {
    await eachName(folder, part, async (file, path) => {
      const name = readEntryName(file)
      if (name !== undefined) await each(name, path)
    })
  }

  async function eachName(
    { parts }: Folder,
    part: Part,
    each: (name: string, path: string) => Promise<void>,
  ): Promise<void> {
    const directory = nameOf(parts[part])
    let count = 0
    for await (const { name } of await opendir(`${directory}/.`, { bufferSize: SLICE })) {
      if (++count % SLICE === 0) await breathe()
      await each(name, `${directory}/${name}`)
    }
  }

  /** Whether it is gone now. */
  async function remove(path: string): Promise<boolean> {
    try {
      await unlink(path)
      sum.removed++
      return true
    } catch {
      return false
    }
  }

  async function breathe(): Promise<void> {
    await pause(PAUSE, undefined, { ref: false, ...(signal && { signal }) })
  }

  return { run }
}

/** All three parts: a folder without one of them is none. */
async function hasNothing({ parts }: Folder): Promise<boolean> {
  for (const place of Object.values(parts)) {
    const directory = await opendir(`${nameOf(place)}/.`)
    try {
      if ((await directory.read()) !== null) return false
    } finally {
      await directory.close()
    }
  }
  return true
}

function none(): void {}
