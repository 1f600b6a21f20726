import type { ContentListener } from './open-contents.ts'
import type { PartHeader } from './part-header.ts'

/**
 * A listener that gets all bytes of a mail while it is read, each byte once and in order. `bytes` are
 * valid until the method returns.
 */
export interface ByteListener {
  /**
   * A block of whole lines, or a piece of a line, comes. The offsets in later calls are those of this
   * block, until the next block comes.
   */
  block(bytes: Buffer): void
  /** A line comes that some reader takes for one of a header, with its end; or a piece of it. */
  headerLine(bytes: Buffer, from: number, to: number): void
  /** The header has ended. `isEnded` says that its empty line ended it, which has come before. */
  header(header: PartHeader, isEnded: boolean): void
  /** A line comes that some reader takes for a delimiter, from its dashes on. */
  delimiter(bytes: Buffer, from: number, to: number): void
  /**
   * Content comes, in whole lines or pieces of lines. A line that begins with two dashes comes at the
   * beginning of a call.
   */
  content(bytes: Buffer, from: number, to: number): void
  /** The mail exceeds a limit. No more calls follow. */
  over(): void
}

/** A listener that is told what a mail holds while the mail is read. */
export interface ReadingListener extends ContentListener {
  readonly bytes?: ByteListener | undefined
  /** A header has ended, as some reader sees it. */
  header?(header: PartHeader): void
  /** A file in uuencode or yEnc has this name. */
  name?(name: string): void
}
