import type { Hash } from 'node:crypto'
import { type ByteRange, type Bytes, SHORT_MAX, shortText } from '../../message/bytes.ts'
import { costs, DIGESTED_PER_UNIT } from '../budget/costs.ts'
import { limits } from '../budget/limits.ts'
import { type Steps, Work, type WorkOptions } from '../budget/work.ts'
import { spellings } from '../headers/names.ts'
import type { DeclaredAs } from '../headers/part-header.ts'
import { NAMELESS, type PartNames } from '../reports/part-names.ts'

export interface ContentsOptions extends WorkOptions {
  /** Whether the bytes are a file, and no message. */
  readonly isFile?: boolean
  readonly createHash: (algorithm: string) => Hash
  /**
   * Called with the names and types of each part or mail, as some program sees its header, and of each file in
   * uuencode, yEnc, a calendar or another container. Its work counts as work of the message: it yields its
   * completed units, and continues when they were counted.
   */
  readonly onPart?: (part: PartNames) => Iterable<number>
  /** Whether only the depth is of interest. Then no more parts are decoded than encoded messages. */
  readonly readsDepthAlone?: boolean
  /** Whether the text of the message is emitted although it appears unchanged in the message: people see it, too. */
  readonly emitsOwnText?: boolean
  /** Called with the position of each part that was emitted completely as one content. */
  readonly onEmitted?: (range: ByteRange) => void
}

/** The properties of an emitted content. */
interface EmitOptions {
  readonly isMail?: boolean
  /** Whether its bytes were counted when they were decoded. */
  readonly isCounted?: boolean
}

/** Emits what is in the given bytes. */
type Open<Result = void> = (bytes: Bytes, extraction: Extraction) => Steps<Result>

/** Extracts or opens something one layer further inside. */
type InLayer = (inner: Extraction) => Steps

/** What all positions of one message share. */
interface Shared {
  readonly work: Work
  readonly options: ContentsOptions
  /** How messages and files are opened, each of which may contain the other. */
  readonly openMail: Open<boolean>
  readonly openContent: Open
  /** The keys of the emitted contents, and as what each was opened. */
  readonly opened: Map<string, Set<string>>
}

/** What holds at a position in a message, and for all that is found further inside. */
type Holds = Pick<Extraction, 'declared' | 'part' | 'messages' | 'layers'>

const IN_MESSAGE: Holds = { declared: new Set(), part: NAMELESS, messages: 0, layers: 0 }

/**
 * The extraction of contents at one position in a message. Bytes are emitted to scanners, each content once. To open them is
 * to emit what is in them, and to extract them is both.
 */
export class Extraction {
  /** What a content is opened as, whatever its first bytes are. */
  readonly declared: ReadonlySet<DeclaredAs>
  /** The names of the part, and the containers around this position within it. */
  readonly part: PartNames
  /** The number of messages around it (structure/leaf.ts). */
  readonly messages: number
  /** The number of encoded messages and containers around it. */
  readonly layers: number
  readonly #shared: Shared
  /**
   * Set once S/MIME or OpenPGP was read to its end. A later decoding of the same part that fails then does not make the
   * mail unread.
   */
  #hasOpened = false
  /** The names of the last file of a container here, and the extraction at that file. */
  #lastFile: { readonly names: readonly string[]; readonly file: Extraction } | undefined

  /** Begins the extraction from a message. */
  static of(
    message: Bytes,
    options: ContentsOptions,
    open: Pick<Shared, 'openMail' | 'openContent'>,
  ): Extraction {
    const work = new Work(message, options)
    const shared = { work, options, ...open, opened: new Map() }
    return new Extraction(IN_MESSAGE, shared)
  }

  private constructor({ declared, part, messages, layers }: Holds, shared: Shared) {
    this.declared = declared
    this.part = part
    this.messages = messages
    this.layers = layers
    this.#shared = shared
  }

  get work(): Work {
    return this.#shared.work
  }

  get options(): ContentsOptions {
    return this.#shared.options
  }

