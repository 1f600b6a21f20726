import { Fault } from '../ground/errors/fault.ts'

/**
 * What is known of a message in quarantine besides its bytes. Addresses are latin1, a character a
 * byte.
 */
export interface QuarantineRecord {
  readonly id: string
  /** When it was kept, RFC 3339 in UTC. */
  readonly time: string
  /** Host that keeps it. */
  readonly host: string
  readonly door: 'slot' | 'milter' | 'smtp'
  /** Why it is kept: a word of the log's `grounds`. */
  readonly grounds: string
  /** The virus, or what local policy does not want. */
  readonly found?: string | undefined
  /** Address of the SMTP client. */
  readonly remote?: string | undefined
  /** The MTA's own name for it. */
  readonly queue?: string | undefined
  readonly sender: string
  readonly recipients: readonly string[]
  /** The line of the log about it. */
  readonly log: string
}

/**
 * The line that ends our part of a file; the message follows byte for byte. No line above can look
 * like it: they are JSON, whose only line ends are ours, with a blank behind each.
 */
const LAST_LINE = 'X-Onescan-Message: as it came, below this line\n'
const FIELD = 'X-Onescan-Quarantine: '
/** RFC 5322 2.1.1 asks for lines of under 998. */
const LINE_MAX = 900
/** Most bytes of our part: an envelope may have a million recipients. */
export const RECORD_MAX = 192 * 1024 * 1024

/**
 * The two header fields above a message in quarantine, with all that is known of it as JSON in
 * ASCII, folded at any place, and the line below which the message begins. They are in the same
 * file, so that message and knowledge are never there without each other.
 */
export function encodeRecord(record: QuarantineRecord): Buffer {
  const json = JSON.stringify(record).replace(/[^ -~]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  })
  const lines: string[] = []
  for (let at = 0; at < json.length; at += LINE_MAX) lines.push(json.slice(at, at + LINE_MAX))
  return Buffer.from(`${FIELD}${lines.join('\n ')}\n${LAST_LINE}`, 'latin1')
}

/**
 * Our part of a file and where the message begins, read from the first bytes; undefined if there
 * are not enough of them. Throws a Fault of kind `read` for a file that is none of ours.
 */
export function decodeRecord(
  start: Buffer,
  recordMax = RECORD_MAX,
): { readonly record: QuarantineRecord; readonly messageAt: number } | undefined {
  const field = Buffer.from(FIELD)
  const known = start.subarray(0, field.length)
  if (!known.equals(field.subarray(0, known.length))) throw notOurs('does not begin as one')
  const end = start.indexOf(`\n${LAST_LINE}`)
  if (end < 0) {
    if (start.length > recordMax) throw notOurs(`says more than ${recordMax} bytes of it`)
    return undefined
  }
  const json = start.toString('latin1', field.length, end).replaceAll('\n ', '')
  return { record: parseRecord(json), messageAt: end + 1 + LAST_LINE.length }
}

function parseRecord(json: string): QuarantineRecord {
  let value: Partial<QuarantineRecord>
  try {
    value = JSON.parse(json)
  } catch {
    throw notOurs('what it says of the message is no JSON')
  }
  const { id, time, grounds, sender, recipients, door } = value ?? {}
  const texts = [id, time, grounds, sender, door].every((text) => typeof text === 'string')
  const addresses = Array.isArray(recipients) && recipients.every((it) => typeof it === 'string')
  if (!texts || !addresses) throw notOurs('what it says of the message is not whole')
  return { host: '', log: '', ...value } as QuarantineRecord
}

function notOurs(why: string): Fault {
  return new Fault('read', `is no message in quarantine: ${why}`)
}
