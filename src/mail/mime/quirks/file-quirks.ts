import { type Program, type Quirk, UNNAMED } from './quirk.ts'

/**
 * Where mail programs save a decoded file differently (leaves/file-variant.ts). The file is saved once for
 * each choice, and for those that a program makes together. The rows have the order of the steps of a program.
 */
export const savingQuirks = {
  /** A text with DelSp (RFC 3676 4.1). */
  'flowed line': {
    choices: [
      { does: 'stays' },
      { does: 'is joined to the next, without its last blank', programs: ['mutt', 'Thunderbird'] },
    ],
  },
  /** A line that begins with a blank, in format=flowed (RFC 3676 4.4). */
  'stuffed line': {
    choices: [{ does: 'stays' }, { does: 'loses the blank', programs: ['mutt'] }],
  },
  /** LF, CR LF or a CR alone in a file that is not in base64. */
  'line ends': {
    choices: [
      { does: 'stay' },
      { does: 'are LF', programs: [UNNAMED] },
      { does: 'are CR LF', programs: [UNNAMED] },
      { does: 'are LF, and other CRs are removed', programs: [UNNAMED] },
      { does: 'are CR LF, and other CRs are removed', programs: [UNNAMED] },
    ],
  },
  /** The line end above a delimiter or at the end of the mail, below a file. */
  'last line end': {
    choices: [
      { does: 'is not saved' },
      { does: 'is saved', programs: ['nmh', 'ripmime', UNNAMED] },
      { does: 'is not saved, nor is one above it', programs: ['KMime', UNNAMED] },
    ],
  },
} as const satisfies Readonly<Record<string, Quirk>>

/** Random calendars show that one of them makes each choice. */
const READERS: readonly Program[] = ['icalendar', 'libical', 'vobject']

/** Where programs read the lines of calendars and cards differently (containers/calendar.ts). */
export const calendarQuirks = {
  /** A CR without an LF after it. */
  'calendar CR': {
    choices: [{ does: 'ends a line' }, { does: 'is a blank', programs: READERS }],
  },
  /** A line that begins with a blank, below an empty line. */
  'calendar fold': {
    choices: [
      { does: 'is a property' },
      { does: 'goes on with the line above', programs: READERS },
    ],
  },
  /** A value in quoted-printable whose line ends in `=`, as in vCard 2.1. */
  'calendar soft break': {
    choices: [
      { does: 'goes on in the next line' },
      { does: 'ends with its line', programs: READERS },
    ],
  },
} as const satisfies Readonly<Record<string, Quirk>>
