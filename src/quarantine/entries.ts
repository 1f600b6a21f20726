import { closeSync } from 'node:fs'
import { Fault } from '../ground/errors/fault.ts'
import { listNames, type PathHandle } from '../ground/path/walk.ts'
import { findFolder, type MaildirPart, stepIfThere } from './folders.ts'
import { byAge, dayOf, dayOfId, type EntryName, readEntryName } from './names.ts'

/** The state of a message: kept, handed on, or being released by a process. */
export type EntryState = 'kept' | 'released' | 'releasing'

/** A message in quarantine, as the name of its file tells it. */
export interface QuarantineEntry extends EntryName {
  readonly grounds: string
  readonly day: string
  readonly part: MaildirPart
  /** The name of its file in that part of the Maildir. */
  readonly file: string
  readonly state: EntryState
  /** The process that releases it; set if the state is `releasing`. */
  readonly pid?: number
}

/** The time from `since` until before `until`, unix milliseconds; undefined is no bound. */
export interface TimeRange {
  readonly since: number | undefined
  readonly until: number | undefined
}

/** The name of a file in tmp/ that is being released: its own name, and the process. */
const RELEASING = /^(.*)\.releasing-([0-9]{1,10})$/
const FOLDER = /^\.([0-9]{4}-[0-9]{2}-[0-9]{2})$/

/** Lists the grounds that have a Maildir here, by name. */
export function groundsIn(root: PathHandle): string[] {
  return listNames(root, root.path)
    .filter((name) => /^[a-z][a-z-]*$/.test(name))
    .sort()
}

/** Lists the days of one kind of grounds, the oldest first. */
export function daysOf(root: PathHandle, grounds: string): string[] {
  const maildir = stepIfThere(root, grounds)
  if (maildir === undefined) return []
  try {
    const days = listNames(maildir, grounds).map((name) => FOLDER.exec(name)?.[1])
    return days.filter((day) => day !== undefined).sort()
  } finally {
    closeSync(maildir.fd)
  }
}

/**
 * Lists the messages of a time, the oldest first. Looks only into the folders of its days, and opens
 * no file, since a quarantine may have a million messages.
 */
export function* entriesIn(
  root: PathHandle,
  { since, until }: TimeRange,
): Generator<QuarantineEntry> {
  const [from, to] = [since ?? 0, until ?? Number.POSITIVE_INFINITY].map((time) => time / 1000)
  const first = dayOf(from!)
  const last = Number.isFinite(to) ? dayOf(to!) : '9999-12-31'
  const allGrounds = groundsIn(root)
  const days = new Set(allGrounds.flatMap((grounds) => daysOf(root, grounds)))
  for (const day of [...days].sort()) {
    if (day < first || day > last) continue
    const entries = allGrounds.flatMap((grounds) => entriesOfDay(root, grounds, day))
    entries.sort(byAge)
    for (const entry of entries) {
      if (entry.seconds >= Math.floor(from!) && entry.seconds < to!) yield entry
    }
  }
}

/** Finds the message of that id, or returns undefined. Throws a Fault for a text that is no id. */
export function findEntry(root: PathHandle, id: string): QuarantineEntry | undefined {
  const day = dayOfId(id)
  if (day === undefined) throw new Fault('config', `${id}: is no id; onescan quarantine list shows them`) // biome-ignore format: a line
  for (const grounds of groundsIn(root)) {
    const found = entriesOfDay(root, grounds, day).find((entry) => entry.id === id)
    if (found !== undefined) return found
  }
  return undefined
}

/** Lists the messages of a day, in no order. */
export function entriesOfDay(root: PathHandle, grounds: string, day: string): QuarantineEntry[] {
  const folder = findFolder(root, grounds, day)
  if (folder === undefined) return []
  try {
    return (['new', 'cur', 'tmp'] as const).flatMap((part) => {
      const names = listNames(folder.parts[part], part)
      return names.flatMap((file) => entryAt({ grounds, day, part, file }) ?? [])
    })
  } finally {
    folder.close()
  }
}

/** Reads the name of a file; returns undefined if it is no message, or one that is being written. */
export function entryAt(
  position: Pick<QuarantineEntry, 'grounds' | 'day' | 'part' | 'file'>,
): QuarantineEntry | undefined {
  const { part, file } = position
  const [, inner, pid] = (part === 'tmp' && RELEASING.exec(file)) || []
  const name = readEntryName(inner ?? file)
  if (name === undefined || (part === 'tmp') !== (pid !== undefined)) return undefined
  const at = { ...name, ...position }
  if (pid !== undefined) return { ...at, state: 'releasing', pid: Number(pid) }
  return { ...at, state: name.flags.includes('P') ? 'released' : 'kept' }
}
