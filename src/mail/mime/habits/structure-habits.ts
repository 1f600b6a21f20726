import { type HabitRow, UNNAMED } from './habit-row.ts'

/** The choices for an empty line that ends otherwise than the lines above it. */
const ENDS_OR_GOES_ON = {
  choices: [
    { does: 'ends the header' },
    {
      does: 'is one more line of the header',
      // Email::Simple wants the same line end twice, GNU mailutils LF alone.
      programs: ['Email::MIME', 'GNU mailutils', UNNAMED],
    },
  ],
} as const satisfies HabitRow

/** The choices for a line that differs from the delimiter in one way. Many programs allow for some of these ways. */
const IS_ONE_OR_TEXT = {
  choices: [{ does: 'is one' }, { does: 'is text', programs: [UNNAMED] }],
} as const satisfies HabitRow

/** The choices for a line that begins as a delimiter does. */
const IS_ONE_AND_MORE = {
  choices: [
    { does: 'is one', programs: ['KMime', 'PHP'] },
    { does: 'is text', programs: [UNNAMED] }, // 10 of 15 readers
  ],
  odd: 'delimiter',
} as const satisfies HabitRow

/**
 * The features of a message's structure that mail programs read differently. A reading (reader/reading.ts) asks
 * for a choice at each occurrence, and makes the same choice for each feature throughout. So a feature is one thing that a
 * program distinguishes from all others: what two programs may decide differently are two rows. Steps for a further quirk are
 * in doc/development/reading-mail.md. The values of fields are read in headers/.
 */
