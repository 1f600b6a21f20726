import { type HabitRow, UNNAMED } from './habit-row.ts'

/**
 * The features of encoded content that mail programs decode differently. A decoder (decoders/) asks for a choice
 * where one occurs. The content is decoded again for each other choice, and for those that a program makes together.
 *
 * A file in base64 with a footer below it has some thirty readings.
 */
export const encodingHabits = {
  'base64 with eight bits': {
    place: 'a byte of 0x80 or more',
    example: 'YW\xd7JjYWJj',
    choices: [{ does: 'is not data' }, { does: 'loses its highest bit', programs: ['mailparser'] }],
  },
  'base64 of URLs': {
    place: '`-`, `_` (RFC 4648 5) or `,` (RFC 3501 5.1.3)',
    example: 'YW-JjYWJj',
    choices: [{ does: 'is not data' }, { does: 'is data', programs: ['mailparser', 'mutt'] }],
  },
  'base64 with others': {
    place:
      'any other character outside base64, or one of those above that is not data; to PHP also VT, FF or NUL',
    example: 'YW!JjYWJj',
    choices: [
      { does: 'is skipped' },
      { does: 'begins a new group of four', programs: ['uudeview'] },
      { does: 'ends the data', programs: ['Go', UNNAMED] },
      {
        does: 'is six bits that are set',
        // A `=` ends the data then, and a last group that is not whole is dropped.
        programs: ['VMime'],
      },
      { does: 'ends the data, and is a byte of ones', programs: ['PHP'] },
    ],
  },
  'base64 blank': {
    place: 'a blank, VT, FF or NUL',
    example: 'YWJj YWJj',
    choices: [{ does: 'is skipped' }, { does: 'ends the data', programs: ['Go'] }],
  },
  'base64 padding': {
    place:
      'data after padding, or padding that does not complete a group of four; for VMime see `base64 with others`',
    example: 'YWJj=YQ==YWJj',
    choices: [
      { does: 'is skipped' },
      {
        does: 'begins a new group of four',
        programs: ['Camel', 'Gnus', 'JavaMail', 'postal-mime', 'Thunderbird', 'uudeview'],
      },
      {
        does: 'ends the data',
        programs: ['GMime', 'GNU mailutils', 'Go', 'mailparser', UNNAMED],
      },
      {
        does: 'ends the data behind two or three characters of a group',
        example: 'YWJj=YQ=YWJj',
        programs: ['Ruby'],
      },
      {
        does: 'ends the data if it completes a group',
        example: 'YW=JjYQ==YWJj',
        programs: ['Python'],
      },
      {
        does: 'takes a byte from its group of four',
        // The `=` are bits of zero, and a byte is left at least.
        programs: ['Thunderbird'],
      },
    ],
    needsCommonSight: true,
    odd: 'base64',
  },
  'base64 line': {
    place: 'a line that ends inside a group of four',
    example: 'YWJ\njYWJj',
    choices: [{ does: 'goes on' }, { does: 'ends the group', programs: ['uudeview'] }],
    needsCommonSight: true,
  },
  'base64 end': {
    place: 'a last group that is not whole, padding included; for VMime see `base64 with others`',
    example: 'YWJjYWI',
    choices: [
      { does: 'is its whole bytes' },
      {
        does: 'is dropped',
        programs: ['Camel', 'GMime', 'Go', 'mime4j', 'mutt', 'VMime', UNNAMED],
      },
      {
        does: 'is a byte at least',
        example: 'YWJjY',
        programs: ['libEtPan', 'Thunderbird'],
      },
    ],
    needsCommonSight: true,
  },
  'base64 last character': {
    place: 'a last group of one character, which has no whole byte',
    example: 'YW Jj\nY',
    choices: [
      { does: 'is dropped' },
      { does: 'leaves all undecoded, without its line ends', programs: ['Python'] },
    ],
    needsCommonSight: true,
  },
  'quoted-printable escape': {
    place: 'a `=` in front of neither two digits nor a line end',
    example: 'a==41=4z= 1=4=\n1',
    choices: [
      { does: 'stays' },
      { does: 'is an escape, and other bytes are zeros', programs: ['libEtPan', 'VMime'] },
      { does: 'stays with the next two bytes', programs: ['Camel', 'GMime', 'PHP', 'Ruby'] },
      { does: 'stays as far as there is space in its line', programs: ['Thunderbird'] },
      { does: 'is an escape, of one digit if need be', programs: ['GNU mailutils'] },
      { does: 'stays with the next byte', programs: ['c-client'] },
      { does: 'is removed, with blanks after it', programs: ['Go', 'mailparser', 'mime4j', 'nmh'] },
      { does: 'stays, without a `=` after it', programs: ['mime4j', 'Python'] },
      { does: 'may be in front of a soft line break and digits', programs: ['mailparser'] },
    ],
  },
  'quoted-printable soft break': {
    place: 'the `=` of a soft line break with blanks after it',
    example: 'a= \nb',
    choices: [
      { does: 'is one' },
      { does: 'is read as any other `=`', programs: ['postal-mime', 'Python'] },
    ],
    odd: 'quoted-printable',
  },
  'quoted-printable CR break': {
    place: 'a `=` and a CR without an LF after it',
    example: 'a=\rb\nc',
    choices: [
      { does: 'are a soft line break', programs: ['PHP', 'Ruby'] },
      {
        does: 'are text like others',
        programs: ['Email::MIME', 'GMime', 'mailparser', 'MIME::Parser', 'mutt', 'postal-mime'],
      },
      { does: 'hide the rest of the line', programs: ['Python', 'reformime'] },
    ],
  },
  'quoted-printable last break': {
    place: 'a `=` and an LF at the very end',
    example: 'a=\n',
    choices: [{ does: 'are a soft line break' }, { does: 'stay', programs: ['Thunderbird'] }],
  },
  'quoted-printable blanks': {
    place: 'blanks at the end of a line, or in front of a CR without an LF after it',
    example: 'a \nb',
    choices: [
      { does: 'stay' },
      {
        does: 'are removed',
        programs: ['c-client', 'Email::MIME', 'GNU mailutils', 'Go', 'MIME::Parser'],
      },
      {
        does: 'are removed, also in front of a CR',
        example: 'a \rb',
        programs: ['mailparser'],
      },
    ],
  },
  'quoted-printable CR': {
    place: 'a CR without an LF after it',
    example: 'a\rb',
    choices: [
      { does: 'stays' },
      { does: 'is removed', programs: ['KMime'] },
      { does: 'ends a line', programs: ['libEtPan', 'Ruby', 'Thunderbird'] },
      { does: 'ends a line, with the byte after it', programs: ['GNU mailutils'] },
    ],
  },
  'quoted-printable NUL': {
    place: 'a NUL',
    example: 'a\0b',
    choices: [{ does: 'stays' }, { does: 'is removed', programs: ['Thunderbird'] }],
  },
  'quoted-printable in UTF-8': {
    place: 'a character of UTF-8 above U+00FF',
    example: '\xc4\x80',
    choices: [{ does: 'is its bytes' }, { does: 'is its lowest byte', programs: ['mailparser'] }],
  },
  'uuencode line': {
    place: 'a line that is not as long as it declares, has other characters, or ends in a CR',
    choices: [
      { does: 'is data if it is not much longer' },
      {
        does: 'is data if it is not shorter, and in capitals',
        example: '#86)Ca\n',
        programs: ['MIME::Parser'],
      },
      {
        does: 'is data if it is as long, and in capitals',
        example: '#86)C1\n',
        programs: [UNNAMED],
      },
      {
        does: 'is data as far as it has whole groups of four',
        example: '#86)\n',
        programs: ['PHP'],
      },
      {
        does: 'goes on in the next line',
        example: '#86)\n',
        programs: ['KMime'],
      },
      {
        does: 'ends where it declares to',
        example: '#86)C1\n',
        programs: ['Camel', 'GMime'],
      },
      {
        does: 'ends after 127 characters',
        example: `#86)C${' '.repeat(122)}#86)C\n`,
        programs: ['Gnus', 'mutt', 'PHP', 'Thunderbird'],
      },
    ],
  },
  'uuencode end': {
    place: 'data after a line of zero bytes, or after `end`',
    example: '#86)C\n`\n#86)C\n',
    choices: [
      { does: 'is none' },
      { does: 'is data', programs: ['KMime', 'MIME::Parser', 'PHP', UNNAMED] },
    ],
  },
  'yEnc control character': {
    place: 'a NUL, or a CR without an LF after it',
    example: '\x8b\r\x8c',
    choices: [{ does: 'is data' }, { does: 'is skipped', programs: ['Thunderbird'] }],
  },
  'armour field': {
    place: 'a line on top that looks like a field',
    example: 'A: YWJj\n\nZGVm',
    choices: [
      { does: 'is skipped', programs: ['GnuPG'] },
      { does: 'is data', programs: ['gpgsm'] },
    ],
  },
} as const satisfies Readonly<Record<string, HabitRow>>
