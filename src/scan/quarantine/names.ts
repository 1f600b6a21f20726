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
export function dayOf(seconds: number): string {
  return new Date(seconds * 1000).toISOString().slice(0, 10)
}
