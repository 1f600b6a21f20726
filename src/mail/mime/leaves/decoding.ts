import type { Hash } from 'node:crypto'
import type { ByteRange, Bytes } from '../../message/bytes.ts'
import { type BinHexFile, openBinHex } from '../containers/binhex.ts'
import { beginsCalendar, openCalendar, utf16Of } from '../containers/calendar.ts'
import { openCms } from '../containers/cms.ts'
import { openPgp, type PgpContent } from '../containers/openpgp.ts'
import type { HeldFile } from '../containers/property.ts'
import { openTnef } from '../containers/tnef.ts'
import { Base64Plan } from '../decoders/base64.ts'
import { toUtf8 } from '../decoders/charsets.ts'
import { type DecodingPlan, decoded, type MakeDecoder, makerOf } from '../decoders/decoder.ts'
import { QuotedPrintablePlan } from '../decoders/quoted-printable.ts'
import { Unescaped, Unpercented } from '../decoders/text-forms.ts'
import { NO_HEADER, type PartHeader } from '../headers/part-header.ts'
import { LimitExceeded, limits, Unreadable } from '../shared/limits.ts'
import { type Steps, Work, type WorkOptions } from '../shared/work.ts'
import { beginsAsMailbox, hasHeader, holdsCodedData, mailStarts } from './content-checks.ts'

/** Contents of at most this many bytes are compared as they are. A digest would take longer. */
const COMPARED_WHOLE_MAX = 256
/** Contents of at most this many bytes are compared by a digest. Larger ones are not compared. */
const COMPARED_MAX = 1024 * 1024

/** The cost of a content besides its bytes, in units of work. */
const CONTENT_COST = 4096

/** The cost of a content that was given before. */
const SEEN_COST = 256

/** The cost of a mail of a mailbox besides its bytes, which may be seven. */
const MAIL_COST = 128

/** The ways in which a content is opened, as bits: those of every file, and those that its leaf adds. */
const AS_FILE = 1
const AS_MESSAGE = 2
const AS_CALENDAR = 4
const AS_CONTAINER = 8

const unescaped = makerOf(Unescaped)
const unpercented = makerOf(Unpercented)

export interface ContentsOptions extends WorkOptions {
  readonly createHash: (algorithm: string) => Hash
  /**
   * Called with each header of a part or a mail, as some reader sees it. What it does then is work of the
   * message: it yields the units that it has done, and goes on when they were counted.
   */
  readonly onHeader?: (header: PartHeader) => Iterable<number>
  /**
   * The most messages or multiparts in one another (nested.ts); undefined if nobody wants to know
   * about more.
   */
  readonly maxDepth?: number
  /** Called with the place of each part of which all is in one content. */
  readonly onGiven?: (range: ByteRange) => void
  /** The same with the name of each file in uuencode, yEnc, a calendar or a card. */
  readonly onName?: (name: string) => Iterable<number>
}

/** Gives what stands in bytes that were decoded: the contents of a mail, or encoded data in a text. */
type ReadWithin = (bytes: Bytes, as: 'mail' | 'text', decoding: Decoding) => Steps

/** What is known about the leaf that is decoded now. */
interface DecodedLeaf {
  /**
   * Whether S/MIME or OpenPGP was read to its end in it. Then it need not be readable in the other ways of
   * decoding the leaf.
   */
  hasOpened: boolean
  header: PartHeader
  /** Whether it is a message, whatever its first lines are: by its type, its name, or in a digest. */
  readonly isMessage: boolean
  /** Whether something around it says that it is S/MIME or OpenPGP; and whether it says OpenPGP. */
  readonly isContainer: boolean
  readonly isOpenPgp: boolean
  /** How many messages stand around it (nesting.ts). */
  messages: number
}

/** Nothing says what a file is that came out of OpenPGP. */
const UNSAID = { isContainer: false, isOpenPgp: false }

/**
 * The decoding of all that stands in one message, and the state that its readings share. What it gives
 * comes once, with all contents inside of it.
 */
export class Decoding extends Work {
  readonly #readWithin: ReadWithin
  readonly options: ContentsOptions
  leaf: DecodedLeaf = {
    hasOpened: false,
    header: NO_HEADER,
    isMessage: false,
    isContainer: false,
    isOpenPgp: false,
    messages: 0,
  }
  /** How many encoded mails and containers stand around what is decoded now. */
  depth = 0
  /** Whether the message was found to be nested deeper than `maxDepth`. */
  isTooDeep = false
  /** The most contents of the plain reading, and again of odd ones. */
  readonly #most: number
  /**
   * The digests of the contents that were given, and the ways in which each was opened. Small contents
   * stand there as they are.
   */
  readonly #given = new Map<string, number>()
  /** What those who listen have still to do. */
  #heard: Iterable<number>[] = []

  constructor(message: Bytes, options: ContentsOptions, readWithin: ReadWithin) {
    super(message, options)
    this.options = options
    this.#readWithin = readWithin
    this.#most = this.budget.contents
  }

  /** Takes what somebody who listens will do about a header or a name: the reading cannot stop for it. */
  hear(work: Iterable<number> | undefined): void {
    if (work !== undefined) this.#heard.push(work)
  }

