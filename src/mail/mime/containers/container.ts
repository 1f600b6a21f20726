import type { MailBytes } from '../../message/bytes.ts'
import type { Steps, Work } from '../budget/work.ts'
import type { Decoder } from '../decoders/decoder.ts'
import type { DeclaredAs } from '../headers/part-header.ts'

/** A kind of container that is opened. */
export interface Container {
  /** The name of the kind, which plugins receive. */
  readonly kind: string
  readonly declaredAs?: DeclaredAs
  /** Whether the message is unread if such a container is declared and cannot be read. */
  readonly mustBeRead?: true
  /**
   * Emits the contents of a container. Returns whether the bytes are one. Throws Unreadable if they are one that cannot be
   * read to its end.
   */
  readonly open: (source: MailBytes, opening: Opening) => Steps<boolean>
}

/** What a container needs in addition to its bytes. */
export interface Opening {
  /** Counts what it costs (budget/work.ts), before it is done where that is possible. */
  readonly work: Work
  /** Whether a header, or the text around the bytes, declares them as this kind. */
  readonly isDeclared: boolean
  /** Passes a content to scanners, and opens it. Its bytes may be freed afterwards. */
  readonly emit: (content: Member) => Steps
}

/** What a container holds. */
export interface Member {
  readonly bytes: MailBytes
  /**
   * The names that the container gives to it. Those of members with the same list are reported once. A member without a list
   * is declared as its container is, such as the packets in those of OpenPGP.
   */
  readonly names?: readonly string[]
  /** What decodes the bytes, if the container does not hold them as they are. */
  readonly decoder?: Decoder
}
