/**
 * The limits for reading a message, and what is compressed in it. A mail that exceeds one is not read to its end, and the result states that:
 * the message of LimitExceeded names the limit. No part is skipped silently; only a variant of a large file is
 * (LINE_ENDS_MAX in leaves/save-content.ts). Encoded words have limits of their own (message/encoded-words.ts).
 */
export const limits = {
  /**
   * Upper limit for the contents of one message. Each is a request to the scanners, so a message of up to
   * `smallMessage` bytes may have fewer, `contentsOfSmall`, and a larger one these and one more for each
   * `bytesOfContent` bytes above. The highest number in 13,954 real messages was 147. A bundle of messages has more: each
   * message that lines declare in it adds `contentsOfMessage`, up to `contentsOfBundle` in all: one with two files may have
   * 27 if programs read the whole differently.
   */
  contents: 2000,
  contentsOfMessage: 32,
  contentsOfBundle: 10_000,
  contentsOfSmall: 200,
  smallMessage: 4096,
  bytesOfContent: 32,
  /** Upper limit for the blocks of encoded data that are decoded in one text. */
  blocks: 2000,
  /**
   * Upper limit for encoded messages inside one another, whose contents are read: this, or one more than the scan's
   * `nesting`, so that mail that is nested too deep is recognized as that first.
   */
  encodedMessages: 12,
  /**
   * Upper limit for the bytes that are decoded or yielded unchanged: a multiple of the size of the message,
   * plus a fixed amount. Each way of decoding a content counts separately. A file in base64 with a footer
   * after it has about six. The fixed amount lets such a file be read in all of them up to some
   * megabytes. A small message may use a larger multiple of its size, because trying all ways costs little
   * there.
   */
  bytes: { perByte: 8, plus: 512 * 1024 * 1024 },
  smallBytes: { perByte: 144, plus: 1024 * 1024 },
  /** Upper limit for the bytes that are decoded of a file that is hardly a message, such as an archive that a program has sent alone. */
  fileBytes: { perByte: 4, plus: 32 * 1024 * 1024 },
  /**
   * Upper limit for the units of work: a multiple of the bytes that may be decoded, plus a fixed amount. A unit
   * is about one byte inspected. Small items cost more than their bytes. A small message has fewer, so that
   * many of them do not keep a worker busy. Of 13,954 real messages, one of 3 KB needed most for its size: a
   * fifth of this.
   */
  work: { perByte: 3, plus: 128 * 1024 * 1024 },
  smallWork: { perByte: 1024, plus: 8 * 1024 * 1024 },
  /** Upper limit for the parts of a message, and for its lines that are like delimiters, if its structure is odd. */
  parts: 20_000,
  /** Upper limit for the characters of the fields about content in one header. Real mail has some hundred. */
  fieldCharacters: 384 * 1024,
  /**
   * Upper limit for the different character sets that one header names, and for the parameters that name them. None of
   * 13,954 real messages has more.
   */
  charsets: 8,
  charsetParameters: 32,
  /** Upper limit for the nested multiparts and messages that are read in one mail. */
  entities: 500,
  /**
   * Upper limit for nested messages, and for nested multiparts in one of them, in mail that is scanned. clamd
   * 1.4 with its own MaxRecursion of 17 opens 15 messages and 17 multiparts. This leaves some of that for
   * archives in the innermost one.
   */
  nesting: 14,
  /**
   * Upper limit for the bytes of a compressed stream that wait for more. A stored block has 64 KiB, and so has a field
   * of gzip's header. fflate copies waiting bytes at each step, so more would cost the square of its length.
   */
  waitingCompressed: 160 * 1024,
  /** Upper limit for the members of an archive, each a request to scanners or searched for encrypted files, and for the bytes of a zip's directory. */
  archiveMembers: 2000,
  archiveDirectory: 1024 * 1024,
} as const

/** The remaining budget of a message. */
export interface ReadingBudget {
  /** The bytes that may be decoded or yielded unchanged. */
  bytes: number
  /** The contents that may be emitted. */
  contents: number
  /** The units of work that may be done. */
  work: number
}

/** Returns the budget of a message of this size. */
export function budgetOf(size: number, mayBeFile = false): ReadingBudget {
  const { contents, contentsOfSmall, smallMessage, bytesOfContent } = limits
  const bytes = Math.min(
    limitFor(size, mayBeFile ? limits.fileBytes : limits.bytes),
    limitFor(size, limits.smallBytes),
  )
  return {
    bytes,
    contents: Math.min(
      contentsOfSmall + Math.floor(Math.max(0, size - smallMessage) / bytesOfContent),
      contents,
    ),
    work: Math.min(limitFor(bytes, limits.work), limitFor(size, limits.smallWork)),
  }
}

function limitFor(
  size: number,
  limit: { readonly perByte: number; readonly plus: number },
): number {
  return limit.perByte * size + limit.plus
}

/** Thrown if the mail exceeds a limit, which the message names. */
export class LimitExceeded extends Error {}

/** Thrown if encoded data or a container cannot be read to its end. */
export class Unreadable extends LimitExceeded {
  constructor(container: string) {
    super(`${container} that cannot be read`)
  }
}
