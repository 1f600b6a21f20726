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

/** The fields that most mail begins with. A scanner recognizes mail by its first field, in this spelling. */
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
export type FirstField = (typeof firstFields)[number]

/**
 * The position and encoding of a part in a mail that all programs read alike. If a scanner extracted a test
 * file from a part of this form, such parts need not be submitted in addition to the whole.
 */
export interface PartForm {
  readonly content: ContentForm
  readonly multiparts: MultipartForm
}

/** Forms of parts, and the first fields of mail in which a scanner extracts them. */
export interface FormSet {
  readonly firstFields: readonly FirstField[]
  readonly contents: readonly ContentForm[]
  readonly multiparts: readonly MultipartForm[]
}
