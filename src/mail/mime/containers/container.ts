import type { Steps, Work } from '../budget/work.ts'

/** What a container holds. */
export interface Member {
  readonly bytes: Buffer
  /** The names that the container gives to it. Those of contents with the same list are reported once. */
  readonly names?: readonly string[]
  /** The encoding of the bytes, if the container does not hold them as they are. */
  readonly encoding?: MemberEncoding | undefined
  /** Whether it is what the header declares the container as, such as the packets in those of OpenPGP. */
  readonly isOfSameKind?: boolean
}

/**
 * - `escaped`: a letter after a backslash is a line end, or the backslash is ignored (RFC 6350 3.4).
 * - `url`: each `%` with two digits is a byte (RFC 2397).
 */
export type MemberEncoding =
  | 'base64'
  | 'escaped base64'
  | 'quoted-printable'
  | 'url'
  | 'base64 in a url'

/** What an opener needs in addition to the bytes. */
export interface Opening {
  /** Counts what it costs (budget/work.ts), before it is done where that is possible. */
  readonly work: Work
  /** Whether a header, or the text around the bytes, declares them as this kind. */
  readonly isDeclared: boolean
  /** Passes a content to scanners, and opens it. Its bytes may be freed afterwards. */
  readonly emit: (content: Member) => Steps
}

/**
 * Emits the contents of a container. Returns whether the bytes are one. Throws Unreadable if they are one that cannot
 * be read to its end.
 */
export type OpenContainer = (source: Buffer, opening: Opening) => Steps<boolean>
