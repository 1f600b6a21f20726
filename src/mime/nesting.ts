import type { HeaderRegion } from './header-region.ts'
import type { Multipart } from './multiparts.ts'
import type { PartHeader } from './part-header.ts'

/** How many things are open around a place, as libclamav counts them. */
export interface Depth {
  /**
   * Multiparts inside one another in one message, and messages that are the whole content
   * of another: libclamav takes them apart in place.
   */
  readonly levels: number
  /** Messages inside one another: an attached one is a file of its own for libclamav. */
  readonly messages: number
  /** What is around is a multipart, and one of messages. */
  readonly isMultipart: boolean
  readonly isDigest: boolean
}

/** Around a mail, in so many others. */
export function aroundMail(messages = 0): Depth {
  return { levels: 0, messages, isMultipart: false, isDigest: false }
}

/**
 * What is open at a place of a mail, around which there may be others: multiparts and messages,
 * that all readers see or some. What the deepest reader sees is counted: only delimiters that
 * every reader must see as such close anything.
 */
export class Nesting {
  readonly #around: Depth
  readonly #open: Depth[] = []
  /** The levels of the message that began last, if its header is no file's of its own. */
  #inPlace = 0
  /** What was reached: of levels or messages, or a third of all that were open. */
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

  /** Whether anything may still be a delimiter. */
  get hasMultiparts(): boolean {
    return this.#open.some(({ isMultipart }) => isMultipart)
  }

  /**
   * What a header announces begins. `isClear`: to every reader it is a header, and over. Returns
   * whether that is, or ends with, a message.
   */
  enter(header: PartHeader, isClear: boolean): boolean {
    const around = this.depth
    const { levels, messages } = around
    if (header.multipart !== 'no') {
      this.#push({ levels: levels + 1, messages, isMultipart: true, isDigest: header.isDigest })
    }
    const isMessage = header.message !== 'no' || (around.isDigest && !saysType(header))
    if (!isMessage) return false
    const isPlainly = header.message === 'sure' ? header.multipart === 'no' : !saysType(header)
    const isFile = isClear && isPlainly && around.isMultipart
    this.#inPlace = this.depth.levels + 1
    this.#push({ ...aroundMail(messages + 1), levels: isFile ? 0 : this.#inPlace })
    return true
  }

  /** The header of the message that began last goes on with that of its part, to some. */
  goOnInPlace(): void {
    const last = this.#open.pop()
    if (last) this.#push({ ...last, levels: Math.max(last.levels, this.#inPlace) })
  }

  /** What is nested in the multipart is over, but for who goes on in the header `before`. */
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

/** Whether a header names a type, in whatever words. */
export function saysType({ type, multipart, message }: PartHeader): boolean {
  return type !== '' || multipart !== 'no' || message !== 'no'
}
