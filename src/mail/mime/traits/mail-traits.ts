/**
 * The features that ordinary mail never has, each with its word for the log and for STRICTMIME, and encrypted
 * content, for the log and for FINDINGS. The reading of the mail and its decoders report them where they
 * decide how programs may interpret the mail.
 */
export const oddities = {
  header:
    'a line in a header that is not a field, or a field with control characters or white space in its name',
  field:
    'a MIME field that occurs twice, is empty, or has an odd number of quotes, or an unknown encoding or character set',
  boundary:
    'a multipart without a boundary that all mail clients read alike, or a boundary in another type',
  delimiter:
    'text after the boundary in a delimiter, or a delimiter after the end of its multipart',
  'encoded-multipart': 'a multipart in base64 or quoted-printable',
  base64: 'base64 that continues after its padding',
  'quoted-printable': 'a soft line break followed by spaces',
  encrypted:
    'content encrypted with S/MIME or OpenPGP, or compressed in OpenPGP in a way that is not read, or a zip archive, or Office or OpenDocument file, with a password',
  unread: 'content that was not read; UNREAD also applies, except to a broken archive',
} as const

export type Oddity = keyof typeof oddities

/** The types and encodings of parts that most mail has, each as `type encoding`. Any other type is a file. */
export const contentForms = [
  'text/plain identity',
  'text/plain quoted-printable',
  'text/plain base64',
  'text/html identity',
  'text/html quoted-printable',
  'text/html base64',
  'file base64',
] as const

/** The multiparts in one another that most mail has around its parts, from the outside in. */
export const multipartForms = [
  '',
  'mixed',
  'alternative',
  'related',
  'mixed/alternative',
  'mixed/related',
  'alternative/related',
  'mixed/alternative/related',
] as const

/** The fields that most mail begins with. Scanners recognize mail by its first field, in this spelling, libclamav by these. */
export const firstFields = [
  'Received',
  'Return-Path',
  'Delivered-To',
  'From',
  'Date',
  'Subject',
  'Message-ID',
  'To',
] as const

/**
 * The position and encoding of a part in a mail that all programs read alike. If a scanner extracted test files from
 * parts of all these forms, such parts need not be submitted in addition to the whole.
 */
export interface PartForm {
  readonly content: (typeof contentForms)[number]
  readonly multiparts: (typeof multipartForms)[number]
}

/** What mail programs show of a part, or of a file in a container. */
export interface PartNames {
  /** All names that some mail program shows for it, each once. */
  readonly names: readonly string[]
  /** The MIME types of its header, in lower case. */
  readonly types: readonly string[]
  /**
   * The containers from which it was extracted within its part, from the outside in: `uuencode`, `tnef`,
   * `openpgp`, …
   */
  readonly containers: readonly string[]
  /** The limit that left some of them unread, if there was one. */
  readonly over?: string | undefined
}

export const NAMELESS: PartNames = { names: [], types: [], containers: [] }
