import type { HeaderRegion } from './header-region.ts'
import type { Multipart } from './multiparts.ts'
import type { PartHeader } from './part-header.ts'

/** How deep a place is nested, as libclamav counts. */
export interface Depth {
  /**
   * Nested multiparts of one message. A message that is the whole content of another counts as one
   * more, since libclamav takes that apart in place.
   */
  readonly levels: number
  /** Nested messages. An attached message is a file of its own to libclamav. */
  readonly messages: number
  /** Whether the innermost container is a multipart, and whether that is a digest. */
  readonly isMultipart: boolean
  readonly isDigest: boolean
}

/** The depth of a mail that is nested in so many others. */
export function aroundMail(messages = 0): Depth {
  return { levels: 0, messages, isMultipart: false, isDigest: false }
}

/**
 * The containers that are open at a place of a mail: multiparts and messages that any reader sees.
 * The deepest reader counts: a container is closed only by a delimiter that every reader must see.
 */
export class Nesting {
  readonly #around: Depth
  readonly #open: Depth[] = []
  /** The levels of the message that began last, for readers that do not make a file of it. */
  #inPlace = 0
  /** The deepest that was reached: the levels, the messages, or a third of all open containers. */
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
   * Opens what a header announces. `isClear`: every reader sees the header, and sees it end here.
   * Returns whether the innermost container now is a message.
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

  /** To some readers the header of the last message goes on with the next lines. */
  goOnInPlace(): void {
    const last = this.#open.pop()
    if (last) this.#push({ ...last, levels: Math.max(last.levels, this.#inPlace) })
  }

  /**
   * Closes what is nested in the multipart. If some reader continues the header `before`, what that
   * announces is opened instead.
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

/** Whether a header names a type in any words. */
export function saysType({ type, multipart, message }: PartHeader): boolean {
  return type !== '' || multipart !== 'no' || message !== 'no'
}
