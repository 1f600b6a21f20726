import type { PathHandle } from '../../../base/path/path-handle.ts'
import { readSettings } from '../../../base/settings/read-settings.ts'
import { quarantineLimits } from '../../../base/settings/table/quarantine-limits.ts'
import { unbracketed } from '../../../base/text/bracketed.ts'
import { deleteEntry } from '../../scan/quarantine/begin-release.ts'
import {
  byAge,
  type EntryRange,
  entriesIn,
  type OpenMessage,
  openMessage,
  type QuarantineEntry,
  RecordReader,
} from '../../scan/quarantine/entries.ts'
import { NotDone } from '../../scan/quarantine/not-done.ts'
import type { QuarantineRecord, RecordAndStart } from '../../scan/quarantine/record.ts'
import { type ActionNote, noteAction, withQuarantine } from './directory.ts'
import { NotedActs } from './noted-acts.ts'
import { forCommand } from './problem.ts'
import { type Reader, recipientsFor } from './reader.ts'
import { asUtf8, readTexts, type ShownMessage, shownMessage } from './shown-message.ts'

/** Which messages are meant. */
export interface MessageFilter {
  readonly range: EntryRange
  readonly states: readonly QuarantineEntry['state'][]
  readonly grounds?: string | undefined
  /** A part of the address of a recipient. */
  readonly recipient?: string | undefined
  /** Words, each of which must be somewhere in the data about a message, in any case. */
  readonly search?: string | undefined
  /** The id of the message behind which the list begins. */
  readonly before?: string | undefined
}

/** A message that was found. */
export interface FoundMessage extends RecordAndStart {
  readonly entry: QuarantineEntry
}

/** Receives why a message is left out. Without an entry: why a folder is. */
type Complain = (reason: unknown, entry?: QuarantineEntry) => void

/** The quarantine as one person uses it, over HTTP or by a command: only mail for the recipients who are in the person's care. */
export class Desk {
  readonly root: PathHandle
  readonly #reader: Reader
  readonly #acts: NotedActs
  readonly #days: number

  private constructor(root: PathHandle, reader: Reader, acts: NotedActs, days: number) {
    this.root = root
    this.#reader = reader
    this.#acts = acts
    this.#days = days
  }

  static async open(root: PathHandle, reader: Reader = {}): Promise<Desk> {
    const { QUARANTINEDAYS } = readSettings(process.env, quarantineLimits)
    return new Desk(root, reader, await NotedActs.read(root), QUARANTINEDAYS)
  }

  /** Finds messages. `onRead` is called for each one that is examined, and ends the search if it returns false. */
  async *find(
    filter: MessageFilter,
    complain: Complain = () => {},
    onRead: (entry: QuarantineEntry) => boolean = () => true,
  ): AsyncGenerator<FoundMessage> {
    const { range, states, grounds, before } = filter
    const last = before && { id: before, seconds: Number.parseInt(before, 10) }
    const matches = matcherOf(filter)
    const records = new RecordReader(this.root)
    try {
      for await (const entry of entriesIn(this.root, range, complain)) {
        if (last && byAge(entry, last) >= 0) continue
        if (!states.includes(entry.state) || (grounds ?? entry.grounds) !== entry.grounds) continue
        if (!onRead(entry)) return
        try {
          const read = await records.read(entry)
          const found = read && { entry, ...read, record: this.#ofReader(read.record) }
          if (found && found.record.recipients.length >= this.#least && matches(found)) yield found
        } catch (error) {
          complain(error, entry)
        }
      }
    } finally {
      records.close()
    }
  }

  /** Returns a message for people, with this many of its recipients. */
  shown({ entry, ...found }: FoundMessage, recipientsMax: number): ShownMessage {
    const acts = this.#acts.of(entry.id).map(({ recipients, ...act }) => ({
      ...act,
      ...(recipients && { recipients: recipientsFor(this.#reader, recipients) }),
    }))
    const end = this.#days === 0 ? null : new Date((entry.seconds + this.#days * 86_400) * 1000)
    return shownMessage(entry, found, recipientsMax, { history: acts, deletedOn: end?.toISOString() ?? null }) // biome-ignore format: a line
  }

  /** Opens a message. Its record has only the recipients in the person's care. Rejects as openMessage() does. */
  async message(id: string): Promise<OpenMessage> {
    const opened = await openMessage(this.root, id)
    const record = this.#ofReader(opened.record)
    if (record.recipients.length >= this.#least) return { ...opened, record }
    await opened.close()
    throw new NotDone('missing', `${id}: is not in quarantine`)
  }

  /** Deletes a message, and notes that. Rejects as deleteEntry() does, and if it is also for others. */
  async remove(id: string, note: ActionNote): Promise<void> {
    if (this.#reader.to !== undefined) {
      const opened = await this.message(id)
      await opened.close()
      const all = await openMessage(this.root, id)
      await all.close()
      if (all.record.recipients.length > opened.record.recipients.length)
        throw new NotDone('for-others', `${id}: is also for recipients whom you do not manage`)
    }
    const { grounds } = await deleteEntry(this.root, id)
    await noteAction(this.root, [['quarantine', 'delete'], ['kept', id], ['grounds', grounds]], note) // biome-ignore format: a line
  }

  /** The recipients that a message must have: mail without any is for those who may see all. */
  get #least(): number {
    return this.#reader.to === undefined ? 0 : 1
  }

  #ofReader(record: QuarantineRecord): QuarantineRecord {
    if (this.#reader.to === undefined) return record
    const recipients = recipientsFor(this.#reader, record.recipients)
    // The line of the log names a recipient.
    return {
      ...record,
      recipients,
      ...(recipients.length < record.recipients.length && { log: '' }),
    }
  }
}

/** Calls `use` with the quarantine of a command. What it rejects with has the remedy for the user of a command. */
export function atDesk<Result>(
  directory: string,
  use: (desk: Desk) => Promise<Result>,
): Promise<Result> {
  return withQuarantine(directory, async (root) => {
    try {
      return await use(await Desk.open(root))
    } catch (error) {
      throw forCommand(error)
    }
  })
}

function matcherOf({
  recipient: wanted,
  search = '',
}: MessageFilter): (found: FoundMessage) => boolean {
  const words = search
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '')
    .map(asTyped)
  const address = wanted ? asTyped(wanted.toLowerCase()) : undefined
  return ({ entry, ...found }) => {
    const { found: finding, remote, queue, sender, recipients, log } = found.record
    const isFor = (part: string) =>
      recipients.some((recipient) => asUtf8(recipient).toLowerCase().includes(part))
    if (address && !address.some(isFor)) return false
    if (words.length === 0) return true
    const { subject, from, attachments } = readTexts(found)
    const facts = [finding, remote, queue, sender, ...recipients, log].map((fact) => asUtf8(fact ?? '')) // biome-ignore format: a line
    const text = [entry.id, entry.grounds, ...facts, from, subject, ...attachments].join('\n').toLowerCase() // biome-ignore format: a line
    return words.every((forms) => forms.some((word) => text.includes(word)))
  }
}

/** Returns a word that was typed, and what it is if it was copied from a digest or from between angle brackets. */
const asTyped = (word: string): readonly string[] => {
  const copied = unbracketed(word.replace(/^<|[>,;]+$/g, ''))
  return copied === word || copied === '' ? [word] : [word, copied]
}
