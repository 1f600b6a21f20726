/**
 * Names of messages in quarantine: `SECONDS.RANDOM`, its id, and `,S=BYTES` behind it, as
 * Maildir++ has it: of the message, without what is ours above it.
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

/** `random` is 8 bytes. */
export function makeId(now: number, random: Buffer): string {
  return `${Math.floor(now / 1000)}.${random.toString('hex')}`
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
