/**
 * What readers of mail are known to differ about, as far as it can be seen while a message
 * passes by: a name for the log and STRICTMIME, and what it means. `never` marks those that
 * ordinary mail never has; the others cost a second look and nothing else.
 */
export const traits = {
  'control-in-header': { never: true, what: 'NUL, CR, VT, FF or the like in a header' },
  'line-ends': { never: false, what: 'lines that end in LF and lines that end in CR LF' },
  'carriage-return': { never: false, what: 'a CR that ends no line' },
  nul: { never: false, what: 'a NUL in a body' },
  'no-field': { never: true, what: 'a line in a header that is no field' },
  'blank-line': { never: true, what: 'a line of nothing but blanks in a header' },
  'field-name': {
    never: true,
    what: 'a blank before the colon of a field, or a name with parentheses',
  },
  'cut-header': { never: false, what: 'a header that no empty line ends' },
  'long-header': { never: false, what: 'a header or a MIME field that is uncommonly long' },
  'field-twice': { never: true, what: 'a MIME field that the same header has twice' },
  'empty-field': { never: true, what: 'a MIME field without a value' },
  'semicolon-end': {
    never: false,
    what: 'a MIME field, or any of a part, that ends in a semicolon',
  },
  'odd-quotes': { never: true, what: 'an odd number of quotes in a MIME field' },
  backslash: { never: false, what: 'a backslash in a MIME field' },
  'type-form': { never: false, what: 'a Content-Type that is not written as RFC 2045 has it' },
  'disposition-form': {
    never: false,
    what: 'a Content-Disposition that is not written as RFC 2183 has it',
  },
  'parameter-twice': { never: true, what: 'a parameter that the same MIME field has twice' },
  'encoding-word': { never: true, what: 'an encoding other than the five of RFC 2045' },
  'boundary-form': { never: true, what: 'a boundary of uncommon characters or length, or none' },
  'boundary-elsewhere': { never: true, what: 'a boundary where there is no multipart' },
  'boundaries-alike': {
    never: false,
    what: 'a boundary that begins another one, or is used again',
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
    what: 'an attached message that begins with something else than a field',
  },
  'message-first': {
    never: false,
    what: 'an attached message with another field on top than most have',
  },
  'delimiter-form': {
    never: true,
    what: 'something before or behind the boundary in a delimiter line',
  },
  'no-parts': { never: false, what: 'a multipart without parts' },
  'not-closed': { never: false, what: 'a multipart that is not closed' },
  'behind-the-end': { never: true, what: 'a delimiter behind the end of its multipart' },
  'field-in-text': { never: false, what: 'a line in a body that looks like a MIME field' },
  'field-alike': { never: false, what: 'a field whose name has that of a MIME field in it' },
  'encoding-missing': {
    never: false,
    what: 'a file, not a text, without a word about its encoding',
  },
  'mail-file': {
    never: false,
    what: 'a mail in a part of another type, by that, its name or its first lines',
  },
  'strange-escape': {
    never: false,
    what: 'quoted-printable with = before something else than it may',
  },
  dashes: {
    never: false,
    what: 'a line that begins as delimiters do where a multipart has no part',
  },
  'long-line': {
    never: false,
    what: 'a field, quoted-printable or the first line of uuencode in a line that scanners cut',
  },
  'begin-line': { never: false, what: 'a line that begins uuencode' },
  'coded-text': { never: false, what: 'a line that begins yEnc or BinHex' },
  'base64-padding': { never: true, what: 'padding inside of base64' },
  'base64-junk': { never: false, what: 'base64 with blanks or other characters in it' },
  'soft-break': { never: true, what: 'a soft line break with blanks behind it' },
  'many-parts': { never: false, what: 'uncommonly many parts' },
  deep: { never: false, what: 'uncommonly many multiparts or messages in one another' },
  magic: { never: true, what: 'what tapes and disk images have at their beginning' },
} as const

export type Trait = keyof typeof traits

/** Whether ordinary mail never has it. */
export function isStrange(trait: Trait): boolean {
  return traits[trait].never
}
