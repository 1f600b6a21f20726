import type { Hash } from 'node:crypto'
import type { ByteRange, Bytes } from '../../message/bytes.ts'
import { limits, Unreadable } from '../budget/limits.ts'
import { NAMELESS, type PartNames, type Steps, Work, type WorkOptions } from '../budget/work.ts'
import { type BinHexFile, holdsBinHex, openBinHex } from '../containers/binhex.ts'
import { beginsCalendar, openCalendar, utf16Of } from '../containers/calendar.ts'
import { openCms } from '../containers/cms.ts'
import type { HeldFile } from '../containers/content-line.ts'
import { openPgp, type PgpContent } from '../containers/openpgp.ts'
import { openTnef } from '../containers/tnef.ts'
import { armour, base64UntilEquals } from '../decoders/armour.ts'
import { Base64Decoder, base64 } from '../decoders/base64.ts'
import { toUtf8 } from '../decoders/charsets.ts'
import {
  type Codec,
  decoded,
  decodedInEachWay,
  type MakeDecoder,
  makerOf,
} from '../decoders/decoder.ts'
import { QuotedPrintableDecoder, quotedPrintable } from '../decoders/quoted-printable.ts'
import { Unescaped, Unpercented, WithoutByte, WithoutTails } from '../decoders/text-forms.ts'
import { uuencode } from '../decoders/uuencode.ts'
import { yenc } from '../decoders/yenc.ts'
import { spellings } from '../headers/names.ts'
import { NO_HEADER, type PartHeader } from '../headers/part-header.ts'
import {
  type CodedBlock,
  type CodedLines,
  type CodedRange,
  findCodedLines,
} from '../structure/coded-blocks.ts'
import { type CodedKind, codedKinds, kindsInFiles } from '../structure/coded-data.ts'
import type { PartForm } from '../traits/forms.ts'
import {
  beginsAsMailbox,
  hasHeader,
  holdsCodedData,
  holdsNul,
  mailStarts,
} from './content-checks.ts'

/** Contents of at most this many bytes are compared directly. A digest would take longer. */
const COMPARED_WHOLE_MAX = 256
/** The bytes of which a digest is made in the time of a unit of work. */
const DIGESTED_PER_UNIT = 2

/** The cost of a content in units of work, in addition to its bytes. */
const CONTENT_COST = 4096

/** The cost of a content that was given before. */
const SEEN_COST = 256

/** The cost of a mail of a mailbox, in addition to its bytes, which may be seven. */
const MAIL_COST = 128

/** The cost of a block of encoded data, in addition to its bytes. */
const BLOCK_COST = 2048

/** The ways in which a content is opened, as bits: those of every file, and those that its leaf part adds. */
const AS_FILE = 1
const AS_MESSAGE = 2
const AS_CALENDAR = 4
const AS_CONTAINER = 8

const unescaped = makerOf(Unescaped)
const unpercented = makerOf(Unpercented)
const withoutTails = makerOf(WithoutTails)
const withoutNuls = makerOf(WithoutByte, 0)

/**
 * How data is decoded that readers recognize by its form. Hardly any program opens data behind fields in a text: it is
 * decoded in the common way alone, so that mail that quotes it is cheap.
 */
const codecs: Readonly<Record<CodedKind, Codec>> = {
  uuencode,
  base64: base64UntilEquals,
  yenc,
  armour,
  'mime-base64': () => makerOf(Base64Decoder),
  'mime-quoted-printable': () => makerOf(QuotedPrintableDecoder),
}

export interface ContentsOptions extends WorkOptions {
  readonly createHash: (algorithm: string) => Hash
  /**
   * Called with the names and types of each part or mail, as some reader sees its header, and of each file in
   * uuencode, yEnc, a calendar or another container. Its work counts as work of the message: it yields its
   * completed units, and continues when they were counted.
   */
  readonly onPart?: (part: PartNames) => Iterable<number>
  /** Upper limit for nested messages or multiparts (nested.ts), or undefined if the caller needs no limit. */
  readonly maxDepth?: number
  /** Whether the forms of parts are needed (traits/forms.ts), which requires a look at each line. */
  readonly seeksForms?: boolean
  /** Called with the position of each part that was yielded completely as one content. */
  readonly onGiven?: (range: ByteRange) => void
}

/** Yields the contents of a mail in the given bytes. */
type ReadMail = (mail: Bytes, decoding: Decoding) => Steps

/** Yields the output of one way of decoding. */
export type GiveReading = (reading: Bytes) => Steps

/** Yields the contents at a position further inside. */
type GiveInner = (inner: Decoding) => Steps

