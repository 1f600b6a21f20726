import type { PartHeader } from '../headers/part-header.ts'

/** The nesting depth of a position in a message, as libclamav counts. */
export interface Depth {
  /**
   * The number of nested multiparts in one message. A message that is the whole content of another counts as
   * one more, because libclamav opens it in place.
   */
  readonly levels: number
  /** The number of nested messages. To libclamav an attached message is a file of its own. */
  readonly messages: number
  /** The number of multiparts and messages around it, in this mail. */
  readonly containers: number
  /** The types of the multiparts around it in its own mail, from the outside in: `mixed/alternative`. */
  readonly multiparts: string
  /** Whether the innermost container is a multipart. */
  readonly isMultipart: boolean
  /** Whether that multipart is a digest. */
  readonly isDigest: boolean
  /** Whether that multipart declares its parts as OpenPGP (RFC 3156 4). */
  readonly isEncrypted: boolean
  /** Whether libclamav decodes a text here: not in multipart/signed, multipart/parallel, or rare types. */
  readonly isDecoded: boolean
}

/** The multiparts in which libclamav decodes each text. */
export const DECODED_IN: ReadonlySet<string> = new Set(
  ['mixed', 'alternative', 'related', 'report'].map((of) => `multipart/${of}`),
)

/** Returns the depth of a message inside `messages` other messages. */
export function aroundMail(messages = 0): Depth {
  const inNothing = { isMultipart: false, isDigest: false, isEncrypted: false }
  return { levels: 0, messages, containers: 0, multiparts: '', ...inNothing, isDecoded: true }
}

/** Returns whether a header declares a type in any way. */
export function says({ type, multipart, message }: PartHeader): boolean {
  return type !== '' || multipart !== 'no' || message !== 'no'
}
