import type { Hash } from 'node:crypto'
import type { ByteRange, Bytes } from '../../message/bytes.ts'
import { limits } from '../budget/limits.ts'
import { type Steps, Work, type WorkOptions } from '../budget/work.ts'
import { type Codec, type Decode, decoded, decodedInEachWay } from '../decoders/decoder.ts'
import { spellings } from '../headers/names.ts'
import type { PartForm } from '../traits/part-forms.ts'
import { NAMELESS, type PartNames } from '../traits/part-names.ts'
import { type EmitOptions, Emitter, type Scope } from './emitter.ts'

export interface ContentsOptions extends WorkOptions {
  /** Whether the bytes are a file, and no message. */
  readonly isFile?: boolean
  readonly createHash: (algorithm: string) => Hash
  /**
   * Called with the names and types of each part or mail, as some reader sees its header, and of each file in
   * uuencode, yEnc, a calendar or another container. Its work counts as work of the message: it yields its
   * completed units, and continues when they were counted.
   */
  readonly onPart?: (part: PartNames) => Iterable<number>
  /** Upper limit for nested messages or multiparts (nested.ts), or undefined if the caller needs no limit. */
  readonly maxDepth?: number
  /** Whether the forms of parts are needed (traits/part-forms.ts). A plain message is then one string in memory, too. */
  readonly seeksForms?: boolean
  /**
   * Called with the form of each part of the message itself that has one. Returns whether it is left to the scan of the
   * whole: then it is opened and not yielded, and needs no digest, nor a copy with other line ends.
   */
  readonly leaves?: (form: PartForm) => boolean
  /** Called with the position of each part that was emitted completely as one content. */
  readonly onEmitted?: (range: ByteRange) => void
}

/** Emits what is in the given bytes. */
type Open = (bytes: Bytes, extraction: Extraction) => Steps

/** How messages and files are opened, each of which may contain the other. */
interface Openers {
  readonly mail: Open
  readonly file: Open
}

/** Does something at a position further inside. */
type Inside = (inner: Extraction) => Steps

/** The scope of a message as a whole. */
const MESSAGE: Scope = {
  kind: 'file',
  declared: new Set(),
  part: NAMELESS,
  messages: 0,
  depth: 0,
}

/**
 * The extraction of contents at one position in a message. It emits bytes to scanners, and opens them: emits what is
 * in them.
 */
export class Extraction {
  readonly scope: Scope
  readonly work: Work
  readonly options: ContentsOptions
  readonly #openers: Openers
  readonly #emitter: Emitter
  /** Whether S/MIME or OpenPGP was opened. If so, a failure in another way of decoding makes nothing unread. */
  #hasOpened = false
  /** The file of a container that was entered last, and its names. */
  #entered: { readonly names: readonly string[]; readonly file: Extraction } | undefined

  /** Begins the extraction from a message. */
  static of(message: Bytes, options: ContentsOptions, openers: Openers): Extraction {
    const work = new Work(message, options)
    return new Extraction(MESSAGE, work, options, openers, new Emitter(work, options.createHash))
  }

  private constructor(
    scope: Scope,
    work: Work,
    options: ContentsOptions,
    openers: Openers,
    emitter: Emitter,
  ) {
    this.scope = scope
    this.work = work
    this.options = options
    this.#openers = openers
    this.#emitter = emitter
  }

  /** Returns the extraction at another position, such as that of a leaf part. */
  at(scope: Partial<Scope>): Extraction {
    const scopeThere = { ...this.scope, ...scope }
    const inner = new Extraction(scopeThere, this.work, this.options, this.#openers, this.#emitter)
    inner.#hasOpened = this.#hasOpened && scope.declared === undefined
    return inner
  }

  /** Whether S/MIME or OpenPGP was read to its end here, or around this position in what is declared as that. */
  get hasOpened(): boolean {
    return this.#hasOpened
  }

  /** Whether a content that is a part of this form is left to the scan of the whole. */
  leaves(form: PartForm | undefined): boolean {
    const { depth, around } = this.scope
    const isInMessage = form !== undefined && depth === 0 && around === undefined
    return isInMessage && this.options.leaves?.(form) === true
  }

  noteOpened(): void {
    this.#hasOpened = true
  }

  /** Returns the key by which a content is recognized. */
  keyOf(content: Bytes): Steps<string> {
    return this.#emitter.keyOf(content)
  }

  /** Emits a content, unless it is empty or was emitted before. */
  *emit(content: Bytes, options: EmitOptions = {}): Steps {
    yield* this.#emitter.emit(content, yield* this.keyOf(content), this.scope, options)
  }

  /** Emits a decoded content, unless it is left to the scan of the whole, and opens it. */
  *emitAndOpen(content: Bytes, form?: PartForm): Steps {
    if (content.size === 0) return
    const opening = this.#openers.file(content, this)
    if (this.leaves(form)) {
      yield* opening
      return
    }
    const key = yield* this.keyOf(content)
    yield* this.#emitter.emit(content, key, this.scope, { isCounted: true, form })
    yield* this.#emitter.openOnce(key, this.scope, opening)
  }

  /** Decodes a source in each way in which some program does. Emits and opens each result. */
  *decodeInEachWay(codec: Codec, source: Bytes): Steps {
    yield* decodedInEachWay(source, codec, this.work, (content) => this.emitAndOpen(content))
  }

  /** Decodes a source with one decoder. Emits and opens the result. */
  decode(decode: Decode, source: Bytes): Steps {
    return decoded(source, decode, this.work, (content) => this.emitAndOpen(content))
  }

  /** Emits a message, and opens it. */
  *emitMail(mail: Bytes): Steps {
    yield* this.emit(mail, { isMail: true })
    yield* this.openMail(mail)
  }

  openMail(mail: Bytes): Steps {
    return this.#openers.mail(mail, this)
  }

  /** Emits, once, that the message is nested deeper than is read. */
  emitDeeper(): Steps {
    return this.#emitter.emitDeeper()
  }

  /** Passes names to the listener, and counts its work. */
  *reportNames(part: PartNames): Steps {
    for (const units of this.options.onPart?.(part) ?? []) yield* this.work.countUnits(units)
  }

  /** Reports the names of a file in a container, once for each list of them. Returns the extraction from that file. */
  *enter(container: string, names: readonly string[]): Steps<Extraction> {
    if (this.#entered?.names === names) return this.#entered.file
    const part = {
      names: [...new Set(names.flatMap(spellings))],
      types: [],
      containers: [...this.scope.part.containers, container],
    }
    if (part.names.length > 0) yield* this.reportNames(part)
    this.#entered = { names, file: this.at({ part }) }
    return this.#entered.file
  }

  /** Opens what is inside of one more mail, as `inside` does. */
  insideMail(open: Inside): Steps {
    return this.inside(open, this.scope.messages + 1)
  }

  /**
   * Opens what is inside of one more mail or container, unless there are too many: more than `limits` permit,
   * and more than may be nested. So mail that is nested too deep is recognized as that before it reaches this
   * limit.
   */
  *inside(open: Inside, messages = this.scope.messages): Steps {
    const { depth } = this.scope
    const most = Math.max(limits.encodedMessages, (this.options.maxDepth ?? 0) + 1)
    if (depth === most) this.work.leaveUnread(`mail encoded more than ${most} deep`)
    else yield* open(this.at({ messages, depth: depth + 1 }))
  }
}
