import type { MessageForm } from './form.ts'
import type { Header } from './header-block.ts'
import type { NamedCopy } from './named-copy.ts'

/** A message that was received to its end; its header block is in memory. */
export interface Message extends NamedCopy {
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
  /**
   * Returns what stamps need to know. The first call may hash the body, while scanners go on. Rejects
   * with a Fault if the body cannot be read.
   */
  form(): Promise<MessageForm>
  /**
   * Reads what stands after the header block, or a part of it by offsets from there. A chunk is valid
   * until the next one is asked for.
   */
  body(from?: number, to?: number): Iterable<Buffer>
  /**
   * Returns a descriptor of a sealed file that holds `top`, in place of the header block, and the body;
   * undefined if there is none. The descriptor is open until the message is closed.
   */
  sealedFile?(top: Buffer): number | undefined
  /** Frees everything. */
  close(): void
}