  /** Returns the extraction at another position, such as that of a leaf part. */
  at(changes: Partial<Holds>): Extraction {
    const { declared, part, messages, layers } = this
    const held = { declared, part, messages, layers, ...changes }
    const inner = new Extraction(held, this.#shared)
    inner.#hasOpened = this.#hasOpened && changes.declared === undefined
    return inner
  }

  /** Whether S/MIME or OpenPGP was read to its end here, or around this position in what is declared as that. */
  get hasOpened(): boolean {
    return this.#hasOpened
  }

  noteOpened(): void {
    this.#hasOpened = true
  }

  /** Returns the key by which a content is recognized: its digest, or the bytes of a small one, which takes less time. */
  *keyOf(content: Bytes): Steps<string> {
    if (content.size <= SHORT_MAX) return `=${shortText(yield* this.work.gather(content))}`
    const hash = this.options.createHash('sha256')
    for (const chunk of content.chunks()) {
      yield* this.work.countUnits(chunk.length / DIGESTED_PER_UNIT)
      hash.update(chunk)
    }
    return hash.digest('binary')
  }

  /** Emits a content, unless it is empty or was emitted before. */
  *emit(content: Bytes, options: EmitOptions = {}): Steps {
    yield* this.#emit(content, yield* this.keyOf(content), options)
  }

  *#emit(bytes: Bytes, key: string, { isMail = false, isCounted = false }: EmitOptions): Steps {
    const { work, opened } = this.#shared
    if (bytes.size === 0) return
    const id = isMail ? `mail ${key}` : key
    if (opened.has(id)) return yield* work.countUnits(costs.value)
    work.countContent()
    if (!isCounted) work.countBytes(bytes.size)
    opened.set(id, new Set())
    yield { kind: 'content', bytes, isMail, part: this.part }
    yield* work.countUnits(costs.content + bytes.size)
  }

  /** Emits a decoded content, and what is in it, unless it was opened as all that it is opened as here. */
  *extract(content: Bytes): Steps {
    if (content.size === 0) return
    const key = yield* this.keyOf(content)
    yield* this.#emit(content, key, { isCounted: true })
    const opened = this.#shared.opened.get(key)!
    const { declared } = this
    const kinds = declared.has('text') ? declared : ['file', ...declared]
    if ([...kinds].every((kind) => opened.has(kind))) return
    // A content may be in itself: a message that looks encoded, and does not change when it is decoded.
    for (const kind of kinds) opened.add(kind)
    yield* this.#shared.openContent(content, this)
  }

  /** Emits what is in a message. Returns whether no file in it would go on in what follows it. */
  openMail(mail: Bytes): Steps<boolean> {
    return this.#shared.openMail(mail, this)
  }

  /** Passes names to the listener, and counts its work. */
  *reportNames(part: PartNames): Steps {
    for (const units of this.options.onPart?.(part) ?? []) yield* this.work.countUnits(units)
  }

  /** Returns the extraction at a file in a container. Reports the names of the file, once for each list of them. */
  *atFile(container: string, names: readonly string[]): Steps<Extraction> {
    if (this.#lastFile?.names === names) return this.#lastFile.file
    const part = {
      names: [...new Set(names.flatMap(spellings))],
      types: [],
      containers: [...this.part.containers, container],
    }
    if (part.names.length > 0) yield* this.reportNames(part)
    this.#lastFile = { names, file: this.at({ part }) }
    return this.#lastFile.file
  }

  /** Emits a message that is encoded here, and what is in it. */
  extractMail(mail: Bytes): Steps {
    return this.inNextLayer((inner) => inner.#emitAndOpenMail(mail), this.messages + 1)
  }

  *#emitAndOpenMail(mail: Bytes): Steps {
    yield* this.emit(mail, { isMail: true })
    yield* this.openMail(mail)
  }

  /**
   * Does something inside of one more encoded message or container, unless there are too many: more than `limits` permit,
   * and more than may be nested. So mail that is nested too deep is recognized as that before it reaches this
   * limit.
   */
  *inNextLayer(extract: InLayer, messages = this.messages): Steps {
    const { layers } = this
    const most = Math.max(limits.encodedMessages, (this.options.maxDepth ?? 0) + 1)
    if (layers === most) this.work.leaveUnread(`mail encoded more than ${most} deep`)
    else yield* extract(this.at({ messages, layers: layers + 1 }))
  }
}
