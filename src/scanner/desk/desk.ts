import { Fault } from '../../base/errors/fault.ts'
import type { PathHandle } from '../../base/path/path-handle.ts'
import { readSettings } from '../../base/settings/read-settings.ts'
import { quarantineLimits } from '../../base/settings/table/quarantine-limits.ts'
import { type Sought, searchWords, soughtRecipients } from '../../base/text/search-words.ts'
import { shortNumber, shortNumbersIn } from '../../base/text/short-number.ts'
import { deleteEntry } from '../scan/quarantine/begin-release.ts'
import {
  byAge,
  type EntryRange,
  entriesIn,
  isId,
  keptUntil,
  type OpenMessage,
  openMessage,
  type QuarantineEntry,
  RecordReader,
  secondsOf,
} from '../scan/quarantine/entries.ts'
import { NotDone, notInQuarantine } from '../scan/quarantine/not-done.ts'
import {
  forgetReceipts,
  idsWithReceipts,
  type Receipt,
  readReceipts,
  receiptOf,
} from '../scan/quarantine/receipts.ts'
import type { QuarantineRecord, RecordAndStart } from '../scan/quarantine/record.ts'
import { type ActionNote, noteAction } from './note-action.ts'
import { type Act, NotedActs } from './noted-acts.ts'
import { type Reader, recipientsFor } from './reader.ts'
import { asUtf8, readTexts, type ShownMessage, shownMessage } from './shown-message.ts'

/** Which messages are meant. */
export interface MessageFilter extends Sought {
  readonly range: EntryRange
  readonly states: readonly QuarantineEntry['state'][]
  readonly grounds?: string | undefined
  /** The id of the message behind which the list begins. */
  readonly before?: string | undefined
}

const STATES = ['kept', 'releasing', 'released'] as const

