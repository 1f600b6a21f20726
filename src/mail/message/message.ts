import type { Bytes } from './bytes.ts'
import type { BodyDigests } from './canonical-body.ts'
import type { Header } from './header-block.ts'

/** The properties of a message that stamps depend on. */
export interface CanonicalMessage {
  /** Why no stamp can cover the message, or undefined if it is well formed. */
  readonly fault: string | undefined
  /** The digests of the canonical body that were wanted. */
  readonly digests: BodyDigests
}

/** A completely received message. Its header block is in memory. */
export class Message {
  /** Bytes of header block and body. */
  readonly size: number
  /** The header block with the first empty line, or the whole message if there is none. */
  readonly header: Header
  /** Whether the header block exceeds HEADER_MAX. It is cut there, and the rest begins the body. */
  readonly isHeaderCut: boolean
  /** The properties that stamps need. */
  readonly canonical: CanonicalMessage
  /** All bytes. */
  readonly bytes: Bytes
  /** The bytes after the header block. */
  readonly body: Bytes
  /**
   * A descriptor of a sealed file that contains the bytes above the message (MessageOptions) and the message, or undefined
   * if there is none. It is open until the message is closed.
   */
  readonly sealed: number | undefined
  /** The bytes above the message and the message, if a file has them in one piece. */
  readonly belowTop: Bytes | undefined
  readonly #free: () => void

  /** `free` frees the bytes of the message. */
  constructor(
    known: Pick<Message, 'header' | 'isHeaderCut' | 'canonical' | 'sealed' | 'belowTop'>,
    bytes: Bytes,
    free: () => void,
  ) {
    this.size = bytes.size
    this.header = known.header
    this.isHeaderCut = known.isHeaderCut
    this.canonical = known.canonical
    this.bytes = bytes
    this.body = bytes.slice(known.header.length)
    this.sealed = known.sealed
    this.belowTop = known.belowTop
    this.#free = free
  }

  /** Frees everything. */
  close(): void {
    this.#free()
  }
}
