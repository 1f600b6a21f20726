import type { HabitEntry } from './habit-entry.ts'

/**
 * The features of encoded content that mail programs decode differently. A decoder (decoders/) asks for a choice
 * where one occurs. The content is decoded again for each other choice, and for all choices together.
 *
 * A file in base64 with a footer below it has some seventy readings.
 */
export const encodingHabits = {
  'base64 with eight bits': {
    place: 'a byte of 0x80 or more',
    choices: [
      { does: 'is not data' },
      { does: 'loses its highest bit', programs: 'mailparser, by libbase64' },
    ],
    maxDifferences: 2,
  },
  'base64 of URLs': {
    place: '`-`, `_` (RFC 4648 5) or `,` (RFC 3501 5.1.3)',
    choices: [{ does: 'is not data' }, { does: 'is data', programs: 'mutt, mailparser' }],
  },
  'base64 with others': {
    place: 'any other character outside base64, or one of those above that is not data',
    choices: [
      { does: 'is skipped' },
      { does: 'begins a new group of four' },
      { does: 'ends the data' },
      {
        does: 'is six bits that are set',
        programs: 'VMime, where a `=` ends the data, and a last group that is not whole is dropped',
        maxDifferences: 1,
      },
    ],
  },
  'base64 padding': {
    place: 'data after padding, or padding that does not complete a group of four',
    choices: [
      { does: 'is skipped' },
      { does: 'begins a new group of four', programs: 'Gnus, JavaMail, Camel, Thunderbird' },
      { does: 'is six bits of zero' },
      { does: 'ends the data', programs: "Python, mailparser, Ruby's mail" },
      {
        does: 'takes a byte from its group of four',
        programs: 'Thunderbird; the `=` are bits of zero, and a byte is left at least',
        maxDifferences: 1,
      },
    ],
    needsCommonSight: true,
    odd: 'base64',
  },
  'base64 line': {
    place: 'a line that ends inside a group of four',
    choices: [{ does: 'goes on' }, { does: 'ends the group' }],
    needsCommonSight: true,
  },
  'base64 end': {
    place: 'a last group that is not whole, padding included',
    choices: [
      { does: 'is its whole bytes' },
      { does: 'is dropped', programs: 'GMime, mutt, Camel, Go, mime4j, VMime' },
      { does: 'is a byte at least', programs: 'libEtPan, Thunderbird', maxDifferences: 1 },
    ],
    maxDifferences: 2,
    needsCommonSight: true,
  },
  'quoted-printable escape': {
    place: 'a `=` in front of neither two digits nor a line end',
    choices: [
      { does: 'stays' },
      { does: 'is an escape, and other bytes are zeros', programs: 'libEtPan, VMime' },
      { does: 'stays with the next two bytes', programs: "GMime, Camel, Ruby's mail, PHP" },
      { does: 'stays as far as there is space in its line', programs: 'Thunderbird 153' },
      { does: 'is an escape, of one digit if need be', programs: 'GNU mailutils' },
      { does: 'stays with the next byte', programs: 'c-client' },
      { does: 'is removed, with blanks after it', programs: 'mailparser, nmh, Go, mime4j' },
      { does: 'stays, without a `=` after it', programs: 'Python, mime4j' },
      { does: 'may be in front of a soft line break and digits', programs: 'mailparser' },
    ],
    maxDifferences: 1,
  },
  'quoted-printable soft break': {
    place: 'the `=` of a soft line break with blanks after it',
    choices: [{ does: 'is one' }, { does: 'is read as any other `=`' }],
    odd: 'quoted-printable',
    maxDifferences: 1,
  },
  'quoted-printable last break': {
    place: 'a `=` and an LF at the very end',
    choices: [{ does: 'are a soft line break' }, { does: 'stay', programs: 'Thunderbird 153' }],
    maxDifferences: 1,
  },
  'quoted-printable blanks': {
    place: 'blanks at the end of a line',
    choices: [
      { does: 'stay' },
      { does: 'are removed', programs: 'those that keep to RFC 2045 6.7 rule 3' },
    ],
    maxDifferences: 1,
  },
  'quoted-printable CR': {
    place: 'a CR without an LF after it',
    choices: [
      { does: 'stays' },
      { does: 'is removed' },
      { does: 'ends a line', programs: "Ruby's mail, libEtPan, Thunderbird" },
      { does: 'ends a line, with the byte after it', programs: 'GNU mailutils' },
    ],
    maxDifferences: 1,
  },
  'quoted-printable NUL': {
    place: 'a NUL',
    choices: [{ does: 'stays' }, { does: 'is removed', programs: 'Thunderbird' }],
    maxDifferences: 1,
  },
  'quoted-printable in UTF-8': {
    place: 'a character of UTF-8 above U+00FF',
    choices: [{ does: 'is its bytes' }, { does: 'is its lowest byte' }],
    isReadFirst: true,
  },
  'uuencode line': {
    place:
      'a line that is longer or shorter than its first character declares, or has other characters',
    choices: [
      { does: 'is data if it is not much longer' },
      { does: 'is data if it is not shorter, and in capitals', programs: 'MIME::Parser' },
      { does: 'is data if it is not shorter, and in capitals so far', maxDifferences: 1 },
      { does: 'is data if it is as long, and in capitals', maxDifferences: 1 },
      { does: 'is data' },
      { does: 'is data, in capitals or not', maxDifferences: 1 },
      { does: 'is data up to its end' },
      {
        does: 'is data as far as it has whole groups of four',
        programs: 'PHP mailparse',
        maxDifferences: 1,
      },
      { does: 'goes on in the next line', programs: 'KMime', maxDifferences: 1 },
      { does: 'ends where it declares to', programs: 'GMime, Camel', maxDifferences: 1 },
      {
        does: 'ends after 127 characters',
        programs: 'mutt, Gnus, PHP, Thunderbird',
        maxDifferences: 1,
      },
    ],
  },
  'uuencode end': {
    place: 'data after a line of zero bytes, or after `end`',
    choices: [{ does: 'is none' }, { does: 'is data', programs: 'PHP, KMime, MIME::Parser' }],
  },
  'yEnc control character': {
    place: 'a NUL, or a CR without an LF after it',
    choices: [{ does: 'is data' }, { does: 'is skipped', programs: 'Thunderbird' }],
  },
  'armour field': {
    place: 'a line on top that looks like a field',
    choices: [
      { does: 'is skipped', programs: 'GnuPG' },
      { does: 'is data', programs: 'gpgsm' },
    ],
  },
} as const satisfies Readonly<Record<string, HabitEntry>>
