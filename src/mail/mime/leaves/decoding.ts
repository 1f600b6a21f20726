import type { Hash } from 'node:crypto'
import type { ByteRange, Bytes } from '../../message/bytes.ts'
import { limits } from '../budget/limits.ts'
import { type GivenMail, type Steps, Work, type WorkOptions } from '../budget/work.ts'
import { containerKinds, type Declared, isDeclaredAs } from '../containers/containers.ts'
import { type Codec, decoded, decodedInEachWay, type MakeDecoder } from '../decoders/decoder.ts'
import { spellings } from '../headers/names.ts'
import { NO_HEADER, type PartHeader } from '../headers/part-header.ts'
import type { PartForm } from '../traits/part-forms.ts'
import { NAMELESS, type PartNames } from '../traits/part-names.ts'

/** Contents of at most this many bytes are compared directly. A digest would take longer. */
const COMPARED_WHOLE_MAX = 256
/** The bytes of which a digest is made in the time of a unit of work. */
const DIGESTED_PER_UNIT = 2

/** The cost of a content in units of work, in addition to its bytes. */
const CONTENT_COST = 4096

/** The cost of a content that was given before. */
const SEEN_COST = 256

/**
 * The ways in which a content is opened, as bits: as a file, as a message, and as each container that it is declared
 * as.
 */
const AS_FILE = 1
const AS_MESSAGE = 2
const AS_CONTAINER = 4

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
  /** Whether the forms of parts are needed (traits/part-forms.ts), which requires a look at each line. */
  readonly seeksForms?: boolean
  /** Called with the position of each part that was yielded completely as one content. */
  readonly onGiven?: (range: ByteRange) => void
}

/** Yields the contents of a message, or of a file, in the given bytes. */
type GiveContents = (bytes: Bytes, decoding: Decoding) => Steps

/** How messages and files are read, each of which may contain the other. */
interface Readers {
  readonly mail: GiveContents
  readonly file: GiveContents
}

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
  /**
   * What it is opened as. A `message` is one regardless of its first lines: by its type, its name, or in a digest. A
   * `text` begins like a mail among the lines of a header: the reading of the surrounding mail finds its contents,
   * however it is decoded. Whether a `file` is a message depends on its first lines.
   */
  readonly kind: 'message' | 'text' | 'file'
  /** The container that its context declares it as. */
  readonly declared: Declared
  /** Whether the structure of the mail has no oddity, so that its parts have forms (part-forms.ts). */
  readonly hasForm: boolean
  /** The attached mail whose parts have forms in it. */
  readonly around?: GivenMail | undefined
  /** Its names, and the containers it was extracted from within its part. */
  readonly part: PartNames
  /** The number of messages around it (reader/depth.ts). */
  readonly messages: number
  /** The number of encoded messages and containers around it. */
  readonly depth: number
}

const MESSAGE: Scope = {
  header: NO_HEADER,
  kind: 'file',
  declared: 'none',
  hasForm: false,
  part: NAMELESS,
  messages: 0,
  depth: 0,
}

/** What is known of a message as a whole, wherever it is decoded. */
class MessageState {
  readonly options: ContentsOptions
  readonly readers: Readers
  /**
   * The digests of the contents that were yielded, and the ways in which each was opened to its end. Small
   * contents are stored unchanged.
   */
  readonly given = new Map<string, number>()
  #postponed: Iterable<number>[] = []
  #isTooDeep = false

  constructor(options: ContentsOptions, readers: Readers) {
    this.options = options
    this.readers = readers
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
  /** Whether a container was opened. If so, a failure in another way of decoding makes nothing unread. */
  #hasOpened = false

  /** Begins the decoding of a message. */
  static of(message: Bytes, options: ContentsOptions, readers: Readers): Decoding {
    const work = new Work(message, options)
    return new Decoding(work, new MessageState(options, readers), MESSAGE)
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

  /** Returns the decoding at a position of its own, such as that of a leaf part. */
  at(scope: Partial<Scope>): Decoding {
    return new Decoding(this, this.#message, { ...this.scope, ...scope })
  }

  /** Returns the decoding at a position inside of this one. What was read to its end here counts there, too. */
  inner(scope: Partial<Scope>): Decoding {
    const inner = this.at(scope)
    inner.#hasOpened = this.#hasOpened
    return inner
  }

  /** Whether S/MIME or OpenPGP was read to its end here, or around this position. */
  get hasOpened(): boolean {
    return this.#hasOpened
  }

  noteOpened(): void {
    this.#hasOpened = true
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
      around: this.scope.around,
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
    yield* this.#message.readers.file(source, this)
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

  /** Gives a message, and its contents. */
  *giveMail(source: Bytes): Steps {
    yield* this.give(source, { isMail: true })
    yield* this.giveInMail(source)
  }

  /** Gives the contents of a message. */
  giveInMail(source: Bytes): Steps {
    return this.#message.readers.mail(source, this)
  }

  /** Reports the names of a file in a container, and yields it. */
  *giveNamed(container: string, names: readonly string[], give: GiveInner): Steps {
    this.reportNames(container, names)
    yield* this.giveReported(container, names, give)
  }

  reportNames(container: string, names: readonly string[]): void {
    const part = this.#partIn(container, names)
    if (part.names.length > 0) this.postpone(this.options.onPart?.(part))
  }

  /** Yields a file whose names were reported before. */
  *giveReported(container: string, names: readonly string[], give: GiveInner): Steps {
    yield* this.doPostponed()
    yield* give(this.inner({ part: this.#partIn(container, names) }))
  }

  #partIn(container: string, names: readonly string[]): PartNames {
    return {
      names: [...new Set(names.flatMap(spellings))],
      types: [],
      containers: [...this.scope.part.containers, container],
    }
  }

  /** Gives what is inside of one more mail, as `inside` does. */
  insideMail(give: GiveInner): Steps {
    return this.inside(give, this.scope.messages + 1)
  }

  /**
   * Gives what is inside of one more mail or container, unless there are too many: more than `limits` permit,
   * and more than may be nested. So mail that is nested too deep is recognized as that before it reaches this
   * limit.
   */
  *inside(give: GiveInner, messages = this.scope.messages): Steps {
    const most = Math.max(limits.encodedMessages, (this.options.maxDepth ?? 0) + 1)
    if (this.depth === most) this.leaveUnread(`mail encoded more than ${most} deep`)
    else yield* give(this.inner({ messages, depth: this.depth + 1 }))
  }

  get #ways(): number {
    let ways = AS_FILE | (this.scope.kind === 'message' ? AS_MESSAGE : 0)
    for (const [at, container] of containerKinds.entries()) {
      if (isDeclaredAs(container, this.scope)) ways |= AS_CONTAINER << at
    }
    return ways
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