/** The properties of a yielded content. */
interface GiveOptions {
  readonly isMail?: boolean
  readonly isCounted?: boolean
  /** The form of the part, if a scan of the whole may see exactly these bytes. */
  readonly form?: PartForm | undefined
}

/** The position of a content: what holds for it, and for all that is decoded from it. */
export interface Scope {
  readonly header: PartHeader
  /** Whether it is a message, regardless of its first lines: by its type, its name, or in a digest. */
  readonly isMessage: boolean
  /** Whether its context declares it as S/MIME or OpenPGP, and whether as OpenPGP. */
  readonly isContainer: boolean
  readonly isOpenPgp: boolean
  /**
   * Whether it begins like a mail among the lines of a header, and is not a message: the reading of the
   * surrounding mail finds its contents, however it is decoded.
   */
  readonly isReadAround: boolean
  /** Whether the structure of the mail has no oddity, so that its parts have forms (forms.ts). */
  readonly hasForm: boolean
  /** Its names, and the containers it was extracted from within its part. */
  readonly part: PartNames
  /** The number of messages around it (reader/depth.ts). */
  readonly messages: number
  /** The number of encoded messages and containers around it. */
  readonly depth: number
}

const MESSAGE: Scope = {
  header: NO_HEADER,
  isMessage: false,
  isContainer: false,
  isOpenPgp: false,
  isReadAround: false,
  hasForm: false,
  part: NAMELESS,
  messages: 0,
  depth: 0,
}

/** A file from OpenPGP has no declared type. */
const UNSAID = { isContainer: false, isOpenPgp: false }

/** What is known of a message as a whole, wherever it is decoded. */
class MessageState {
  readonly options: ContentsOptions
  readonly readMail: ReadMail
  /**
   * The digests of the contents that were yielded, and the ways in which each was opened to its end. Small
   * contents are stored unchanged.
   */
  readonly given = new Map<string, number>()
  #postponed: Iterable<number>[] = []
  #isTooDeep = false
  #unread: string | undefined

  constructor(options: ContentsOptions, readMail: ReadMail) {
    this.options = options
    this.readMail = readMail
  }

  get unread(): string | undefined {
    return this.#unread
  }

  leaveUnread(why: string): void {
    this.#unread ??= why
  }

  postpone(work: Iterable<number>): void {
    this.#postponed.push(work)
  }

  takePostponed(): readonly Iterable<number>[] {
    const postponed = this.#postponed
    this.#postponed = []
    return postponed
  }

  /** Notes that the message is nested too deep. Returns whether that is new. */
  becomeTooDeep(): boolean {
    const isNew = !this.#isTooDeep
    this.#isTooDeep = true
    return isNew
  }
}

/**
 * The decoding of contents at one position in a message. Each content of the message is yielded once, with
 * all its nested contents.
 */
export class Decoding extends Work {
  readonly scope: Scope
  readonly #message: MessageState
  /**
   * Whether S/MIME or OpenPGP was read to its end here. Then the other ways of decoding need not be readable.
   */
  #hasOpened = false

  /** Begins the decoding of a message. */
  static of(message: Bytes, options: ContentsOptions, readMail: ReadMail): Decoding {
    const work = new Work(message, options)
    return new Decoding(work, new MessageState(options, readMail), MESSAGE)
  }

  private constructor(work: Work, message: MessageState, scope: Scope) {
    super(work, message.options)
    this.#message = message
    this.scope = scope
  }

  get options(): ContentsOptions {
    return this.#message.options
  }

  get depth(): number {
    return this.scope.depth
  }

  /** Why a part is left unread, by the first limit that was exceeded, or undefined if all is read. */
  get unread(): string | undefined {
    return this.#message.unread
  }

  /** Returns the decoding at a position of its own, such as that of a leaf part. */
  at(scope: Partial<Scope>): Decoding {
    return new Decoding(this, this.#message, { ...this.scope, ...scope })
  }

  /** Returns the decoding at a position inside of this one. What was read to its end here counts there, too. */
  #inner(scope: Partial<Scope>): Decoding {
    const inner = this.at(scope)
    inner.#hasOpened = this.#hasOpened
    return inner
  }

  /** Takes what a listener will do about a header or a name: the reading cannot stop for it. */
  postpone(work: Iterable<number> | undefined): void {
    if (work !== undefined) this.#message.postpone(work)
  }

  /** Lets listeners do their work. */
  *doPostponed(): Steps {
    for (const work of this.#message.takePostponed()) {
      for (const units of work) yield* this.countUnits(units)
    }
  }

