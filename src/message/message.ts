import type { MessageForm } from './form.ts'
import type { Header } from './header-block.ts'
import { createNamedCopy, type NamedCopy } from './named-copy.ts'
import type { SpoolPolicy } from './spool-policy.ts'
import { TOP_LINE } from './top-line.ts'

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
  /** What stamps need to know. */
  readonly form: MessageForm
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

/** Where the bytes of a message are. */
export interface MessageBytes {
  /** Reads a part of header block and body. A chunk is valid until the next one is asked for. */
  read(from: number, to: number): Iterable<Buffer>
  /** The descriptor of a sealed file that holds TOP_LINE and the message, if there is one. */
  readonly sealed?: number | undefined
  close(): void
}

/** Makes a message of its bytes, and of what is known of them; they are closed with it. */
export function makeMessage(
  known: Pick<Message, 'size' | 'header' | 'headerTooLarge' | 'form'>,
  bytes: MessageBytes,
  policy: SpoolPolicy,
): Message {
  const { size, header } = known
  const body = (from = 0, to = size - header.length) =>
    bytes.read(header.length + from, header.length + to)
  const named = createNamedCopy(policy, body)
  return {
    ...known,
    ...named,
    body,
    sealedFile: (top) =>
      bytes.sealed !== undefined && top.equals(Buffer.concat([TOP_LINE, header.bytes]))
        ? bytes.sealed
        : undefined,
    close() {
      named.removeNamedFile()
      bytes.close()
    },
  }
}
