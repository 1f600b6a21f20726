/*
 * What most mail has. Each clamd is tried with a test file in all these forms (scanner/readiness/clamd/form-probes.ts): if
 * it finds them, parts of these forms need not be submitted in addition to the whole.
 */

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

/** Where a part is in an ordinary message, and how it is encoded. */
export interface PartForm {
  readonly content: (typeof contentForms)[number]
  readonly multiparts: (typeof multipartForms)[number]
}