  /** Notes that a part is left unread. */
  leaveUnread(why: string): void {
    this.#message.leaveUnread(why)
    this.onOdd?.('unread')
  }

  /** Yields, once, that the message is nested deeper than `maxDepth`. */
  *giveDeeper(): Steps {
    if (this.#message.becomeTooDeep()) yield { kind: 'deeper' }
  }

  /**
   * Yields a content, unless it is empty or was yielded before. Returns whether it was yielded now.
   * `isCounted` means that its bytes were counted when they were decoded.
   */
  *give(source: Bytes, how: GiveOptions = {}): Steps<boolean> {
    const key = yield* this.keyOf(source)
    return yield* this.#giveOnce(source, how.isMail ? `mail ${key}` : key, how)
  }

  *#giveOnce(
    source: Bytes,
    key: string,
    { isMail = false, isCounted = false, form }: GiveOptions,
  ): Steps<boolean> {
    if (source.size === 0) return false
    if (this.#message.given.has(key)) {
      yield* this.countUnits(SEEN_COST)
      return false
    }
    this.countContent()
    if (!isCounted) this.countBytes(source.size)
    this.#message.given.set(key, 0)
    yield {
      kind: 'content',
      bytes: source,
      isMail,
      form: this.depth === 0 ? form : undefined,
      part: this.scope.part,
    }
    yield* this.countUnits(CONTENT_COST + source.size)
    return true
  }

  /** Yields a decoded content; then its nested contents, if it is a container or may be a message. */
  *giveDecoded(source: Bytes, form?: PartForm): Steps {
    if (source.size === 0) return
    const key = yield* this.keyOf(source)
    yield* this.#giveOnce(source, key, { isCounted: true, form })
    const ways = this.#ways
    const before = this.#message.given.get(key)!
    if ((ways & ~before) === 0) return
    yield* this.giveFromContainers(source)
    yield* this.giveWithin(source)
    this.#message.given.set(key, before | ways)
  }

  /**
   * Decodes a source in each way in which some reader does. Yields each result, by default unchanged, with its nested
   * contents.
   */
  *giveInEachWay(
    codec: Codec,
    part: Bytes,
    give: GiveReading = (reading) => this.giveDecoded(reading),
  ): Steps {
    yield* decodedInEachWay(part, codec, this, give)
  }

  /** Does so with one decoder. */
  giveInOneWay(make: MakeDecoder, part: Bytes): Steps {
    return decoded(part, make, this, (reading) => this.giveDecoded(reading))
  }

  /** Decodes a text that is shown with one decoder. Gives the result, and what is encoded in it. */
  giveText(make: MakeDecoder, text: Bytes): Steps {
    return decoded(text, make, this, (result) => this.#giveShown(result))
  }

  *#giveShown(text: Bytes): Steps {
    yield* this.give(text, { isCounted: true })
    yield* this.giveCodedWithin(text)
  }

  /** Gives what is encoded in a text that was decoded. */
  *giveCodedWithin(text: Bytes, kinds = codedKinds): Steps {
    yield* this.giveBinHex(text)
    if (yield* holdsCodedData(text, kinds, this))
      yield* this.#inside((inner) => inner.giveCoded(text, kinds))
  }

  /** Yields all that readers decode from data in a text that they recognize by its form. */
  *giveCoded(text: Bytes, kinds = codedKinds): Steps {
    yield* this.#giveCodedIn(text, kinds)
    yield* this.giveCodedPastNuls(text, kinds)
  }

  /** Gives what readers decode from such data if they end lines at a NUL, or skip NULs. */
  *giveCodedPastNuls(text: Bytes, kinds: ReadonlySet<CodedKind>): Steps {
    if (!(yield* holdsNul(text, this))) return
    const give = (bytes: Bytes) => this.#giveCodedIn(bytes, kinds)
    yield* decoded(text, withoutTails, this, give)
    yield* decoded(text, withoutNuls, this, give)
  }

