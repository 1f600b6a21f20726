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
  /** The bytes after the header block. */
  readonly body: Bytes
  /**
   * A descriptor of a sealed file that contains TOP_LINE, unless the message is kept as it was sent, and the
   * message, or undefined if there is none. It is open until the message is closed.
   */
  readonly sealed: number | undefined
  /** TOP_LINE and the message, if a file has them in one piece. */
  readonly belowTopLine: Bytes | undefined
  readonly #free: () => void

  /** `free` frees the bytes of the message. */
  constructor(
    known: Pick<Message, 'header' | 'isHeaderCut' | 'canonical' | 'sealed' | 'belowTopLine'>,
    bytes: Bytes,
    free: () => void,
  ) {
    this.size = bytes.size
    this.header = known.header
    this.isHeaderCut = known.isHeaderCut
    this.canonical = known.canonical
    this.body = bytes.slice(known.header.length)
    this.sealed = known.sealed
    this.belowTopLine = known.belowTopLine
    this.#free = free
  }

  /** Frees everything. */
  close(): void {
    this.#free()
  }
}

/** Bytes of TOP_LINE. */
const TOP_LENGTH = 1024

/**
 * The line that scanners receive above every message, as its first field. The line is neither hashed nor
 * queued.
 *
 * libclamav recognizes mail, PDF and programs by their first bytes, and a sender may begin a message with
 * `%PDF-1.4: x`. A file that begins with `Received: ` is mail. libclamav reads the first 1,024 bytes for
 * that. Some marks of files are further down (`ustar` at 257, `EFI PART` at 512), where a sender could put
 * them below a short line: so blanks fill all 1,024 bytes.
 */
export const TOP_LINE = Buffer.from(
  `${'Received: by onescan, for scanners alone'.padEnd(TOP_LENGTH - 1)}\n`,
  'latin1',
)

/** The header of a message, whose fields a stage before has found. */
export interface KnownHeader {
  readonly header: Header
  /** The bytes above it, which are a field that does not describe content (TOP_LINE). */
  readonly above: number
}
