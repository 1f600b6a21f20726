import { closeSync, constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { errorCode, Fault } from '../ground/errors/fault.ts'
import { listNames, type PathHandle, procPathOf } from '../ground/path/walk.ts'
import { type Folder, findFolder, type MaildirPart, stepIfThere } from './folders.ts'
import { byAge, dayOf, dayOfId, type EntryName, readEntryName } from './names.ts'
import { decodeRecord, type QuarantineRecord, RECORD_MAX } from './record.ts'

/** The state of a message: waiting, handed on, or being released just now. */
export type EntryState = 'kept' | 'released' | 'releasing'

/** A message in quarantine, by its file's name. */
export interface QuarantineEntry extends EntryName {
  readonly ground: string
  readonly day: string
  readonly part: MaildirPart
  /** The name of its file in that part of the Maildir. */
  readonly file: string
  readonly state: EntryState
  /** The process that releases it. */
  readonly pid?: number
}

/** The times that are asked for, unix milliseconds; undefined is no bound. */
export interface TimeRange {
  readonly since: number | undefined
  readonly until: number | undefined
}

const START = 4096
/**
 * The name of a file in tmp/ that is being released: its own name, and the process that releases
 * it.
 */
const RELEASING = /^(.*)\.releasing-([0-9]{1,10})$/
const FOLDER = /^\.([0-9]{4}-[0-9]{2}-[0-9]{2})$/

/** The grounds that have a Maildir here, by name. */
export function groundsIn(root: PathHandle): string[] {
  return listNames(root, root.path)
    .filter((name) => /^[a-z][a-z-]*$/.test(name))
    .sort()
}

/** Days of a ground, the oldest first. */
export function daysOf(root: PathHandle, ground: string): string[] {
  const maildir = stepIfThere(root, ground)
  if (maildir === undefined) return []
  try {
    const days = listNames(maildir, ground).map((name) => FOLDER.exec(name)?.[1])
    return days.filter((day) => day !== undefined).sort()
  } finally {
    closeSync(maildir.fd)
  }
}

/**
 * The messages of a time, the oldest first. Only the folders of its days are looked into, and no
 * file is opened, since a quarantine may have a million messages.
 */
export function* entriesIn(
  root: PathHandle,
  { since, until }: TimeRange,
): Generator<QuarantineEntry> {
  const [from, to] = [since ?? 0, until ?? Number.POSITIVE_INFINITY].map((time) => time / 1000)
  const first = dayOf(from!)
  const last = Number.isFinite(to) ? dayOf(to!) : '9999-12-31'
  const grounds = groundsIn(root)
  const days = new Set(grounds.flatMap((ground) => daysOf(root, ground)))
  for (const day of [...days].sort()) {
    if (day < first || day > last) continue
    const entries = grounds.flatMap((ground) => entriesOfDay(root, ground, day))
    entries.sort(byAge)
    for (const entry of entries) {
      if (entry.seconds >= Math.floor(from!) && entry.seconds < to!) yield entry
    }
  }
}

/** The message of that id; undefined if there is none. Throws a Fault for what is no id. */
export function findEntry(root: PathHandle, id: string): QuarantineEntry | undefined {
  const day = dayOfId(id)
  if (day === undefined) throw new Fault('config', `${id}: is no id; onescan quarantine list shows them`) // biome-ignore format: a line
  for (const ground of groundsIn(root)) {
    const found = entriesOfDay(root, ground, day).find((entry) => entry.id === id)
    if (found !== undefined) return found
  }
  return undefined
}

/** The messages of a day, in no order. */
export function entriesOfDay(root: PathHandle, ground: string, day: string): QuarantineEntry[] {
  const folder = findFolder(root, ground, day)
  if (folder === undefined) return []
  try {
    return (['new', 'cur', 'tmp'] as const).flatMap((part) => {
      const names = listNames(folder.parts[part], part)
      return names.flatMap((file) => entryAt({ ground, day, part, file }) ?? [])
    })
  } finally {
    folder.close()
  }
}

/** The message in a file; undefined for a file that is none of ours, or is being written. */
export function entryAt(
  place: Pick<QuarantineEntry, 'ground' | 'day' | 'part' | 'file'>,
): QuarantineEntry | undefined {
  const { part, file } = place
  const [, inner, pid] = (part === 'tmp' && RELEASING.exec(file)) || []
  const name = readEntryName(inner ?? file)
  if (name === undefined || (part === 'tmp') !== (pid !== undefined)) return undefined
  const at = { ...name, ...place }
  if (pid !== undefined) return { ...at, state: 'releasing', pid: Number(pid) }
  return { ...at, state: name.flags.includes('P') ? 'released' : 'kept' }
}

/** A message that is open for reading. */
export interface OpenEntry {
  readonly record: QuarantineRecord
  /** The message as it came. */
  message(): AsyncGenerator<Buffer>
  close(): Promise<void>
}

/**
 * Opens it where it is. Rejects with ENOENT if it has gone, and with a Fault for a file that is none
 * of ours, or says more than `recordMax` bytes of its message.
 */
export async function openEntry(
  folder: Folder,
  part: MaildirPart,
  file: string,
  recordMax = RECORD_MAX,
): Promise<OpenEntry> {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants
  const path = `${procPathOf(folder.parts[part])}/${file}`
  const handle = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
  try {
    if (!(await handle.stat()).isFile()) throw new Fault('read', `${file}: is no regular file`)
    const { record, messageAt } = await readStart(handle, recordMax)
    return {
      record,
      async *message() {
        let at = messageAt
        for (;;) {
          const chunk = Buffer.alloc(256 * 1024)
          const { bytesRead } = await handle.read(chunk, 0, chunk.length, at)
          if (bytesRead === 0) return
          yield chunk.subarray(0, bytesRead)
          at += bytesRead
        }
      },
      close: () => handle.close(),
    }
  } catch (error) {
    await handle.close()
    throw error
  }
}

/** What is known of a message; undefined if it has gone meanwhile. Rejects as openEntry() does. */
export async function recordOf(
  root: PathHandle,
  entry: QuarantineEntry,
  recordMax = RECORD_MAX,
): Promise<QuarantineRecord | undefined> {
  const folder = findFolder(root, entry.ground, entry.day)
  if (folder === undefined) return undefined
  try {
    const opened = await openEntry(folder, entry.part, entry.file, recordMax)
    await opened.close()
    return opened.record
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined
    throw error
  } finally {
    folder.close()
  }
}

async function readStart(handle: FileHandle, recordMax: number) {
  for (let most = START; ; most *= 8) {
    const start = Buffer.alloc(Math.min(most, recordMax + 2 * START))
    let length = 0
    for (;;) {
      const { bytesRead } = await handle.read(start, length, start.length - length, length)
      if (bytesRead === 0) break
      length += bytesRead
      if (length === start.length) break
    }
    const found = decodeRecord(start.subarray(0, length), recordMax)
    if (found !== undefined) return found
    if (length < start.length) throw new Fault('read', 'is no message in quarantine: it ends early')
  }
}
