import type { HeaderRegion } from '../headers/header-region.ts'
import type { PartHeader } from '../headers/part-header.ts'
import type { Multipart } from './delimiters.ts'

/** How deep a place in a mail is nested, as libclamav counts. */
export interface Depth {
  /**
   * The number of nested multiparts in one message. A message that is the whole content of another
   * counts as one more, since libclamav takes it apart in place.
   */
  readonly levels: number
  /** The number of nested messages. To libclamav an attached message is a file of its own. */
  readonly messages: number
  /** Whether the innermost container is a multipart. */
  readonly isMultipart: boolean
  /** Whether that multipart is a digest. */
  readonly isDigest: boolean
  /** Whether that multipart says that OpenPGP is in its parts (RFC 3156 4). */
  readonly isEncrypted: boolean
  /** Whether libclamav decodes a text here: not in multipart/signed, multipart/parallel, or what is rare. */
  readonly isDecoded: boolean
}

/** The multiparts in which libclamav decodes each text. */
const DECODED = new Set(
  ['mixed', 'alternative', 'related', 'report'].map((of) => `multipart/${of}`),
)

/** Returns the depth of a mail that stands inside of `messages` other mails. */
export function aroundMail(messages = 0): Depth {
  const inNothing = { isMultipart: false, isDigest: false, isEncrypted: false }
  return { levels: 0, messages, ...inNothing, isDecoded: true }
}

/**
 * The containers, which are multiparts and messages, that are open where the mail is being read, to
 * the reader that nests deepest. So only a delimiter that every reader must see closes a container.
 */
export class Nesting {
  readonly #around: Depth
  readonly #open: Depth[] = []
  /** The levels around the message that began last. */
  #levelsAround = 0
  /** The greatest number so far of levels, of messages, or of a third of all open containers. */
  deepest = 0

  constructor(around: Depth) {
    this.#around = around
  }

  get depth(): Depth {
    return this.#open.at(-1) ?? this.#around
  }

  get length(): number {
    return this.#open.length
  }

  /** Whether a multipart is open, so that a delimiter may follow. */
  get hasMultiparts(): boolean {
    return this.#open.some(({ isMultipart }) => isMultipart)
  }

  /**
   * Opens the containers that a header announces. `isClear` says that every reader sees the header,
   * and sees it end here. Returns whether the innermost container now is a message.
   */
  enter(header: PartHeader, isClear: boolean): boolean {
    const around = this.depth
    const { levels, messages } = around
    if (header.multipart !== 'no') {
      const isDecoded = around.isDecoded && DECODED.has(header.type)
      const { isDigest } = header
      const isEncrypted = header.type === 'multipart/encrypted'
      const kind = { isMultipart: true, isDigest, isEncrypted, isDecoded }
      this.#push({ levels: levels + 1, messages, ...kind })
    }
    const isMessage = header.message !== 'no' || (around.isDigest && !saysType(header))
    if (!isMessage) return false
    const isPlainly = header.message === 'sure' ? header.multipart === 'no' : !saysType(header)
    const isFile = isClear && isPlainly && around.isMultipart
    this.#levelsAround = this.depth.levels
    this.#push({ ...aroundMail(messages + 1), levels: isFile ? 0 : this.#levelsAround + 1 })
    return true
  }

  /**
   * Counts the multiparts of the last message with those around it. To libclamav the header of that
   * message belongs to the header of the part, so that there is no message.
   */
  goOnInPlace(): void {
    const last = this.#open.pop()!
    this.#push({ ...last, levels: Math.max(last.levels, this.#levelsAround) })
  }

  /**
   * Closes the containers inside of the multipart, at one of its delimiters. `before` is the header
   * in which the delimiter stands, if it stands in one. Some readers do not end that header there.
   * For them the containers that it announces are open, and so they are opened instead.
   */
  leave({ nests, containers }: Multipart, before: HeaderRegion | undefined): void {
    if (nests === 'no') return
    const isOwn = before?.start.containers === containers && before.start.nests !== 'no'
    const says = isOwn && (this.#open.length > containers || saysType(before.header))
    if (says) this.enter(before.header, false)
    else if (containers < this.#open.length) this.#open.length = containers
  }

  #push(container: Depth): void {
    this.#open.push(container)
    const { levels, messages } = container
    this.deepest = Math.max(this.deepest, levels, messages, Math.ceil(this.#open.length / 3))
  }
}

/** Returns whether a header names a type in any words. */
export function saysType({ type, multipart, message }: PartHeader): boolean {
  return type !== '' || multipart !== 'no' || message !== 'no'
}
