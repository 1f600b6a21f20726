/**
 * How far a mail is read. A mail that exceeds a limit is not read to its end, and the result says
 * so: the message of LimitExceeded names the limit. Nothing is left out silently.
 */
export const limits = {
  /**
   * The most contents of one message. Each is a question to the scanners, so a small message may
   * have fewer: `contentsOfSmall`, and one more for each `bytesOfContent` bytes.
   */
  contents: 2000,
  contentsOfSmall: 1000,
  bytesOfContent: 32,
  /**
   * The most readings of one message, and of all mails in it that are encoded, besides the common reading of
   * each. Of 13,954 real mails the one that took most took 73.
   */
  readings: 256,
  /** The most blocks of encoded data that are decoded in one text. */
  blocks: 2000,
  /** The most encoded mails inside one another. */
  depth: 12,
  /**
   * The most bytes that are decoded, or given as they stand: a multiple of the size of the message,
   * plus a fixed amount. Each way of decoding a content counts by itself. A file in base64 with a
   * footer after it has about seventy ways; the fixed amount lets such a file be read in all of them
   * up to some megabytes. A small message may have more times its size, since trying all ways costs
   * little there.
   */
  bytesTimes: 8,
  bytesMore: 512 * 1024 * 1024,
  smallBytesTimes: 144,
  smallBytesMore: 1024 * 1024,
  /** The same of bytes that are hardly a mail, as an archive that some client has sent by itself. */
  fileBytesTimes: 4,
  fileBytesMore: 32 * 1024 * 1024,
  /**
   * The most units of work: a multiple of the bytes that may be decoded, plus a fixed amount. A unit is
   * about one byte inspected; small things cost more than their bytes. A small message has fewer, so that many
   * of them do not keep a worker busy. Of 13,954 real mails, one of 3 KB took most for its size: a fifth of
   * this.
   */
  workTimes: 3,
  workMore: 128 * 1024 * 1024,
  smallWorkTimes: 1024,
  smallWorkMore: 8 * 1024 * 1024,
  /**
   * The most parts of a mail, empty ones and those with the same bytes among them. All of them are kept until
   * the mail was read in every way.
   */
  parts: 20_000,
  /**
   * The most fields about content in one header, and their characters, which are read in one go. Real
   * mail has some hundred.
   */
  fields: 5000,
  fieldCharacters: 384 * 1024,
  /** The most parameters of one header that name character sets. */
  charsets: 1000,
  /** The most boundaries of open multiparts, counted in all forms in which they may be read. */
  boundaries: 1000,
  /**
   * The most different lengths of boundaries: each length costs one more search in a line of dashes.
   */
  boundaryLengths: 64,
  /** The most bytes of a boundary. RFC 2046 5.1.1 allows 70 bytes. */
  boundary: 1000,
  /** The most multiparts and messages inside one another that are read in one mail. */
  containers: 500,
  /**
   * The most messages attached to one another, and the most multiparts inside one another in one of them, in
   * mail that is scanned. clamd 1.4 with its own MaxRecursion of 17 looks into 15 messages and 17 multiparts;
   * this leaves some of that for archives in the innermost one.
   */
  nesting: 14,
} as const

/** What may still be done with a message. */
export interface ReadingBudget {
  /** The bytes that may be decoded, or given as they stand. */
  bytes: number
  /** The contents that may be given. */
  contents: number
  /** The units of work that may be done. */
  work: number
  /** The readings of mails in it, besides the common one of each. */
  readings: number
}

/** What may be done with a message of this size. */
export function budgetOf(size: number, mayBeFile = false): ReadingBudget {
  const { contents, contentsOfSmall, bytesOfContent } = limits
  const { bytesTimes, bytesMore, smallBytesTimes, smallBytesMore } = limits
  const { fileBytesTimes, fileBytesMore } = limits
  const { workTimes, workMore, smallWorkTimes, smallWorkMore } = limits
  const bytes = Math.min(
    mayBeFile ? fileBytesTimes * size + fileBytesMore : bytesTimes * size + bytesMore,
    smallBytesTimes * size + smallBytesMore,
  )
  return {
    bytes,
    contents: Math.min(contentsOfSmall + Math.floor(size / bytesOfContent), contents),
    work: Math.min(workTimes * bytes + workMore, smallWorkTimes * size + smallWorkMore),
    readings: limits.readings,
  }
}

/** Thrown if the mail exceeds a limit, which the message names. */
export class LimitExceeded extends Error {}

/** Thrown if S/MIME or OpenPGP cannot be read to its end. */
export class Unreadable extends LimitExceeded {
  constructor(container: string) {
    super(`${container} that cannot be read`)
  }
}
