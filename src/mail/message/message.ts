import type { Bytes } from './bytes.ts'
import type { MessageForm } from './form.ts'
import type { Header } from './header-block.ts'
import { createNamedCopy, type NamedCopy } from './named-copy.ts'
import type { SpoolPolicy } from './spool.ts'

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
  /** What stands after the header block. */
  readonly body: Bytes
  /**
   * A descriptor of a sealed file that holds TOP_LINE and the message; undefined if there is none. It is
   * open until the message is closed.
   */
  readonly sealed: number | undefined
  /** Frees everything. */
  close(): void
}

/** Makes a message of its bytes, and of what is known of them. `close` frees the bytes. */
export function makeMessage(
  known: Pick<Message, 'header' | 'headerTooLarge' | 'form' | 'sealed'>,
  bytes: Bytes,
  policy: SpoolPolicy,
  close: () => void = () => {},
): Message {
  const named = createNamedCopy(policy)
  return {
    ...known,
    ...named,
    size: bytes.size,
    body: bytes.slice(known.header.length),
    close() {
      named.removeNamedFile()
      close()
    },
  }
}