  /** Lets those who listen do their work. */
  *listen(): Steps {
    const heard = this.#heard
    this.#heard = []
    for (const work of heard) for (const units of work) yield* this.countUnits(units)
  }

  /**
   * Gives a content, unless it is empty or was given before. Returns whether it was given now, or
   * is still to be opened. `opens` says that the caller opens it; what was given before may still
   * have to be opened, since it was shown as a text then, or stood below a header that says less.
   * `isCounted` says that its bytes were counted when they were decoded.
   */
  *give(source: Bytes, { isMail = false, isCounted = false, opens = false } = {}): Steps<boolean> {
    if (source.size === 0) return false
    const ways = opens ? this.#ways : 0
    const before = this.#noteGiven(source, isMail, ways)
    if (before !== undefined) {
      yield* this.countUnits(SEEN_COST)
      return (ways & ~before) !== 0
    }
    if (--this.budget.contents < 0) throw new LimitExceeded(`more than ${this.#most} contents`)
    if (!isCounted) this.countBytes(source.size)
    yield { kind: 'content', bytes: source, isMail }
    yield* this.countUnits(CONTENT_COST + source.size)
    return true
  }

  /** Gives a decoded content; then the contents inside of it, if it is a container or may be a mail. */
  *giveDecoded(source: Bytes): Steps {
    if (!(yield* this.give(source, { isCounted: true, opens: true }))) return
    yield* this.giveFromContainers(source)
    yield* this.giveWithin(source)
  }

  /** Decodes a source in each way of a plan. Gives each result, and the contents inside of it. */
  *giveByPlan(plan: DecodingPlan, part: Bytes): Steps {
    yield* this.giveInOneWay(plan.standard, part)
    yield* this.giveInOtherWays(plan, part)
  }

  /** Decodes a source in all ways of a plan but the standard one, which must have ended. */
  giveInOtherWays(plan: DecodingPlan, part: Bytes): Steps {
    return this.oddly(this.#giveInEach(plan, part))
  }

  *#giveInEach(plan: DecodingPlan, part: Bytes): Steps {
    for (const other of plan.others()) yield* this.giveInOneWay(other, part)
  }

  /** Decodes a source with one decoder. Gives the result, and the contents inside of it. */
  giveInOneWay(make: MakeDecoder, part: Bytes): Steps {
    return decoded(part, make, this, (source) => this.giveDecoded(source))
  }

  /** Decodes a text that is shown with one decoder. Gives the result, and what is encoded in it. */
  giveText(make: MakeDecoder, text: Bytes): Steps {
    return decoded(text, make, this, (result) => this.#giveShown(result))
  }

  *#giveShown(text: Bytes): Steps {
    if (yield* this.give(text, { isCounted: true })) yield* this.giveCodedWithin(text)
  }

  /** Gives what is encoded in a text that was decoded. */
  *giveCodedWithin(text: Bytes): Steps {
    yield* this.giveBinHex(text)
    if (holdsCodedData(text)) yield* this.#inside(this.#readWithin(text, 'text', this))
  }

  /** Gives what stands in a file: in a mailbox, in a mail, or encoded in a text. */
  *giveWithin(file: Bytes): Steps {
    // The properties of a calendar look like fields.
    const isMail = () => this.leaf.isMessage || (hasHeader(file) && !beginsCalendar(file))
    if (beginsAsMailbox(file)) yield* this.#insideMail(this.#giveMails(file))
    else if (isMail()) yield* this.#insideMail(this.#giveMail(file))
    else yield* this.giveCodedWithin(file)
  }

