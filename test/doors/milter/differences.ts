/**
 * Shared cases that a milter shows differently, or not at all, with the reason. What an MTA
 * hands to a filter is not the bytes that came, but fields, a body in CRLF, and strings.
 */
export interface Difference {
  readonly why: string
  /** What its log line looks like instead; without it the case is not played. */
  readonly log?: RegExp
}

const noEmptyLine = 'the end of the header is told, whether or not an empty line stood there'
const notAField = 'the MTA begins the body at a line that is no field, and adds an empty line'
const nul = 'a string of the protocol ends at its first NUL'
const blank = 'Postfix tells a name without the blanks before its colon, and deletes by it'
const lineEnds = 'SMTP ends lines in CRLF, and the MTA has one kind of line end'
const noLastLineEnd = 'SMTP ends the last line, too'

const ofBytes: Readonly<Record<string, string>> = {
  'text that is neither header nor body': notAField,
  'a header without a body and final newline': noLastLineEnd,
  'a body without a final newline': noLastLineEnd,
  'NUL and 8-bit bytes': nul,
  'mixed line endings': lineEnds,
  'an mbox From line': notAField,
  'a line without a colon': notAField,
}

const notSigned = (line: string) =>
  `a header that is not well formed is scanned and not signed: ${JSON.stringify(line)}`

const refused = (what: string) =>
  `a message with a forged field with ${what} is refused, since some reader takes it for body`

export const differences: Readonly<Record<string, Difference>> = {
  ...Object.fromEntries(
    Object.entries(ofBytes).flatMap(([what, why]) => [
      [`${what} stays as it is below the new field, byte for byte`, { why }],
      [`without QHPSI ${what} passes byte for byte`, { why }],
    ]),
  ),
  [refused('a line of CR and LF in LF mail')]: { why: lineEnds },
  [refused('a blank before its colon')]: { why: blank },
  [refused('a tab before its colon')]: { why: blank },
  [refused('a NUL in its name')]: { why: nul },
  [refused('a line that is no field above it')]: { why: notAField },
  [refused('an mbox line above it')]: { why: notAField },
  'a field above a malformed line is removed: every reader takes it for a field': { why: lineEnds },
  [notSigned('no colon here\n')]: { why: notAField },
  [notSigned('X-Nul: \0\n')]: { why: nul },
  'a message without an empty line is scanned and not signed': { why: noEmptyLine },
}
