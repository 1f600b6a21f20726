import { harmlessLine } from '../../base/text/harmless.ts'
import { readableNames, readableText } from '../../mail/mime/headers/readable.ts'
import type { QuarantineEntry } from '../scan/quarantine/entries.ts'
import type { RecordAndStart } from '../scan/quarantine/record.ts'
import { seenFieldsIn } from '../scan/quarantine/seen-fields.ts'
import type { Act } from './noted-acts.ts'

/** A message as the API and the commands show it: addresses and texts are UTF-8, with U+FFFD for other bytes. */
export interface ShownMessage extends ReadTexts, Fate {
  readonly id: string
  readonly time: string
  readonly state: QuarantineEntry['state']
  readonly grounds: string
  readonly found: string | null
  readonly size: number
  readonly sender: string
  /** At most the number that the caller wants. */
  readonly recipients: readonly string[]
  readonly recipientCount: number
  readonly interface: string
  readonly client: string | null
  readonly queue: string | null
  readonly host: string
}

/** What was done with a message, and what will be. */
interface Fate {
  /** The number of its recipients who have received it. */
  readonly releasedCount: number
  readonly history: readonly Act[]
  /** When the sweep removes it, unless the quarantine is full before; null if it is kept without a limit of time. */
  readonly deletedOn: string | null
}

/** Returns a message in a list, with these of its recipients. */
export function shownMessage(
  { id, state, grounds, size }: QuarantineEntry,
  found: RecordAndStart,
  recipients: readonly string[],
  fate: Fate,
): ShownMessage {
  const { record } = found
  const { time, sender, door, remote, queue, host } = record
  return {
    id,
    time,
    state,
    grounds,
    found: textOrNull(record.found),
    size,
    sender: asUtf8(sender),
    recipients,
    recipientCount: record.recipients.length,
    ...readTexts(found),
    interface: door,
    client: textOrNull(remote),
    queue: textOrNull(queue),
    host,
    ...fate,
  }
}

/** Returns the text of bytes in latin1 that are UTF-8. */
export const asUtf8 = (bytes: string): string =>
  /[^\0-\x7f]/.test(bytes) ? Buffer.from(bytes, 'latin1').toString() : bytes

const textOrNull = (bytes: string | undefined) => (bytes === undefined ? null : asUtf8(bytes))

/** What people read of a message that its sender wrote: in one line each, and harmless. */
interface ReadTexts {
  /** Null if there is none. */
  readonly subject: string | null
  /** The field From, or ''. */
  readonly from: string
  /** The names of its files. */
  readonly attachments: readonly string[]
}

/** Characters of a text that are shown, and the names of files. */
const TEXT_MAX = 500
const NAMES_MAX = 20

export function readTexts({ record, start }: RecordAndStart): ReadTexts {
  const fields = record.fields ?? seenFieldsIn(start)
  const bodyOf = (field: string) => field.slice(field.indexOf(':') + 1)
  const charsetOfMail = charsetIn(fields)
  const read = (name: RegExp) => {
    const field = fields.find((written) => name.test(written))
    return field === undefined ? undefined : harmless(readableText(bodyOf(field), charsetOfMail))
  }
  const names = fields
    .filter((field) => /^content/i.test(field))
    .flatMap((field) => readableNames(bodyOf(field), charsetOfMail))
  return {
    subject: read(/^subject/i) ?? null,
    from: read(/^from/i) ?? '',
    attachments: [...new Set(names.map(harmless))].slice(0, NAMES_MAX),
  }
}

const harmless = (text: string) =>
  /^[ -~]*$/.test(text) ? text.slice(0, TEXT_MAX) : harmlessLine(text.slice(0, TEXT_MAX))

/** Returns the character set that a message names for its texts, if there is one. */
export const charsetOf = ({ record, start }: RecordAndStart): string | undefined =>
  charsetIn(record.fields ?? seenFieldsIn(start))

/** The character set that the fields of a message name somewhere: most likely also that of bytes outside of encoded words. */
function charsetIn(fields: readonly string[]): string | undefined {
  const [, named] =
    /charset\s*=\s*["']?([\w.:-]+)/i.exec(fields.find((field) => /charset/i.test(field)) ?? '') ??
    /=\?([\w.:-]+)/.exec(fields.find((field) => field.includes('=?')) ?? '') ??
    []
  return named
}
