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
    'encrypted content, or a file with a password, as far as onescan itself recognizes it (Findings)',
  unread: 'content that was not read; UNREAD applies, except to a broken archive or signature',
} as const

export type Oddity = keyof typeof oddities
