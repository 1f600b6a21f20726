/**
 * Names of messages in quarantine: `SECONDS.DIGITS`, its id, and `,S=BYTES` behind it, as
 * Maildir++ has it: of the message, without what is ours above it. Of the sixteen hex digits five
 * are its place within the second, the others random: by their names messages are in the order in
 * which they came.
 */
export interface EntryName {
  readonly id: string
  /** When it was kept, unix seconds. */
  readonly seconds: number
  /** Bytes of the message. */
  readonly size: number
  /** Behind `:2,` of a name in cur/: `P` has been released. */
  readonly flags: string
}

const ID = /^([0-9]{1,12})\.[0-9a-f]{16}$/
const NAME = /^(([0-9]{1,12})\.[0-9a-f]{16}),S=([0-9]{1,15})(?::2,([A-Za-z]{0,52}))?$/

const PLACE_DIGITS = 5
/** Places in a millisecond. */
const PLACES = 1000
/** Bytes that makeId() wants of a random source. */
export const RANDOM_BYTES = 6

/** The last one that this process has given away. Set and read by one call: nobody comes between. */
let last = { now: 0, place: 0 }

/**
 * An id for a message that is kept `now`, unix milliseconds. Of two calls in one process the later
 * one has the greater id, unless the clock was set back; `random` tells processes apart.
 */
export function makeId(now: number, random: Buffer): string {
  const whole = Math.floor(now)
  last = { now: whole, place: whole === last.now ? Math.min(last.place + 1, PLACES - 1) : 0 }
  const place = (whole % 1000) * PLACES + last.place
  const digits = place.toString(16).padStart(PLACE_DIGITS, '0')
  return `${Math.floor(whole / 1000)}.${digits}${random.toString('hex').slice(PLACE_DIGITS - 16)}`
}

/** For Array.sort(): the oldest first. */
export function byAge(entry: EntryName, other: EntryName): number {
  return entry.seconds - other.seconds || (entry.id < other.id ? -1 : 1)
}

export function nameOfEntry(id: string, size: number): string {
  return `${id},S=${size}`
}

/** Undefined for a name that is none of ours. */
export function readEntryName(name: string): EntryName | undefined {
  const match = NAME.exec(name)
  if (!match) return undefined
  const [, id = '', seconds, size, flags = ''] = match
  return { id, seconds: Number(seconds), size: Number(size), flags }
}

/** The day (UTC) of an id, or undefined for what is none. */
export function dayOfId(id: string): string | undefined {
  const match = ID.exec(id)
  return match ? dayOf(Number(match[1])) : undefined
}

/** YYYY-MM-DD in UTC. */
export function dayOf(seconds: number): string {
  return new Date(seconds * 1000).toISOString().slice(0, 10)
}
