/**
 * How far mail is read. What goes on behind one of these is not looked at to its end, and is
 * answered as such: `Over` names the limit, and nothing is left out without it.
 */

/** Contents of one message. */
export const CONTENTS_MAX = 2000
/** Encoded mails in one another. */
export const DEPTH_MAX = 12
/**
 * Bytes that are decoded and given, of all contents together: so many times those of the message,
 * and so many more; of a small message many times as many, since all its ways take little.
 */
export const BYTES_TIMES = 8
export const BYTES_MORE = 16 * 1024 * 1024
export const SMALL_BYTES_TIMES = 64
export const SMALL_BYTES_MORE = 1024 * 1024

/** What all contents of a message of this size may have together. */
export function mostBytesOf(size: number): number {
  return Math.min(BYTES_TIMES * size + BYTES_MORE, SMALL_BYTES_TIMES * size + SMALL_BYTES_MORE)
}
/** Places where something may begin or end: lines like delimiters, fields in a text, runs of base64. */
export const PLACES_MAX = 100_000
/** Characters of the fields of one header that say something of content. */
export const FIELDS_MAX = 1024 * 1024
/**
 * The same of all headers together that go on behind delimiters among their fields: to some readers
 * they do, and each is read with what stood before.
 */
export const GOING_ON_MAX = 1024 * 1024
/** Boundaries of one message, in all the ways that they may be read. */
export const BOUNDARIES_MAX = 1000
/** Different lengths of these: each is a search of its own in a line of dashes. */
export const BOUNDARY_LENGTHS_MAX = 64
/** Bytes of a boundary. RFC 2046 5.1.1 allows 70. */
export const BOUNDARY_MAX = 1000
/** Places where a leaf may begin, or end, that are open at a time. */
export const OPEN_MAX = 500

/** More is in a mail than is read; the message names the limit. */
export class Over extends Error {}
