/**
 * The traits of messages about which readers of mail are known to differ, as far as they can be seen
 * while a message passes by. Each has a name for the log and STRICTMIME, and a meaning. `never` marks
 * the traits that ordinary mail never has. The other traits only cause a second look.
 */
export const traits = {
  'control-in-header': { never: true, what: 'NUL, CR, VT, FF or the like in a header' },
  'encoded-line-end': { never: false, what: 'a line end or a NUL in an encoded word of a header' },
  'line-ends': { never: false, what: 'lines that end in LF and lines that end in CR LF' },
  'carriage-return': { never: false, what: 'a CR that ends no line' },
  nul: { never: false, what: 'a NUL in a body' },
  'no-field': { never: true, what: 'a line in a header that is not a field' },
  'blank-line': { never: true, what: 'a line of nothing but blanks in a header' },
  'field-name': {
    never: true,
    what: 'a blank before the colon of a field, or a name with parentheses',
  },
  'cut-header': { never: false, what: 'a header that does not end in an empty line' },
  'long-header': { never: false, what: 'a header or a MIME field that is uncommonly long' },
  'field-twice': { never: true, what: 'a MIME field that the same header has twice' },
  'empty-field': { never: true, what: 'a MIME field without a value' },
  'semicolon-end': {
    never: false,
    what: 'a MIME field, or any field of a part, that ends in a semicolon',
  },
  'odd-quotes': { never: true, what: 'an odd number of quotes in a MIME field' },
  backslash: { never: false, what: 'a backslash in a MIME field' },
  'type-form': { never: false, what: 'a Content-Type that does not follow RFC 2045' },
  'disposition-form': {
    never: false,
    what: 'a Content-Disposition that does not follow RFC 2183',
  },
  'parameter-twice': { never: true, what: 'a parameter that the same MIME field has twice' },
  'encoding-word': { never: true, what: 'an encoding other than the five of RFC 2045' },
  'boundary-form': { never: true, what: 'a boundary of uncommon characters or length, or none' },
  'boundary-elsewhere': {
    never: true,
    what: 'a boundary in a field that is not that of a multipart',
  },
  'boundaries-alike': {
    never: false,
    what: 'a boundary that another one begins with, or that is used again',
  },
  'multipart-kind': {
    never: false,
    what: 'a multipart other than mixed, alternative, related or report',
  },
  'encoded-multipart': { never: true, what: 'a multipart in base64 or quoted-printable' },
  'encoded-message': { never: false, what: 'an attached message in base64 or quoted-printable' },
  'message-kind': {
    never: false,
    what: 'a message type other than rfc822 and the reports on delivery',
  },
  'message-start': {
    never: true,
    what: 'an attached message that does not begin with a field',
  },
  'message-first': {
    never: false,
    what: 'an attached message that begins with an uncommon field',
  },
  'delimiter-form': {
    never: true,
    what: 'other characters before or behind the boundary in a delimiter line',
  },
  'no-parts': { never: false, what: 'a multipart without parts' },
  'not-closed': { never: false, what: 'a multipart that is not closed' },
  'behind-the-end': { never: true, what: 'a delimiter behind the end of its multipart' },
  'field-in-text': { never: false, what: 'a line in a body that looks like a MIME field' },
  'field-alike': { never: false, what: 'a field whose name contains that of a MIME field' },
  'encoding-missing': {
    never: false,
    what: 'a file that is not text, without an encoding field',
  },
  'mail-file': {
    never: false,
    what: 'a mail in a part of another type, by that, its name or its first lines',
  },
  'strange-escape': {
    never: false,
    what: 'quoted-printable in which a = begins no escape',
  },
  dashes: {
    never: false,
    what: 'a line that begins like a delimiter, outside of the parts of a multipart',
  },
  'long-line': {
    never: false,
    what: 'a line that scanners cut, in a field, in quoted-printable or at the start of uuencode',
  },
  'begin-line': { never: false, what: 'a line that begins uuencode' },
  'coded-text': { never: false, what: 'a line that begins yEnc or BinHex' },
  'base64-padding': { never: true, what: 'padding within base64' },
  'base64-junk': { never: false, what: 'base64 with blanks or other characters in it' },
  'soft-break': { never: true, what: 'a soft line break with blanks behind it' },
  'many-parts': { never: false, what: 'uncommonly many parts' },
  deep: { never: false, what: 'uncommonly many multiparts or messages in one another' },
  magic: { never: true, what: 'the first bytes of a tape archive or a disk image' },
  unread: { never: true, what: 'more than is read: one of the limits of the second look' },
} as const

export type Trait = keyof typeof traits

/** Returns whether ordinary mail never has the trait. */
export function isStrange(trait: Trait): boolean {
  return traits[trait].never
}
