/**
 * How far a mail is read. A mail that exceeds a limit is not read to its end, and the result says
 * so: the message of LimitExceeded names the limit. Nothing is left out silently.
 */

/**
 * The most contents of one message. Each is a question to the scanners, so a small message may have
 * fewer.
 */
export const CONTENTS_MAX = 2000
export const CONTENTS_LEAST = 500
/** The bytes of a message for each content beyond CONTENTS_LEAST. */
export const BYTES_OF_CONTENT = 32

/** How many contents a message of this size may have. */
export function mostContentsOf(size: number): number {
  return Math.min(CONTENTS_LEAST + Math.floor(size / BYTES_OF_CONTENT), CONTENTS_MAX)
}
/** The most encoded mails inside one another. */
export const DEPTH_MAX = 12
/**
 * The most bytes that are decoded, or given as they stand: a multiple of the size of the message,
 * plus a fixed amount. Each way of decoding a content counts by itself. A file
 * in base64 with a footer after it has about seventy ways; the fixed amount lets such a file be
 * read in all of them up to some megabytes. A small message may have more times its size, since
 * trying all ways costs little there.
 */
export const BYTES_TIMES = 8
export const BYTES_MORE = 512 * 1024 * 1024
export const SMALL_BYTES_TIMES = 72
export const SMALL_BYTES_MORE = 1024 * 1024

/** How many bytes may be decoded of a message of this size. */
export function mostBytesOf(size: number): number {
  return Math.min(BYTES_TIMES * size + BYTES_MORE, SMALL_BYTES_TIMES * size + SMALL_BYTES_MORE)
}

/**
 * The most units of work: a multiple of the bytes that may be decoded, plus a fixed amount. A unit is about
 * one byte inspected; small things cost more than their bytes.
 */
export const WORK_TIMES = 2
export const WORK_MORE = 128 * 1024 * 1024

/** What may still be done with a message. */
export interface ReadingBudget {
  /** The bytes that may be decoded, or given as they stand. */
  bytes: number
  /** The contents that may be given. */
  contents: number
  /** The units of work that may be done. */
  work: number
}

/** What may be done with a message of this size: as much in odd readings as in the plain one. */
export function budgetOf(size: number): ReadingBudget {
  const bytes = mostBytesOf(size)
  return { bytes, contents: mostContentsOf(size), work: WORK_TIMES * bytes + WORK_MORE }
}
/**
 * The most places where something may begin or end: lines that look like delimiters, fields inside
 * a text.
 */
export const PLACES_MAX = 100_000
/** The most characters of fields about content in one header. */
export const FIELDS_MAX = 1024 * 1024
/** The most fields about content in one header. */
export const FIELDS_COUNT_MAX = 5000
/**
 * The most characters of fields about content in headers with a delimiter among their lines. For
 * some readers such a header goes on after the delimiter, so its first lines are read again.
 */
export const GOING_ON_MAX = 1024 * 1024
/** The most boundaries of one message, counted in all forms in which they may be read. */
export const BOUNDARIES_MAX = 1000
/**
 * The most different lengths of boundaries: each length costs one more search in a line of dashes.
 */
export const BOUNDARY_LENGTHS_MAX = 64
/** The most bytes of a boundary. RFC 2046 5.1.1 allows 70 bytes. */
export const BOUNDARY_MAX = 1000
/** The most contents at a time that may have begun, and whose ends are not known yet. */
export const OPEN_MAX = 500

/** Thrown if the mail exceeds a limit, which the message names. */
export class LimitExceeded extends Error {}

/** Thrown if S/MIME or OpenPGP cannot be read to its end. */
export class Unreadable extends LimitExceeded {
  constructor(container: string) {
    super(`${container} that cannot be read`)
  }
}
