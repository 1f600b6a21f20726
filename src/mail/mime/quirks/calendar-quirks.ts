import type { Program, Quirk } from './quirk.ts'

/** Programs that read calendars. Random calendars show that one of them makes each choice. */
const PROGRAMS: readonly Program[] = ['icalendar', 'libical', 'vobject']

/** Where programs read the lines of calendars and cards differently (containers/calendar.ts). */
export const calendarQuirks = {
  /** A CR without an LF after it. */
  'calendar CR': {
    choices: [{ does: 'ends a line' }, { does: 'is a blank', programs: PROGRAMS }],
  },
  /** A line that begins with a blank, below an empty line. */
  'calendar fold': {
    choices: [
      { does: 'is a property' },
      { does: 'goes on with the line above', programs: PROGRAMS },
    ],
  },
  /** A value in quoted-printable whose line ends in `=`, as in vCard 2.1. */
  'calendar soft break': {
    choices: [
      { does: 'goes on in the next line' },
      { does: 'ends with its line', programs: PROGRAMS },
    ],
  },
} as const satisfies Readonly<Record<string, Quirk>>