  /** Gives what stands in each mail of a mailbox (mbox, RFC 4155). */
  *#giveMails(mailbox: Bytes): Steps {
    let from = 0
    for (const to of mailStarts(mailbox)) {
      yield* this.#readWithin(mailbox.slice(from, to), 'mail', this)
      yield* this.countUnits(MAIL_COST)
      from = to
    }
    yield* this.#readWithin(mailbox.slice(from), 'mail', this)
  }

  *#giveMail(source: Bytes): Steps {
    yield* this.give(source, { isMail: true })
    yield* this.#readWithin(source, 'mail', this)
  }

  /**
   * Gives what S/MIME, OpenPGP, TNEF, calendars and cards hold, if the bytes are one of them, and are not
   * encrypted. Calendars and cards are read by the budget of odd readings, since an address book may have
   * thousands of photos; so are bytes that only look like S/MIME or OpenPGP, and nothing says that they are.
   */
  *giveFromContainers(source: Bytes): Steps {
    if (this.leaf.isContainer) yield* this.#giveOpened(source)
    else yield* this.#giveByLooks(source)
    if (!this.leaf.header.isCalendar && !beginsCalendar(source)) return
    yield* this.oddly(this.#giveFromCalendar(source))
  }

  /** Opens what may look like a container by chance, so that it is no fault if it cannot be read. */
  *#giveByLooks(source: Bytes): Steps {
    try {
      yield* this.oddly(this.#giveOpened(source))
    } catch (error) {
      if (!(error instanceof Unreadable)) throw error
      this.onOdd?.('unread')
    }
  }

  *#giveOpened(source: Bytes): Steps {
    const { leaf } = this
    const { isContainer, isOpenPgp } = leaf
    const give = (content: Bytes) => this.#giveFromOpened(content, { isContainer, isOpenPgp })
    const givePgp = (content: PgpContent) => {
      if (content.kind === 'packets') return give(content.bytes)
      return this.#giveNamed([content.name], this.#giveFromOpened(content.bytes, UNSAID))
    }
    try {
      if (yield* openCms(source, this, give)) leaf.hasOpened = true
      if (yield* openPgp(source, isOpenPgp, this, givePgp)) leaf.hasOpened = true
      yield* openTnef(source, this, {
        name: (name) => this.hear(this.options.onName?.(name)),
        give: (content) => this.#giveNamed([], this.#giveFromOpened(content, UNSAID)),
      })
    } catch (error) {
      if (!(error instanceof Unreadable) || !leaf.hasOpened) throw error
    }
  }

  /** Gives what came out of a container, with what is said about that. */
  *#giveFromOpened(content: Bytes, said: Pick<DecodedLeaf, 'isContainer' | 'isOpenPgp'>): Steps {
    const around = this.leaf
    this.leaf = { ...around, hasOpened: false, ...said }
    try {
      if (hasHeader(content)) yield* this.#insideMail(this.#giveMail(content))
      else yield* this.#inside(this.giveDecoded(content))
    } finally {
      this.leaf = around
    }
  }

  *#giveFromCalendar(source: Bytes): Steps {
    const open = (text: Bytes) => openCalendar(text, this, (file) => this.#giveHeld(file))
    const { header } = this.leaf
    this.leaf.header = NO_HEADER // it says nothing about the files
    try {
      const charset = utf16Of(source)
      if (charset === undefined) yield* open(source)
      else yield* decoded(source, toUtf8(charset)[0]!, this, open)
    } finally {
      this.leaf.header = header
    }
  }

  /** Gives a file that a calendar or a card holds. */
  *#giveHeld({ encoded, encoding, names }: HeldFile): Steps {
    const fromBase64 = (text: Bytes) => this.giveByPlan(new Base64Plan(), text)
    const ways: Record<HeldFile['encoding'], () => Steps> = {
      base64: () => fromBase64(encoded),
      'escaped base64': () => decoded(encoded, unescaped, this, fromBase64),
      'quoted-printable': () => this.giveByPlan(new QuotedPrintablePlan(), encoded),
      url: () => this.giveInOneWay(unpercented, encoded),
      'base64 in a url': () => decoded(encoded, unpercented, this, fromBase64),
    }
    yield* this.#giveNamed(names, this.#inside(ways[encoding]()))
  }

  /** Gives the files that stand in a text as BinHex, which only some readers know. */
  giveBinHex(text: Bytes): Steps {
    return this.oddly(openBinHex(text, this, (file) => this.#giveBinHexFile(file)))
  }

  *#giveBinHexFile({ name, forks }: BinHexFile): Steps {
    for (const fork of forks) {
      yield* this.#giveNamed([name], this.#giveFromOpened(fork, UNSAID))
    }
  }

  /** Tells the names of a file, and takes the steps that give it. */
  *#giveNamed(names: readonly string[], give: Steps): Steps {
    for (const name of names) if (name !== '') this.hear(this.options.onName?.(name))
    yield* this.listen()
    yield* give
  }

  /** Takes steps inside of one more mail, as `#inside` does. */
  *#insideMail(steps: Steps): Steps {
    this.leaf.messages++
    try {
      yield* this.#inside(steps)
    } finally {
      this.leaf.messages--
    }
  }

  /**
   * Takes steps inside of one more mail or container. Throws LimitExceeded if these are too many:
   * more than `limits` say, and more than may be nested. So mail that is nested too deep is known
   * as that before it meets this limit.
   */
  *#inside(steps: Steps): Steps {
    const most = Math.max(limits.depth, (this.options.maxDepth ?? 0) + 1)
    if (this.depth === most) throw new LimitExceeded(`mail encoded more than ${most} deep`)
    this.depth++
    try {
      yield* steps
    } finally {
      this.depth--
    }
  }

  get #ways(): number {
    const { header, isContainer, isMessage } = this.leaf
    return (
      AS_FILE |
      (isMessage ? AS_MESSAGE : 0) |
      (header.isCalendar ? AS_CALENDAR : 0) |
      (isContainer ? AS_CONTAINER : 0)
    )
  }

  /** Returns the ways in which a content was opened when it was given before; undefined if it was not. */
  #noteGiven(source: Bytes, isMail: boolean, ways: number): number | undefined {
    if (source.size > COMPARED_MAX) return undefined
    const isSmall = source.size <= COMPARED_WHOLE_MAX
    const bytes = isSmall
      ? `=${source.gather().toString('latin1')}`
      : source.digest(this.options.createHash('sha256'))
    const key = isMail ? `mail ${bytes}` : bytes
    const before = this.#given.get(key)
    this.#given.set(key, (before ?? 0) | ways)
    return before
  }
}
