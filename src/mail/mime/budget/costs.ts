/**
 * What things cost in units of work, in addition to their bytes. A unit is the time in which about a byte is inspected: small
 * things take longer than their bytes.
 */
export const costs = {
  /** An element of S/MIME, and a place at which encoded data is found in a text. */
  element: 32,
  line: 8,
  /** A word that may begin encoded data. */
  word: 24,
  /** A line like a delimiter. */
  cut: 32,
  /** A line of a calendar, a sector of a compound file, and a part that libclamav may extract. */
  entry: 64,
  /** A line that may belong to a header of an odd message. */
  headerLine: 128,
  /** A content that was emitted before, a value in TNEF, and the search for a character set. */
  value: 256,
  /** A header with its part, a place at which a body may begin, and a line that begins encoded data. */
  header: 512,
  /** A conversion from a character set. */
  conversion: 1024,
  /** Encoded data in a text that is decoded. */
  block: 2048,
  /** A content that is emitted, a message in a mailbox, a packet of OpenPGP, and a file in an archive. */
  content: 4096,
  /** A compressed stream: the memory that fflate allocates for each. It counts as bytes, too. */
  stream: 32 * 1024,
} as const

/** What each character costs: of the lines about content, of any field and again of one with names, and of a name. */
export const characterCosts = { header: 8, field: 4, name: 8 } as const

/** The bytes that the runtime searches, and of which it makes a digest, in the time of a unit. */
export const SEARCHED_PER_UNIT = 4
export const DIGESTED_PER_UNIT = 2
