import type { ContentListener } from './open-contents.ts'
import type { PartHeader } from './part-header.ts'

/**
 * Who looks at the bytes of a mail as the reading goes through them, each once and in order.
 * `bytes` are valid until the method returns.
 */
export interface ByteListener {
  /** Whole lines, or a piece of one. What is told next, up to the next block, stands in it. */
  block(bytes: Buffer): void
  /** A line of a header, its end included, or a piece of one: to some reader. */
  headerLine(bytes: Buffer, from: number, to: number): void
  /** The header is over; `isEnded` by its empty line, which was told before. */
  header(header: PartHeader, isEnded: boolean): void
  /** A line that is a delimiter to some reader, from its dashes on. */
  delimiter(bytes: Buffer, from: number, to: number): void
  /** Whole lines, or pieces, of content. Where two dashes begin a line, it begins there. */
  content(bytes: Buffer, from: number, to: number): void
  /** There is more than is read: it is told no more. */
  over(): void
}

export interface ReadingListener extends ContentListener {
  readonly bytes?: ByteListener | undefined
  /** Each header, as some reader sees it. */
  header?(header: PartHeader): void
  /** The name of a file in uuencode or yEnc. */
  name?(name: string): void
}