  *#giveCodedIn(text: Bytes, kinds: ReadonlySet<CodedKind>): Steps {
    const lines = yield* findCodedLines(text, kinds, this)
    yield* this.giveBlocks(text, lines, { from: 0, to: text.size }, kinds)
  }

  /** Gives the blocks of data in a range of a text, except those that `known` has. Adds them to it. */
  *giveBlocks(
    text: Bytes,
    lines: CodedLines,
    range: CodedRange,
    kinds: ReadonlySet<CodedKind>,
    known = new Set<string>(),
  ): Steps {
    const blocks = yield* lines.blocks(range, kinds, limits.blocks, this)
    if (blocks.length > limits.blocks || lines.isCut) {
      this.leaveUnread(`more than ${limits.blocks} blocks of encoded data`)
    }
    for (const block of blocks.slice(0, limits.blocks)) {
      const key = `${block.kind} ${block.from} ${block.to}`
      if (known.has(key)) continue
      known.add(key)
      yield* this.countUnits(BLOCK_COST)
      yield* this.#giveNamed(block.kind, [block.name], (inner) => inner.#giveBlock(text, block))
    }
  }

  #giveBlock(text: Bytes, { kind, from, to }: CodedBlock): Steps {
    return this.at(saidAbove(text, from)).giveInEachWay(codecs[kind], text.slice(from, to))
  }

  /** Gives the bytes with each line up to its first NUL alone, if there is a NUL. */
  *alsoUpToNuls(part: Bytes, give: (heads: Bytes) => Steps): Steps {
    if (yield* holdsNul(part, this)) yield* decoded(part, withoutTails, this, give)
  }

  /** Yields the contents of a file: of a mailbox, of a message, or encoded in a text. */
  *giveWithin(file: Bytes): Steps {
    if (this.scope.isReadAround) {
      yield* this.giveCodedWithin(file, kindsInFiles)
      return
    }
    if (beginsAsMailbox(file)) yield* this.#insideMail((inner) => inner.#giveMails(file))
    else if (yield* this.#isMail(file)) yield* this.#insideMail((inner) => inner.#giveMail(file))
    else yield* this.giveCodedWithin(file, kindsInFiles)
  }

  *#isMail(file: Bytes): Steps<boolean> {
    if (this.scope.isMessage) return true
    // The properties of a calendar look like fields.
    return !beginsCalendar(file) && (yield* hasHeader(file, this))
  }

  /** Yields the contents of each mail of a mailbox (mbox, RFC 4155). */
  *#giveMails(mailbox: Bytes): Steps {
    let from = 0
    for (const to of mailStarts(mailbox)) {
      yield* this.#message.readMail(mailbox.slice(from, to), this)
      yield* this.countUnits(MAIL_COST)
      from = to
    }
    yield* this.#message.readMail(mailbox.slice(from), this)
  }

  *#giveMail(source: Bytes): Steps {
    yield* this.give(source, { isMail: true })
    yield* this.#message.readMail(source, this)
  }

  /**
   * Gives what S/MIME, OpenPGP, TNEF, calendars and cards hold, if the bytes are one of them, and are not
   * encrypted. They may become many times as large, and an address book may have thousands of photos.
   */
  *giveFromContainers(source: Bytes): Steps {
    yield* this.#giveOpened(source)
    if (this.scope.header.hints.has('calendar') || beginsCalendar(source))
      yield* this.#giveFromCalendar(source)
  }

  *#giveOpened(source: Bytes): Steps {
    const { isContainer, isOpenPgp } = this.scope
    const giveAs = (kind: string) => (content: Bytes) =>
      this.#giveNamed(kind, [], (inner) => inner.#giveFromOpened(content))
    const givePgp = (content: PgpContent) => {
      if (content.kind === 'packets') return giveAs('openpgp')(content.bytes)
      const { name, bytes } = content
      return this.#giveNamed('openpgp', [name], (inner) => inner.#giveFromOpened(bytes, UNSAID))
    }
    const names: string[] = [] // of a file in TNEF, which precede it
    try {
      if (yield* openCms(source, this, giveAs('cms'))) this.#hasOpened = true
      if (yield* openPgp(source, isOpenPgp, this, givePgp)) this.#hasOpened = true
      yield* openTnef(source, this, {
        name: (name) => {
          names.push(name)
          this.postpone(this.options.onPart?.(this.#partIn('tnef', [name])))
        },
        give: (content) =>
          this.#giveHeard(this.#partIn('tnef', names.splice(0)), (inner) =>
            inner.#giveFromOpened(content, UNSAID),
          ),
      })
    } catch (error) {
      if (!(error instanceof Unreadable)) throw error
      // A content without a declared type may look like a container by chance.
      if (!isContainer) this.onOdd?.('unread')
      else if (!this.#hasOpened) this.leaveUnread(error.message)
    }
  }

  /** Yields the contents of a container, with their properties. */
  *#giveFromOpened(content: Bytes, said: Partial<Scope> = {}): Steps {
    const opened = this.at(said)
    if (yield* hasHeader(content, this)) {
      yield* opened.#insideMail((inner) => inner.#giveMail(content))
    } else yield* opened.#inside((inner) => inner.giveDecoded(content))
  }

  *#giveFromCalendar(source: Bytes): Steps {
    const files = this.#inner({ header: NO_HEADER }) // it does not describe the files
    const open = (text: Bytes) => openCalendar(text, this, (file) => files.#giveHeld(file))
    const charset = utf16Of(source)
    if (charset === undefined) yield* open(source)
    else yield* decoded(source, toUtf8(charset)[0]!, this, open)
  }

  /** Gives a file that a calendar or a card holds. */
  #giveHeld({ encoded, encoding, names }: HeldFile): Steps {
    return this.#giveNamed('calendar', names, (named) =>
      named.#inside((inner) => inner.#giveByEncoding(encoding, encoded)),
    )
  }

  #giveByEncoding(encoding: HeldFile['encoding'], encoded: Bytes): Steps {
    const fromBase64 = (text: Bytes) => this.giveInEachWay(base64, text)
    const ways: Record<HeldFile['encoding'], () => Steps> = {
      base64: () => fromBase64(encoded),
      'escaped base64': () => decoded(encoded, unescaped, this, fromBase64),
      'quoted-printable': () => this.giveInEachWay(quotedPrintable, encoded),
      url: () => this.giveInOneWay(unpercented, encoded),
      'base64 in a url': () => decoded(encoded, unpercented, this, fromBase64),
    }
    return ways[encoding]()
  }

  /** Yields the BinHex files in a text, which only some readers know. */
  *giveBinHex(text: Bytes): Steps {
    if (yield* holdsBinHex(text, this)) {
      yield* openBinHex(text, this, (file) => this.#giveBinHexFile(file))
    }
  }

  *#giveBinHexFile({ name, forks }: BinHexFile): Steps {
    for (const fork of forks) {
      yield* this.#giveNamed('binhex', [name], (inner) => inner.#giveFromOpened(fork, UNSAID))
    }
  }

  /** Reports the names of a file in a container, and yields it. */
  *#giveNamed(container: string, names: readonly string[], give: GiveInner): Steps {
    const part = this.#partIn(container, names)
    if (part.names.length > 0) this.postpone(this.options.onPart?.(part))
    yield* this.#giveHeard(part, give)
  }

  /** Does the same with names that were reported before. */
  *#giveHeard(part: PartNames, give: GiveInner): Steps {
    yield* this.doPostponed()
    yield* give(this.#inner({ part }))
  }

  #partIn(container: string, names: readonly string[]): PartNames {
    return {
      names: [...new Set(names.flatMap(spellings))],
      types: [],
      containers: [...this.scope.part.containers, container],
    }
  }

  /** Gives what is inside of one more mail, as `#inside` does. */
  #insideMail(give: GiveInner): Steps {
    return this.#inside(give, this.scope.messages + 1)
  }

  /**
   * Gives what is inside of one more mail or container, unless there are too many: more than `limits` permit,
   * and more than may be nested. So mail that is nested too deep is recognized as that before it reaches this
   * limit.
   */
  *#inside(give: GiveInner, messages = this.scope.messages): Steps {
    const most = Math.max(limits.depth, (this.options.maxDepth ?? 0) + 1)
    if (this.depth === most) this.leaveUnread(`mail encoded more than ${most} deep`)
    else yield* give(this.#inner({ messages, depth: this.depth + 1 }))
  }

  get #ways(): number {
    const { header, isContainer, isMessage } = this.scope
    return (
      AS_FILE |
      (isMessage ? AS_MESSAGE : 0) |
      (header.hints.has('calendar') ? AS_CALENDAR : 0) |
      (isContainer ? AS_CONTAINER : 0)
    )
  }

  /** Returns the key by which a content is recognized. */
  *keyOf(source: Bytes): Steps<string> {
    if (source.size <= COMPARED_WHOLE_MAX) return `=${source.gather().toString('latin1')}`
    const hash = this.options.createHash('sha256')
    for (const chunk of source.chunks()) {
      hash.update(chunk)
      yield* this.countUnits(chunk.length / DIGESTED_PER_UNIT)
    }
    return hash.digest('binary')
  }
}

/** Upper limit for the bytes examined of the line above armour. */
const LABEL_MAX = 128

/** Returns what the line that ends at `to` declares about the following armour. */
function saidAbove(source: Bytes, to: number) {
  const above = source
    .gather(Math.max(0, to - LABEL_MAX), to)
    .toString('latin1')
    .trimEnd()
  const line = above.split(/[\r\n]/).at(-1)!
  const [, label = ''] = /-----begin ([a-z#]+)/i.exec(line) ?? []
  const isOpenPgp = /^pgp$/i.test(label)
  return { isContainer: isOpenPgp || /^(?:pkcs|cms|smime)/i.test(label), isOpenPgp }
}
