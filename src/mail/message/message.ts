import type { Bytes } from './bytes.ts'
import type { BodyDigests } from './canonical-body.ts'
import type { Header } from './header-block.ts'

/** The properties of a message that stamps depend on. */
export interface MessageForm {
  /** The reason why no stamp can vouch for the message; undefined if it is well formed. */
  readonly formFault: string | undefined
  /** The digests of the canonical body that were wanted. */
  readonly digests: BodyDigests
}

/** A message that was received to its end; its header block is in memory. */
export class Message {
  /** Bytes of header block and body. */
  readonly size: number
  /** The header block with the first empty line, or the whole message if there is none. */
  readonly header: Header
  /** Whether the header block exceeds HEADER_MAX. It is cut there, and the body begins with its rest. */
  readonly isHeaderCut: boolean
  /** What stamps need to know. */
  readonly form: MessageForm
  /** What stands after the header block. */
  readonly body: Bytes
  /**
   * A descriptor of a sealed file that holds TOP_LINE, unless it is kept as it was sent, and the message;
   * undefined if there is none. It is open until the message is closed.
   */
  readonly sealed: number | undefined
  readonly #free: () => void

  /** Makes a message of its bytes, which `free` frees, and of what is known of them. */
  constructor(
    known: Pick<Message, 'header' | 'isHeaderCut' | 'form' | 'sealed'>,
    bytes: Bytes,
    free: () => void,
  ) {
    this.size = bytes.size
    this.header = known.header
    this.isHeaderCut = known.isHeaderCut
    this.form = known.form
    this.body = bytes.slice(known.header.length)
    this.sealed = known.sealed
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
 * The line that scanners find above every message, as its first field. libclamav takes a file for mail,
 * for a PDF or for a program by its first bytes, and a sender may begin a message with `%PDF-1.4: x`. A
 * file that begins with `Received: ` is mail. libclamav looks at the first 1,024 bytes for that, and
 * some marks of files stand further down (`ustar` at 257, `EFI PART` at 512), where a sender could put
 * them below a short line: so blanks fill all 1,024 bytes. The line is neither hashed nor queued.
 */
export const TOP_LINE = Buffer.from(
  `${'Received: by onescan, for scanners alone'.padEnd(TOP_LENGTH - 1)}\n`,
  'latin1',
)
