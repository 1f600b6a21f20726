import { unlessMissing } from '../../../base/errors/fault.ts'
import type { PathHandle } from '../../../base/path/path-handle.ts'
import { DAY, formatDay } from '../../../base/text/units.ts'
import { type DayOfGrounds, Folder, type MaildirFile, openFolder } from './folders.ts'
import { NotDone, notInQuarantine } from './not-done.ts'
import {
  type OpenEntry,
  openEntry,
  RECORD_START,
  type RecordAndStart,
  readBeginning,
} from './record.ts'
import type { TakingProcess } from './taker.ts'

/**
 * A message in quarantine, as its file name describes it: its id, `SECONDS.DIGITS`, and `,S=BYTES`, the size
 * of the message without its record, as in Maildir++. The first five of the sixteen hex digits of an id are
 * its position within the second. The others are random. So ids sort in the order in which messages arrived.
 */
export interface QuarantineEntry extends DayOfGrounds, MaildirFile {
  readonly id: string
  /** The time at which the message was kept, unix seconds. */
  readonly seconds: number
  /** Bytes of the message, without its record. */
  readonly size: number
  /** The letters after `:2,` of a name in cur/; `P` marks a released message. */
  readonly flags: string
  /** Kept, released, or being released by a process. */
  readonly state: 'kept' | 'released' | 'releasing'
  /** The process that is releasing the message; set if the state is `releasing`. */
  readonly taker?: TakingProcess
}

const ID = /^([0-9]{1,12})\.[0-9a-f]{16}$/
/**
 * Matches the name of a file. In tmp/ the name ends in the process that is releasing the message, and the
 * start time of that process.
 */
const NAME =
  /^(([0-9]{1,12})\.[0-9a-f]{16}),S=([0-9]{1,15})(?::2,([A-Za-z]{0,52}))?(?:\.releasing-([0-9]{1,10})-([0-9]{1,15}))?$/
const FOLDER = /^\.([0-9]{4}-[0-9]{2}-[0-9]{2})$/
/** The number of searches for a message that has moved. */
const LOOKS = 10

/**
 * Receives the reason why an entry of a quarantine is skipped: its name has onescan's form, but it is not a
 * directory of this account. Work on the other entries continues.
 */
type TakeForeign = (reason: unknown) => void

/** Lists the folders of days, in no order. */
export async function daysIn(
  root: PathHandle,
  foreign: TakeForeign = () => {},
): Promise<DayOfGrounds[]> {
  const days: DayOfGrounds[] = []
  for (const grounds of await groundsIn(root)) days.push(...(await daysOf(root, grounds, foreign)))
  return days
}

const groundsIn = async (root: PathHandle) =>
  (await root.namesInThread()).filter((name) => /^[a-z][a-z-]*$/.test(name))

async function isOurs(
  root: PathHandle,
  at: DayOfGrounds,
  foreign: TakeForeign = () => {},
): Promise<boolean> {
  try {
    const folder = await Folder.find(root, at)
    folder?.close()
    return true
  } catch (reason) {
    foreign(reason)
    return false
  }
}

async function daysOf(
  root: PathHandle,
  grounds: string,
  foreign: TakeForeign,
): Promise<DayOfGrounds[]> {
  try {
    const maildir = await openFolder(root, grounds)
    try {
      const days: DayOfGrounds[] = []
      for (const name of await maildir.namesInThread()) {
        const at = { grounds, day: FOLDER.exec(name)?.[1] ?? '' }
        if (at.day !== '' && (await isOurs(root, at, foreign))) days.push(at)
      }
      return days
    } finally {
      maildir.close()
    }
  } catch (reason) {
    foreign(reason)
    return []
  }
}

/** A range of messages: from `since` until before `until`, unix milliseconds (undefined: no bound). */
export interface EntryRange {
  readonly since: number | undefined
  readonly until: number | undefined
  /** Whether the newest ones come first, and not the oldest. */
  readonly isNewestFirst?: boolean
}

/**
 * Yields the messages of a range. Reads only the folders of these days, a day when its messages are wanted, and opens no
 * file, because a quarantine may have a million messages.
 */
