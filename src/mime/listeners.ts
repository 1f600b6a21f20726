import type { ContentListener } from './open-contents.ts'
import type { PartHeader } from './part-header.ts'

/**
 * Is given all bytes of a mail while it is read, each of them once and in order. `bytes` are valid
 * until the method returns.
 */
export interface ByteListener {
  /**
   * Whole lines, or a piece of one. The places in later calls are those of this block, until the
   * next one comes.
   */
  block(bytes: Buffer): void
  /** A line that some reader takes for a header's, with its end; or a piece of such a line. */
  headerLine(bytes: Buffer, from: number, to: number): void
  /** The header has ended. `isEnded`: by its empty line, which was given before. */
  header(header: PartHeader, isEnded: boolean): void
  /** A line that some reader takes for a delimiter, from its dashes on. */
  delimiter(bytes: Buffer, from: number, to: number): void
  /**
   * Content, in whole lines or pieces of lines. A line that begins with two dashes begins a new
   * call.
   */
  content(bytes: Buffer, from: number, to: number): void
  /** The mail exceeds a limit, so no more calls follow. */
  over(): void
}

export interface ReadingListener extends ContentListener {
  readonly bytes?: ByteListener | undefined
  /** A header as some reader sees it. */
  header?(header: PartHeader): void
  /** The name of a file in uuencode or yEnc. */
  name?(name: string): void
}
