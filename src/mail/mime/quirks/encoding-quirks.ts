import { type Quirk, UNNAMED } from './quirk.ts'

/**
 * Where mail programs decode content differently. A decoder (decoders/) asks for a choice
 * where it meets one. The content is decoded again for each program, with all of its choices.
 */
export const encodingQuirks = {
  /** A byte of 0x80 or more. */
  'base64 with eight bits': {
    example: 'YW\xd7JjYWJj',
    choices: [{ does: 'is not data' }, { does: 'loses its highest bit', programs: ['mailparser'] }],
  },
  /** `-`, `_` (RFC 4648 5) or `,` (RFC 3501 5.1.3). */
  'base64 of URLs': {
    example: 'YW-JjYWJj',
    choices: [{ does: 'is not data' }, { does: 'is data', programs: ['mailparser', 'mutt'] }],
  },
  /** Any other character outside base64, or one of those above that is not data; to PHP also VT, FF or NUL. */
  'base64 with others': {
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
  /** A blank, VT, FF or NUL. */
  'base64 blank': {
    example: 'YWJj YWJj',
    choices: [{ does: 'is skipped' }, { does: 'ends the data', programs: ['Go'] }],
  },
  /** Data after padding, or padding that does not complete a group of four; for VMime see `base64 with others`. */
  'base64 padding': {
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
    mustMeetFirst: true,
    oddity: 'base64',
  },
  /** A line that ends inside a group of four. */
  'base64 line': {
    example: 'YWJ\njYWJj',
    choices: [{ does: 'goes on' }, { does: 'ends the group', programs: ['uudeview'] }],
    mustMeetFirst: true,
  },
  /** A last group that is not whole, padding included; for VMime see `base64 with others`. */
  'base64 end': {
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
    mustMeetFirst: true,
  },
  /** A last group of one character, which has no whole byte. */
  'base64 last character': {
    example: 'YW Jj\nY',
    choices: [
      { does: 'is dropped' },
      { does: 'leaves all undecoded, without its line ends', programs: ['Python'] },
    ],
    mustMeetFirst: true,
  },
  /** A `=` with nothing or blanks behind it, at the end of the data. */
  'quoted-printable end': {
    example: 'a=',
    choices: [
      { does: 'is a soft line break' },
      { does: 'stays', programs: ['Email::MIME', 'MIME::Parser'] },
    ],
  },
  /** A `=` in front of neither two digits, a line end, nor the end of the data. */
  'quoted-printable escape': {
    example: 'a==41=4z= 1=4=\n1',
    choices: [
      { does: 'stays' },
      { does: 'is an escape, and other bytes are zeros', programs: ['libEtPan', 'VMime'] },
      { does: 'stays with the next two bytes', programs: ['Camel', 'GMime', 'PHP', 'Ruby'] },
      { does: 'stays as far as there is space in its line', programs: ['Thunderbird'] },
      { does: 'is an escape, of one digit if need be', programs: ['GNU mailutils'] },
      { does: 'stays with the next byte', programs: ['c-client'] },
      { does: 'is removed, with blanks after it', programs: ['Go', 'mime4j', 'nmh'] },
      { does: 'stays, without a `=` after it', programs: ['mime4j', 'Python'] },
      { does: 'may be in front of a soft line break and digits', programs: ['mailparser'] },
    ],
  },
  /** The `=` of a soft line break with blanks after it, also at the end of the data. */
  'quoted-printable soft break': {
    example: 'a= \nb',
    choices: [
      { does: 'is one' },
      { does: 'is read as any other `=`', programs: ['postal-mime', 'Python'] },
    ],
    oddity: 'quoted-printable',
  },
  /** A `=` and a CR without an LF after it. */
  'quoted-printable CR break': {
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
  /** Blanks at the end of a line, or in front of a CR without an LF after it. */
  'quoted-printable blanks': {
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
  /** A CR without an LF after it. */
  'quoted-printable CR': {
    example: 'a\rb',
    choices: [
      { does: 'stays' },
      { does: 'ends a line', programs: ['libEtPan', 'Ruby', 'Thunderbird'] },
      { does: 'ends a line, with the byte after it', programs: ['GNU mailutils'] },
    ],
  },
  /** A NUL. */
  'quoted-printable NUL': {
    example: 'a\0b',
    choices: [{ does: 'stays' }, { does: 'is removed', programs: ['Thunderbird'] }],
  },
  /** A character of UTF-8 above U+00FF. */
  'quoted-printable in UTF-8': {
    example: '\xc4\x80',
    choices: [{ does: 'is its bytes' }, { does: 'is its lowest byte', programs: ['mailparser'] }],
  },
  /** A line that is longer or shorter than its first character declares, has other characters, or ends in a CR. */
  'uuencode line': {
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
  /** Data after a line of zero bytes, or after `end`. */
  'uuencode end': {
    example: '#86)C\n`\n#86)C\n',
    choices: [
      { does: 'is none' },
      { does: 'is data', programs: ['KMime', 'MIME::Parser', 'PHP', UNNAMED] },
    ],
  },
  /** A line on top that looks like a field. */
  'armour field': {
    example: 'A: YWJj\n\nZGVm',
    choices: [
      { does: 'is skipped', programs: ['GnuPG'] },
      { does: 'is data', programs: ['gpgsm'] },
    ],
  },
} as const satisfies Readonly<Record<string, Quirk>>