export async function* entriesIn(
  root: PathHandle,
  { since = 0, until = Number.POSITIVE_INFINITY, isNewestFirst = false }: EntryRange,
  foreign?: TakeForeign,
): AsyncGenerator<QuarantineEntry> {
  const byDay = new Map<string, DayOfGrounds[]>()
  for (const at of await daysIn(root, foreign)) {
    const start = Date.parse(at.day)
    if (start + DAY > since && start < until) byDay.set(at.day, [...(byDay.get(at.day) ?? []), at])
  }
  const sign = isNewestFirst ? -1 : 1
  for (const [, folders] of [...byDay].sort(([day], [other]) => (day < other ? -sign : sign))) {
    const entries: QuarantineEntry[] = []
    for (const at of folders) for (const entry of await entriesOfDay(root, at)) entries.push(entry)
    for (const entry of entries.sort((one, other) => sign * byAge(one, other))) {
      if (entry.seconds >= Math.floor(since / 1000) && entry.seconds * 1000 < until) yield entry
    }
  }
}

/**
 * Reads the records of messages in a list. Keeps the folders of one day open: opening them takes longer than reading a
 * record. Close it after use.
 */
export class RecordReader {
  readonly #root: PathHandle
  #day = ''
  readonly #folders = new Map<string, Folder>()
  readonly #buffer = Buffer.alloc(RECORD_START)

  constructor(root: PathHandle) {
    this.#root = root
  }

