/** The types and encodings of parts that most mail has, each as `type encoding`; any other type is a file. */
export const contentForms = [
  'text/plain identity',
  'text/plain quoted-printable',
  'text/plain base64',
  'text/html identity',
  'text/html quoted-printable',
  'text/html base64',
  'file base64',
] as const
export type ContentForm = (typeof contentForms)[number]

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
export type MultipartForm = (typeof multipartForms)[number]

/**
 * How a part stands in a mail that all programs read alike. A scanner that has been shown to extract the parts of
 * this form need not be asked about them besides the whole.
 */
export interface PartForm {
  readonly content: ContentForm
  readonly multiparts: MultipartForm
}

/** Forms of parts. */
export interface FormSet {
  readonly contents: readonly ContentForm[]
  readonly multiparts: readonly MultipartForm[]
}
