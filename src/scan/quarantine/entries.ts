import { errorCode, Fault } from '../../ground/errors/fault.ts'
import type { PathHandle } from '../../ground/path/path-handle.ts'
import { type Folder, findFolder, type MaildirPart, stepIfThere } from './folders.ts'

/** A message in quarantine, as the name of its file tells it. */
export interface QuarantineEntry extends EntryName, DayOfGrounds {
  readonly part: MaildirPart
  /** The name of its file in that part of the Maildir. */
  readonly file: string
  /** Kept, handed on, or being released by a process. */
  readonly state: 'kept' | 'released' | 'releasing'
  /** The process that releases it; set if the state is `releasing`. */
  readonly pid?: number
  /** When that process was started, in ticks; undefined if the name does not tell it. */
  readonly started?: number
}

/** The name of a file in tmp/ that is being released: its own name, the process, and its start. */
const RELEASING = /^(.*)\.releasing-([0-9]{1,10})(?:-([0-9]{1,15}))?$/
const FOLDER = /^\.([0-9]{4}-[0-9]{2}-[0-9]{2})$/
/** How often a message is looked for that is not where it was seen. */
const LOOKS = 10

/**
 * Takes the reason why something in a quarantine is left out: it has a name of ours and is not a directory
 * of this account. All else there goes on.
 */
type TakeForeign = (why: unknown) => void

/** The folder of a day of one kind of grounds. */
export interface DayOfGrounds {
  readonly grounds: string
  readonly day: string
}

/** Lists the folders of days, in no order. */
export function daysIn(root: PathHandle, foreign: TakeForeign = () => {}): DayOfGrounds[] {
  const grounds = root.names().filter((name) => /^[a-z][a-z-]*$/.test(name))
  return grounds.flatMap((name) => daysOf(root, name, foreign))
}

function daysOf(root: PathHandle, grounds: string, foreign: TakeForeign): DayOfGrounds[] {
  let maildir: PathHandle | undefined
  try {
    maildir = stepIfThere(root, grounds)
    const names = maildir?.names() ?? []
    const days = names.flatMap((name) => FOLDER.exec(name)?.[1] ?? [])
    return days.map((day) => ({ grounds, day })).filter((folder) => isOurs(root, folder, foreign))
  } catch (why) {
    foreign(why)
    return []
  } finally {
    maildir?.close()
  }
}

function isOurs(root: PathHandle, { grounds, day }: DayOfGrounds, foreign: TakeForeign): boolean {
  try {
    findFolder(root, grounds, day)?.close()
    return true
  } catch (why) {
    foreign(why)
    return false
  }
}

/**
 * Lists the messages of the time from `since` until before `until`, unix milliseconds (undefined is no
 * bound), the oldest first. Looks only into the folders of its days, and opens
 * no file, since a quarantine may have a million messages.
 */
export function* entriesIn(
  root: PathHandle,
  {
    since = 0,
    until = Number.POSITIVE_INFINITY,
  }: { readonly since: number | undefined; readonly until: number | undefined },
  foreign?: TakeForeign,
): Generator<QuarantineEntry> {
  const [from, to] = [since / 1000, until / 1000]
  const first = dayOf(from)
  const last = Number.isFinite(to) ? dayOf(to) : '9999-12-31'
  const byDay = new Map<string, DayOfGrounds[]>()
  for (const folder of daysIn(root, foreign)) {
    if (folder.day < first || folder.day > last) continue
    const others = byDay.get(folder.day)
    if (others === undefined) byDay.set(folder.day, [folder])
    else others.push(folder)
  }
  for (const [, folders] of [...byDay].sort(([day], [other]) => (day < other ? -1 : 1))) {
    const entries = folders.flatMap((folder) => entriesOfDay(root, folder))
    entries.sort(byAge)
    for (const entry of entries) {
      if (entry.seconds >= Math.floor(from) && entry.seconds < to) yield entry
    }
  }
}

/**
 * Resolves with what `use` makes of the message of that id; `use` closes the folder. Another process may
 * move the message between a look for it and a call that names it: if `use` rejects with ENOENT, and if
 * the message is in no part of its folder, it is looked for again. Rejects with a Fault for a text that is
 * not an id, and for a message that is not there.
 */
export async function withEntry<Result>(
  root: PathHandle,
  id: string,
  use: (entry: QuarantineEntry, folder: Folder) => Promise<Result>,
): Promise<Result> {
  for (let look = 1; ; look++) {
    const entry = findEntry(root, id)
    const folder = entry && findFolder(root, entry.grounds, entry.day)
    if (entry !== undefined && folder !== undefined) {
      try {
        return await use(entry, folder)
      } catch (error) {
        if (errorCode(error) !== 'ENOENT') throw error
        if (look >= LOOKS) throw new Fault('config', `${id}: other processes move it all the time`)
      }
    } else if (look >= LOOKS) throw new Fault('config', `${id}: is not in quarantine`)
  }
}

