import type { Bytes } from './bytes.ts'
import type { MessageForm } from './form.ts'
import type { Header } from './header-block.ts'
import { NamedCopy } from './named-copy.ts'
import type { SpoolPolicy } from './spool.ts'

/** A message that was received to its end; its header block is in memory. */
export class Message extends NamedCopy {
  /** Bytes of header block and body. */
  readonly size: number
  /**
   * The header block with the first empty line, or the whole message if there is none. It may be
   * cut if `headerTooLarge` is set.
   */
  readonly header: Header
  /**
   * Whether the header block is over HEADER_MAX or HEADER_FIELDS_MAX: the message cannot be edited, only
   * refused.
   */
  readonly headerTooLarge: boolean
  /** What stamps need to know. */
  readonly form: MessageForm
  /** What stands after the header block. */
  readonly body: Bytes
  /**
   * A descriptor of a sealed file that holds TOP_LINE and the message; undefined if there is none. It is
   * open until the message is closed.
   */
  readonly sealed: number | undefined
  readonly #free: () => void

  /** Makes a message of its bytes, which `free` frees, and of what is known of them. */
  constructor(
    known: Pick<Message, 'header' | 'headerTooLarge' | 'form' | 'sealed'>,
    bytes: Bytes,
    policy: SpoolPolicy,
    free: () => void,
  ) {
    super(policy)
    this.size = bytes.size
    this.header = known.header
    this.headerTooLarge = known.headerTooLarge
    this.form = known.form
    this.body = bytes.slice(known.header.length)
    this.sealed = known.sealed
    this.#free = free
  }

  /** Frees everything. */
  close(): void {
    this.removeNamedFile()
    this.#free()
  }
}