export const structureHabits = {
  /** A CR without an LF after it. */
  'bare CR': {
    choices: [
      { does: 'is a character like others' },
      { does: 'ends a line', programs: ['Python', 'qmail-remote', UNNAMED] },
    ],
  },
  /** Empty lines above the header of a message. */
  'blank top': {
    choices: [
      { does: 'are skipped', programs: ['c-client', 'Ruby'] },
      {
        does: 'end an empty header',
        programs: [
          'Camel',
          'GMime',
          'GNU mailutils',
          'JavaMail',
          'KMime',
          'libEtPan',
          'mailparser',
          'mime4j',
          'MIME::Parser',
          'mutt',
          'nmh',
          'PHP',
          'postal-mime',
          'Python',
          'reformime',
          'Thunderbird',
          'VMime',
        ],
      },
    ],
  },
  /** An empty line that ends in CR LF, below a line that does not. */
  'empty line': ENDS_OR_GOES_ON,
  /** An empty line that ends in CR CR LF. */
  'empty line with CRs': ENDS_OR_GOES_ON,
  /** A line of blanks or control characters in a header. */
  'blank line': {
    choices: [
      { does: 'is one more line of the header' }, // 14 of 15 readers
      { does: 'ends the header', programs: ['libclamav', UNNAMED] },
    ],
    odd: 'header',
  },
  /** A line in a header that is not a field and continues none. */
  'strange line': {
    choices: [
      { does: 'is skipped' },
      { does: 'begins the body', programs: ['Python', UNNAMED] },
      {
        does: 'begins the body of a mail, or ends the header of a part if it has no colon',
        programs: ['mutt'],
      },
    ],
    odd: 'header',
  },
  /** A line in a header that begins with a colon, or with From and a blank. */
  'nameless line': {
    choices: [
      { does: 'is skipped', programs: ['Python'] },
      { does: 'begins the body', programs: ['munpack', 'mutt', 'reformime'] },
    ],
    odd: 'header',
  },
  /** A first line of a body that begins like a field about content, or has base64 in it. */
  'field below header': {
    choices: [
      { does: 'is that of the body' },
      { does: 'is one more line of the header', programs: ['libclamav', UNNAMED] },
    ],
  },
  /** A delimiter among the lines of a header. */
  'delimiter in header': {
    choices: [
      { does: 'ends the header and its part' },
      { does: 'is one more line of the header', programs: [UNNAMED] },
    ],
  },
  /** A delimiter of the multipart that the header itself announces, among its lines. */
  'own delimiter in header': {
    choices: [
      { does: 'ends the header' },
      { does: 'is one more line of the header', programs: [UNNAMED] },
    ],
  },
  /** A delimiter with blanks after it. */
  'delimiter and blanks': IS_ONE_OR_TEXT,
  /** A delimiter with blanks between its dashes and the boundary. */
  'delimiter with blanks': IS_ONE_OR_TEXT,
  /** A delimiter with NULs in it. */
  'delimiter with NULs': IS_ONE_OR_TEXT,
  /** A delimiter whose letters are capital where those of the boundary are small, or small where they are capital. */
  'delimiter in other letters': IS_ONE_OR_TEXT,
  /** A delimiter of a multipart whose header may be read to name several boundaries, by the place of that one. */
  'delimiter of the first boundary': IS_ONE_OR_TEXT,
  'delimiter of the second boundary': IS_ONE_OR_TEXT,
  'delimiter of the third boundary': IS_ONE_OR_TEXT,
  'delimiter of one more boundary': IS_ONE_OR_TEXT,
  /** A line that begins with a delimiter, and goes on with a blank and more. */
  'delimiter, a blank and more': IS_ONE_AND_MORE,
  /** A line that begins with the last delimiter of a multipart, and goes on. */
  'last delimiter and more': IS_ONE_AND_MORE,
  /** A line that begins with a delimiter, and goes on with anything else. */
  'delimiter and more': IS_ONE_AND_MORE,
  /** A line of two dashes in a multipart whose boundary cannot be read. */
  'any dashes': {
    choices: [
      { does: 'is text' },
      { does: 'is a delimiter if it is like the first', programs: ['JavaMail', 'VMime'] },
      { does: 'is a delimiter if it is three dashes', programs: ['c-client'] },
      {
        does: 'is a delimiter if nothing follows: the boundary is empty',
        programs: ['Email::MIME', 'GMime', 'postal-mime', 'Python'],
      },
      {
        does: 'is a delimiter if a blank follows: the boundary is a blank',
        programs: ['Email::MIME', 'GMime', 'postal-mime', 'Ruby'],
      },
    ],
  },
  /** A delimiter of a multipart around one that is not closed. */
  'outer delimiter': {
    choices: [
      { does: 'ends the multiparts inside' },
      { does: 'is text of the part inside', programs: [UNNAMED] },
    ],
  },
  /** A delimiter after the end of its multipart. */
  'delimiter after the end': {
    choices: [
      { does: 'is text' },
      { does: 'begins a part', programs: ['Gnus', 'libEtPan', 'Ruby', UNNAMED] },
    ],
    odd: 'delimiter',
  },
  /** Text after the end of a multipart, a field in its first lines. */
  'text after the end': {
    choices: [
      { does: 'is text' },
      { does: 'is a part, and begins with its header', programs: ['Ruby', UNNAMED] },
    ],
  },
  /** A header that announces a multipart, but not as RFC 2046 writes it. */
  multipart: {
    choices: [
      { does: 'is that of a multipart' },
      {
        does: 'is that of a text or a file',
        programs: [
          'Camel',
          'Email::MIME',
          'GMime',
          'GNU mailutils',
          'Gnus',
          'JavaMail',
          'KMime',
          'libEtPan',
          'mime4j',
          'munpack',
          'mutt',
          'PHP',
          'postal-mime',
          'Python',
          'reformime',
          'Ruby',
          'Thunderbird',
          UNNAMED,
        ],
      },
    ],
  },
  /** A header with a boundary that announces something else than a multipart. */
  boundary: {
    choices: [
      { does: 'is that of what it announces' },
      {
        does: 'is that of a multipart',
        programs: [
          'GMime',
          'libclamav',
          'mailparser',
          'munpack',
          'mutt',
          'PHP',
          'reformime',
          'ripmime',
          'Ruby',
          UNNAMED,
        ],
      },
    ],
  },
} as const satisfies Readonly<Record<string, HabitRow>>