/** Finds the message of that id, or returns undefined. Throws a Fault for a text that is not an id. */
function findEntry(root: PathHandle, id: string): QuarantineEntry | undefined {
  const day = dayOfId(id)
  if (day === undefined) {
    throw new Fault('config', `${id}: is not an id; onescan quarantine list shows them`)
  }
  for (const folder of daysIn(root)) {
    const found = folder.day === day && entriesOfDay(root, folder).find((entry) => entry.id === id)
    if (found) return found
  }
  return undefined
}

/** Lists the messages of a day, in no order. */
function entriesOfDay(root: PathHandle, { grounds, day }: DayOfGrounds): QuarantineEntry[] {
  const folder = findFolder(root, grounds, day)
  if (folder === undefined) return []
  try {
    return (['new', 'cur', 'tmp'] as const).flatMap((part) => {
      const names = folder.parts[part].names()
      return names.flatMap((file) => entryAt({ grounds, day, part, file }) ?? [])
    })
  } finally {
    folder.close()
  }
}

/** Reads the name of a file; returns undefined if it is not a message, or one that is being written. */
export function entryAt(
  position: Pick<QuarantineEntry, 'grounds' | 'day' | 'part' | 'file'>,
): QuarantineEntry | undefined {
  const { part, file } = position
  const [, inner, pid, started] = (part === 'tmp' && RELEASING.exec(file)) || []
  const name = readEntryName(inner ?? file)
  if (name === undefined || (part === 'tmp') !== (pid !== undefined)) return undefined
  const at = { ...name, ...position }
  if (pid !== undefined) {
    const process = { pid: Number(pid), ...(started !== undefined && { started: Number(started) }) }
    return { ...at, state: 'releasing', ...process }
  }
  return { ...at, state: name.flags.includes('P') ? 'released' : 'kept' }
}

/**
 * The name of a message in quarantine: its id, `SECONDS.DIGITS`, and `,S=BYTES`, the size of the
 * message without its record, as Maildir++ has it. Of the sixteen hex digits of an id the first five
 * are its place within the second, and the others are random: ids sort in the order in which messages
 * came.
 */
export interface EntryName {
  readonly id: string
  /** When the message was kept, unix seconds. */
  readonly seconds: number
  /** Bytes of the message, without its record. */
  readonly size: number
  /** The letters after `:2,` of a name in cur/; `P` means that the message was released. */
  readonly flags: string
}

const ID = /^([0-9]{1,12})\.[0-9a-f]{16}$/
const NAME = /^(([0-9]{1,12})\.[0-9a-f]{16}),S=([0-9]{1,15})(?::2,([A-Za-z]{0,52}))?$/

const PLACE_DIGITS = 5
/** Places that a millisecond has for ids. */
const PLACES = 1000
/** Bytes that makeId() needs from a random source. */
export const RANDOM_BYTES = 6

/** The last place that this process has given to an id. makeId() reads and sets it without a wait. */
let last = { now: 0, place: 0 }

/**
 * Makes an id for a message that is kept `now`, unix milliseconds. Of two ids of one process the later
 * one is greater, unless the clock was set back. `random` makes ids of several processes differ.
 */
export function makeId(now: number, random: Buffer): string {
  const whole = Math.floor(now)
  last = { now: whole, place: whole === last.now ? Math.min(last.place + 1, PLACES - 1) : 0 }
  const place = (whole % 1000) * PLACES + last.place
  const digits = place.toString(16).padStart(PLACE_DIGITS, '0')
  return `${Math.floor(whole / 1000)}.${digits}${random.toString('hex').slice(PLACE_DIGITS - 16)}`
}

/** Compares two messages for Array.sort(): the oldest first. */
export function byAge(entry: EntryName, other: EntryName): number {
  return entry.seconds - other.seconds || (entry.id < other.id ? -1 : 1)
}

/** Names the file of a message that nobody has released. */
export function nameOfEntry(id: string, size: number): string {
  return `${id},S=${size}`
}

/** Reads the name of a file; returns undefined if it is not a message. */
export function readEntryName(name: string): EntryName | undefined {
  const match = NAME.exec(name)
  if (!match) return undefined
  const [, id = '', seconds, size, flags = ''] = match
  return { id, seconds: Number(seconds), size: Number(size), flags }
}

/** Whether a text has the form of an id. */
export const isId = (text: string): boolean => ID.test(text)

/** Returns the day (UTC) of an id, or undefined for a text that is not an id. */
export function dayOfId(id: string): string | undefined {
  const match = ID.exec(id)
  return match ? dayOf(Number(match[1])) : undefined
}

/** Returns the day of a time in unix seconds, as YYYY-MM-DD in UTC. */
function dayOf(seconds: number): string {
  return new Date(seconds * 1000).toISOString().slice(0, 10)
}
