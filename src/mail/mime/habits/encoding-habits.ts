import { AT_RANDOM, type HabitRow } from './habit-row.ts'

/**
 * The features of encoded content that mail programs decode differently. A decoder (decoders/) asks for a choice
 * where one occurs. The content is decoded again for each other choice, and for all choices together.
 *
 * A file in base64 with a footer below it has some seventy readings.
 */
export const encodingHabits = {
  'base64 with eight bits': {
    place: 'a byte of 0x80 or more',
    example: 'YW\xd7JjYWJj',
    choices: [
      { does: 'is not data' },
      { does: 'loses its highest bit', programs: 'mailparser, by libbase64' },
    ],
    combines: 'with one',
  },
  'base64 of URLs': {
    place: '`-`, `_` (RFC 4648 5) or `,` (RFC 3501 5.1.3)',
    example: 'YW-JjYWJj',
    choices: [{ does: 'is not data' }, { does: 'is data', programs: 'mutt, mailparser' }],
  },
  'base64 with others': {
    place: 'any other character outside base64, or one of those above that is not data',
    example: 'YW!JjYWJj',
    choices: [
      { does: 'is skipped' },
      { does: 'begins a new group of four', programs: AT_RANDOM },
      { does: 'ends the data', programs: AT_RANDOM },
      {
        does: 'is six bits that are set',
        // It decides about padding and about the end, too (the rows below).
        programs: 'VMime, where a `=` ends the data, and a last group that is not whole is dropped',
        combines: 'with none',
      },
    ],
  },
  'base64 padding': {
    place:
      'data after padding, or padding that does not complete a group of four; for VMime see `base64 with others`',
    example: 'YWJj=YQ==YWJj',
    choices: [
      { does: 'is skipped' },
      { does: 'begins a new group of four', programs: 'Gnus, JavaMail, Camel, Thunderbird' },
      { does: 'is six bits of zero', programs: AT_RANDOM },
      { does: 'ends the data', programs: "Python, mailparser, Ruby's mail" },
      {
        does: 'takes a byte from its group of four',
        programs: 'Thunderbird; the `=` are bits of zero, and a byte is left at least',
        combines: 'with none',
      },
    ],
    needsCommonSight: true,
    odd: 'base64',
  },
  'base64 line': {
    place: 'a line that ends inside a group of four',
    example: 'YWJ\njYWJj',
    choices: [{ does: 'goes on' }, { does: 'ends the group', programs: AT_RANDOM }],
    needsCommonSight: true,
  },
  'base64 end': {
    place: 'a last group that is not whole, padding included; for VMime see `base64 with others`',
    example: 'YWJjYWI',
    choices: [
      { does: 'is its whole bytes' },
      { does: 'is dropped', programs: 'GMime, mutt, Camel, Go, mime4j, VMime' },
      {
        does: 'is a byte at least',
        example: 'YWJjY',
        programs: 'libEtPan, Thunderbird',
        combines: 'with none',
      },
    ],
    combines: 'with one',
    needsCommonSight: true,
  },
  'quoted-printable escape': {
    place: 'a `=` in front of neither two digits nor a line end',
    example: 'a==41=4z= 1=4=\n1',
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
    combines: 'with none',
  },
  'quoted-printable soft break': {
    place: 'the `=` of a soft line break with blanks after it',
    example: 'a= \nb',
    choices: [{ does: 'is one' }, { does: 'is read as any other `=`', programs: AT_RANDOM }],
    odd: 'quoted-printable',
    combines: 'with none',
  },
  'quoted-printable last break': {
    place: 'a `=` and an LF at the very end',
    example: 'a=\n',
    choices: [{ does: 'are a soft line break' }, { does: 'stay', programs: 'Thunderbird 153' }],
    combines: 'with none',
  },
  'quoted-printable blanks': {
    place: 'blanks at the end of a line',
    example: 'a \nb',
    choices: [
      { does: 'stay' },
      { does: 'are removed', programs: 'those that keep to RFC 2045 6.7 rule 3' },
    ],
    combines: 'with none',
  },
  'quoted-printable CR': {
    place: 'a CR without an LF after it',
    example: 'a\rb',
    choices: [
      { does: 'stays' },
      { does: 'is removed', programs: AT_RANDOM },
      { does: 'ends a line', programs: "Ruby's mail, libEtPan, Thunderbird" },
      { does: 'ends a line, with the byte after it', programs: 'GNU mailutils' },
    ],
    combines: 'with none',
  },
  'quoted-printable NUL': {
    place: 'a NUL',
    example: 'a\0b',
    choices: [{ does: 'stays' }, { does: 'is removed', programs: 'Thunderbird' }],
    combines: 'with none',
  },
  'quoted-printable in UTF-8': {
    place: 'a character of UTF-8 above U+00FF',
    example: '\xc4\x80',
    choices: [{ does: 'is its bytes' }, { does: 'is its lowest byte', programs: AT_RANDOM }],
    // Some readers cut characters to a byte before they decode.
    combines: 'with all',
  },
  'uuencode line': {
    place:
      'a line that is longer or shorter than its first character declares, has other characters, or ends in a CR',
    choices: [
      { does: 'is data if it is not much longer' },
      {
        does: 'is data if it is not shorter, and in capitals',
        example: '#86)Ca\n',
        programs: 'MIME::Parser',
      },
      {
        does: 'is data if it is not shorter, and in capitals so far',
        example: '!04)\n" a)#\n',
        programs: AT_RANDOM,
        combines: 'with none',
      },
      {
        does: 'is data if it is as long, and in capitals',
        example: '#86)C1\n',
        programs: AT_RANDOM,
        combines: 'with none',
      },
      { does: 'is data', example: '#86)C12345\n', programs: AT_RANDOM },
      {
        does: 'is data, in capitals or not',
        example: '#86)c\n',
        programs: AT_RANDOM,
        combines: 'with none',
      },
      { does: 'is data up to its end', example: '#86)C86)C\n', programs: AT_RANDOM },
      {
        does: 'is data as far as it has whole groups of four',
        example: '#86)\n',
        programs: 'PHP mailparse',
        combines: 'with none',
      },
      {
        does: 'goes on in the next line',
        example: '#86)\n',
        programs: 'KMime',
        combines: 'with none',
      },
      {
        does: 'ends where it declares to',
        example: '#86)C1\n',
        programs: 'GMime, Camel',
        combines: 'with none',
      },
      {
        does: 'ends after 127 characters',
        example: `#86)C${' '.repeat(122)}#86)C\n`,
        programs: 'mutt, Gnus, PHP, Thunderbird',
        combines: 'with none',
      },
    ],
  },
  'uuencode padding': {
    place: 'a last group of four in which a line declares only one or two bytes',
    example: '"86)C\n',
    choices: [{ does: 'is not data' }, { does: 'is data', programs: AT_RANDOM }],
    combines: 'with one',
  },
  'uuencode end': {
    place: 'data after a line of zero bytes, or after `end`',
    example: '#86)C\n`\n#86)C\n',
    choices: [{ does: 'is none' }, { does: 'is data', programs: 'PHP, KMime, MIME::Parser' }],
  },
  'yEnc control character': {
    place: 'a NUL, or a CR without an LF after it',
    example: '\x8b\r\x8c',
    choices: [{ does: 'is data' }, { does: 'is skipped', programs: 'Thunderbird' }],
  },
  'armour field': {
    place: 'a line on top that looks like a field',
    example: 'A: YWJj\n\nZGVm',
    choices: [
      { does: 'is skipped', programs: 'GnuPG' },
      { does: 'is data', programs: 'gpgsm' },
    ],
  },
} as const satisfies Readonly<Record<string, HabitRow>>