/** Returns the states that the word of a search means: a state, `all`, or those of mail in quarantine without a word. */
export function statesOf(word: string | undefined): MessageFilter['states'] {
  if (word === undefined) return ['kept', 'releasing']
  return STATES.filter((state) => word === 'all' || word === state)
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
  /** The messages that a recipient has received. */
  readonly #received: ReadonlySet<string>
  readonly #days: number

  private constructor(
    root: PathHandle,
    reader: Reader,
    { acts, received }: { readonly acts: NotedActs; readonly received: ReadonlySet<string> },
    days: number,
  ) {
    this.root = root
    this.#reader = reader
    this.#acts = acts
    this.#received = received
    this.#days = days
  }

  static async open(root: PathHandle, reader: Reader): Promise<Desk> {
    const { QUARANTINEDAYS } = readSettings(process.env, quarantineLimits)
    const known = { acts: NotedActs.read(root), received: await idsWithReceipts(root) }
    return new Desk(root, reader, known, QUARANTINEDAYS)
  }

  /** Finds messages. `onRead` is called for each one that is examined, and ends the search if it returns false. */
  async *find(
    filter: MessageFilter,
    complain: Complain = () => {},
    onRead: (entry: QuarantineEntry) => boolean = () => true,
  ): AsyncGenerator<FoundMessage> {
    const { range, states, grounds, before } = filter
    const last = before && { id: before, seconds: secondsOf(before) }
    const matches = matcherOf(filter)
    const records = new RecordReader(this.root)
    try {
      for await (const entry of entriesIn(this.root, range, complain)) {
        if (last && byAge(entry, last) >= 0) continue
        if (!this.#mayBe(entry, states) || (grounds ?? entry.grounds) !== entry.grounds) continue
        if (!onRead(entry)) return
        try {
          const read = await records.read(entry)
          if (read === undefined) continue
          const record = this.#ofReader(read.record)
          const found = { entry, ...read, record }
          if (record.recipients.length < this.#least || !matches(found)) continue
          const seen = this.#seen(entry, record)
          if (states.includes(seen.state)) yield { ...found, entry: seen }
        } catch (error) {
          complain(error, entry)
        }
      }
    } finally {
      records.close()
    }
  }

  /** Whether a message may have one of these states for the person, before its record is read. */
  #mayBe({ id, state }: QuarantineEntry, states: MessageFilter['states']): boolean {
    if (states.includes(state)) return true
    return this.#reader.to !== undefined && this.#received.has(id) && states.includes('released')
  }

  /** A message whose recipients in the person's care all have it is released for the person. */
  #seen(entry: QuarantineEntry, { recipients }: QuarantineRecord): QuarantineEntry {
    if (this.#reader.to === undefined || entry.state === 'released') return entry
    const hasIt = receiptOf(this.receipts(entry.id))
    return recipients.every(hasIt) ? { ...entry, state: 'released' } : entry
  }

  /** When the sweep removes a message, unix milliseconds; infinity: without a limit of time. */
  endOf(entry: QuarantineEntry): number {
    return keptUntil(entry, this.#days) ?? Number.POSITIVE_INFINITY
  }

  /** The recipients who received a message. */
  receipts(id: string): readonly Receipt[] {
    return this.#received.has(id) ? readReceipts(this.root, id) : []
  }

  /** Returns a message for people, with this many of its recipients: first those whom a search names. */
  shown(
    { entry, ...found }: FoundMessage,
    recipientsMax: number,
    sought: Sought = {},
  ): ShownMessage {
    const { recipients: own } = found.record
    const acts = this.#acts.of(entry.id).map(({ recipients, ...act }) => ({
      ...act,
      ...(recipients && { recipients: recipientsFor(this.#reader, recipients) }),
    }))
    const end = this.endOf(entry)
    const receipt = receiptOf(this.receipts(entry.id))
    const releasedCount = entry.state === 'released' ? own.length : own.filter(receipt).length
    const some = own.slice(0, recipientsMax).map(asUtf8)
    const named = isSought(sought) ? soughtRecipients(own.map(asUtf8), sought) : []
    const first = named.length === 0 ? some : [...new Set([...named, ...some])]
    return shownMessage(entry, found, first.slice(0, recipientsMax), {
      releasedCount,
      history: acts,
      deletedOn: end === Number.POSITIVE_INFINITY ? null : new Date(end).toISOString(),
    })
  }

  /**
   * Returns the id of a message that a user names, by its id or short number. Rejects with a NotDone if no message has the
   * number, and with a Fault if several have it.
   */
  async idOf(name: string): Promise<string> {
    const [number] = shortNumbersIn(name)
    if (number === undefined || isId(name)) return name
    const ids: string[] = []
    for await (const { id } of entriesIn(this.root, ALL_TIME)) if (shortNumber(id) === number) ids.push(id) // biome-ignore format: a line
    const [id, ...others] = ids
    if (id === undefined) throw notInQuarantine(name)
    if (others.length > 0) throw new Fault('config', `${name}: is the number of ${ids.join(' and ')}; name one of these`) // biome-ignore format: a line
    return id
  }

  /** Opens a message. Its record has only the recipients in the person's care. Rejects as openMessage() does. */
  async message(id: string): Promise<OpenMessage> {
    const opened = await openMessage(this.root, id)
    const record = this.#ofReader(opened.record)
    if (record.recipients.length >= this.#least)
      return { ...opened, entry: this.#seen(opened.entry, record), record }
    await opened.close()
    throw notInQuarantine(id)
  }

  /** Returns the person who deleted a message, and when, if that is noted. One who sees some mail does not learn what other mail there was. */
  deletionOf(id: string): Act | undefined {
    if (this.#reader.to !== undefined) return undefined
    return this.#acts.of(id).findLast(({ act }) => act === 'deleted')
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
    await forgetReceipts(this.root, id).catch(() => {}) // the sweep removes them
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

const ALL_TIME: EntryRange = { since: undefined, until: undefined }

const isSought = ({ search, recipient }: Sought) => Boolean(search || recipient)

function matcherOf(filter: MessageFilter): (found: FoundMessage) => boolean {
  const { wanted, unwanted } = searchWords(filter.search ?? '')
  const [address] = searchWords(filter.recipient ?? '').wanted
  return ({ entry, ...found }) => {
    const { found: finding, remote, queue, sender, recipients, log } = found.record
    const isFor = (part: string) =>
      recipients.some((recipient) => asUtf8(recipient).toLowerCase().includes(part))
    if (address && !address.some(isFor)) return false
    if (wanted.length + unwanted.length === 0) return true
    const { subject, from, attachments } = readTexts(found)
    const facts = [finding, remote, queue, sender, ...recipients, log].map((fact) => asUtf8(fact ?? '')) // biome-ignore format: a line
    const written = [from, subject, ...attachments].join('\n').toLowerCase()
    const text = [entry.grounds, ...facts, written].join('\n').toLowerCase()
    const has = (word: string) => {
      // Nearly all messages have each digit somewhere in their numbers, addresses and times.
      if (/^\d{1,2}$/.test(word))
        return written.includes(word) && written.split(/[^\p{L}\p{N}]+/u).includes(word)
      const isNumber = () => entry.id.includes(word) || shortNumber(entry.id).toLowerCase() === word
      return text.includes(word) || (/^\d+\.|-\d{4}$/.test(word) && isNumber())
    }
    const hasWord = (forms: readonly string[]) => forms.some(has)
    return wanted.every(hasWord) && !unwanted.some(hasWord)
  }
}