  /**
   * Resolves to the record of a message and its first bytes, or undefined if the message is gone. Rejects with a Fault if its file is not a
   * message in quarantine.
   */
  async read(entry: QuarantineEntry): Promise<RecordAndStart | undefined> {
    try {
      const folder = await this.#folderOf(entry)
      return folder && (await readBeginning(folder, entry, this.#buffer))
    } catch (error) {
      unlessMissing(error)
      return this.#readMoved(entry.id)
    }
  }

  async #folderOf({ grounds, day }: QuarantineEntry): Promise<Folder | undefined> {
    if (day !== this.#day) this.close()
    this.#day = day
    const folder = this.#folders.get(grounds) ?? (await Folder.find(this.#root, { grounds, day }))
    if (folder !== undefined) this.#folders.set(grounds, folder)
    return folder
  }

  /** Reads the record of a message that another process has moved or removed. */
  async #readMoved(id: string): Promise<RecordAndStart | undefined> {
    const moved = await findEntry(this.#root, id)
    const folder = moved && (await this.#folderOf(moved))
    return folder && readBeginning(folder, moved, this.#buffer).catch(unlessMissing)
  }

  close(): void {
    for (const folder of this.#folders.values()) folder.close()
    this.#folders.clear()
  }
}

/** A message that is open for reading, and where it was found. */
export interface OpenMessage extends OpenEntry {
  readonly entry: QuarantineEntry
}

/** Opens the message of that id. Rejects as withEntry() does, and with a Fault if its file is another one. */
export function openMessage(root: PathHandle, id: string): Promise<OpenMessage> {
  return withEntry(root, id, async (entry, folder) => {
    const opened = await openEntry(folder, entry)
    folder.close()
    return { ...opened, entry }
  })
}

/**
 * Resolves to the result of `use` for the message with that id. If `use` rejects, the folder is closed here.
 * Otherwise, `use` must close it. Another process may move the message between the search and the use of its
 * name. So the search is repeated if `use` rejects with ENOENT, or if the message is in no part of its
 * folder. Rejects with a Fault for a text that is not an id, and for a missing message.
 */
export async function withEntry<Result>(
  root: PathHandle,
  id: string,
  use: (entry: QuarantineEntry, folder: Folder) => Promise<Result>,
): Promise<Result> {
  let isThere = false
  for (let look = 0; look < LOOKS; look++) {
    const entry = await findEntry(root, id)
    const folder = entry && (await Folder.find(root, entry))
    isThere = folder !== undefined
    if (entry === undefined || folder === undefined) continue
    try {
      return await use(entry, folder)
    } catch (error) {
      folder.close()
      unlessMissing(error)
    }
  }
  if (isThere) throw new NotDone('busy', `${id}: another command is working on it`)
  throw notInQuarantine(id)
}

/**
 * Resolves to the message with that id, or to undefined if there is none. Rejects with a Fault if the text is
 * not an id.
 */
async function findEntry(root: PathHandle, id: string): Promise<QuarantineEntry | undefined> {
  if (!isId(id)) {
    throw new NotDone('not-an-id', `${id}: is not an id`)
  }
  const day = dayOfId(id)
  for (const grounds of await groundsIn(root)) {
    const at = { grounds, day }
    if (!(await isOurs(root, at))) continue
    const found = (await entriesOfDay(root, at)).find((entry) => entry.id === id)
    if (found !== undefined) return found
  }
  return undefined
}

/** Lists the messages of a day, in no order. */
async function entriesOfDay(root: PathHandle, at: DayOfGrounds): Promise<QuarantineEntry[]> {
  const folder = await Folder.find(root, at)
  if (folder === undefined) return []
  try {
    const entries: QuarantineEntry[] = []
    // In this order: a release moves a message to tmp/ first.
    for (const part of ['new', 'cur', 'tmp'] as const) {
      const names = await folder.parts[part].namesInThread()
      entries.push(...names.flatMap((file) => entryAt(at, { part, file }) ?? []))
    }
    return entries
  } finally {
    folder.close()
  }
}

/**
 * Parses the name of a file. Returns undefined if it is not a message, or one that is still being written.
 */
export function entryAt(
  at: DayOfGrounds,
  { part, file }: MaildirFile,
): QuarantineEntry | undefined {
  const match = NAME.exec(file)
  if (!match) return undefined
  const [, id = '', seconds, size, flags = '', pid, started] = match
  if ((part === 'tmp') !== (pid !== undefined)) return undefined
  const { grounds, day } = at
  const name = { id, seconds: Number(seconds), size: Number(size), flags, grounds, day, part, file }
  if (pid !== undefined) {
    return { ...name, state: 'releasing', taker: { pid: Number(pid), started: Number(started) } }
  }
  return { ...name, state: flags.includes('P') ? 'released' : 'kept' }
}

const PLACE_DIGITS = 5
/** The number of ids that one millisecond has. */
const PLACES = 1000
/** Bytes of which the other digits of an id are made. */
const RANDOM_BYTES = 6

/** The last id that this process assigned. makeId() reads and sets it without waiting. */
let last = { now: 0, place: 0 }

/**
 * Returns an id for a message that is kept `now`, unix milliseconds. Of two ids of one process the later one
 * is greater, unless the clock was set back. The random bytes of `fill` make ids of several processes differ.
 */
export function makeId(now: number, fill: (random: Uint8Array<ArrayBuffer>) => void): string {
  last = { now, place: now === last.now ? Math.min(last.place + 1, PLACES - 1) : 0 }
  const place = ((now % 1000) * PLACES + last.place).toString(16).padStart(PLACE_DIGITS, '0')
  const random = Buffer.alloc(RANDOM_BYTES)
  fill(random)
  return `${Math.floor(now / 1000)}.${place}${random.toString('hex').slice(PLACE_DIGITS - 16)}`
}

type Aged = Pick<QuarantineEntry, 'id' | 'seconds'>

/** Compares two messages for Array.sort(): the oldest first. */
export function byAge(entry: Aged, other: Aged): number {
  return entry.seconds - other.seconds || (entry.id < other.id ? -1 : 1)
}

/** Returns after which time a message is deleted by QUARANTINEDAYS, unix milliseconds, or undefined if it is not. */
export const keptUntil = ({ seconds }: Aged, days: number): number | undefined =>
  days === 0 ? undefined : seconds * 1000 + days * DAY

/** Returns the file name of a message that has not been released. */
export function nameOfEntry(id: string, size: number): string {
  return `${id},S=${size}`
}

/** Returns whether a text has the form of an id. */
export const isId = (text: string): boolean => ID.test(text)

/** Returns the day (UTC) of an id, as YYYY-MM-DD. */
export function dayOfId(id: string): string {
  return formatDay(secondsOf(id) * 1000)
}

/** Returns the time at which a message was kept, unix seconds: its id begins with it. */
export const secondsOf = (id: string): number => Number.parseInt(id, 10)
