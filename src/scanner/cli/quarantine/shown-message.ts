import { decodeWords } from '../../../mail/message/encoded-words.ts'
import type { QuarantineEntry } from '../../scan/quarantine/entries.ts'
import type { QuarantineRecord, RecordAndStart } from '../../scan/quarantine/record.ts'

/** A message as the API shows it: addresses and texts are UTF-8, with U+FFFD for other bytes. */
export interface ShownMessage {
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
  readonly subject: string | null
  readonly interface: string
  readonly client: string | null
  readonly queue: string | null
  readonly host: string
}

/** Returns a message in a list, with this many of its recipients. */
export function shownMessage(
  { id, state, grounds, size }: QuarantineEntry,
  { record, start }: RecordAndStart,
  recipientsMax: number,
): ShownMessage {
  const { time, found, sender, recipients, door, remote, queue, host } = record
  return {
    ...{ id, time, state, grounds, found: textOrNull(found), size },
    sender: asUtf8(sender),
    recipients: recipients.slice(0, recipientsMax).map(asUtf8),
    recipientCount: recipients.length,
    subject: subjectOf(start),
    interface: door,
    client: textOrNull(remote),
    queue: textOrNull(queue),
    host,
  }
}

/** Returns the text of bytes in latin1 that are UTF-8. */
export const asUtf8 = (bytes: string): string =>
  /[^\0-\x7f]/.test(bytes) ? Buffer.from(bytes, 'latin1').toString() : bytes

const textOrNull = (bytes: string | undefined) => (bytes === undefined ? null : asUtf8(bytes))

/** Whether the data about a message contain a text, which is in lower case. */
export function contains({ record, start }: RecordAndStart, id: string, text: string): boolean {
  const { grounds, found, remote, queue, sender, recipients, log }: QuarantineRecord = record
  const facts = [id, grounds, found, remote, queue, sender, ...recipients, log]
  const texts = [...facts.map((fact) => asUtf8(fact ?? '')), subjectOf(start) ?? '']
  return texts.some((fact) => fact.toLowerCase().includes(text))
}

/** Characters of a subject that are shown. */
const SUBJECT_MAX = 500

/** Returns the header block in the first bytes of a message, latin1, without the empty line that ends it. */
export function headerText(start: Buffer): string {
  if (/^\r?\n/.test(start.toString('latin1', 0, 2))) return ''
  const ends = ['\n\n', '\n\r\n'].map((end) => start.indexOf(end) + 1).filter((end) => end > 0)
  return start.toString('latin1', 0, Math.min(start.length, ...ends))
}

/** Returns the decoded subject, or null if it is not in the first bytes of a message. */
function subjectOf(start: Buffer): string | null {
  const [, raw] = /^subject[ \t]*:(.*(?:\r?\n[ \t].*)*)/im.exec(headerText(start)) ?? []
  if (raw === undefined) return null
  const unfolded = raw
    .replace(/\?=\s+=\?/g, '?==?')
    .replace(/\r?\n/g, '')
    .trim()
  return asUtf8(decodeWords(unfolded)).slice(0, SUBJECT_MAX)
}
