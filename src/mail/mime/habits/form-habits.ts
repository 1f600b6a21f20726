import { AT_RANDOM, type HabitRow } from './habit-row.ts'

/**
 * The features of a decoded file that mail programs save differently (leaves/file-form.ts). The file is saved once for
 * each choice, and for all choices together. The rows have the order of the steps of a program.
 */
export const formHabits = {
  'flowed line': {
    place: 'a text with DelSp (RFC 3676 4.1)',
    choices: [
      { does: 'stays' },
      { does: 'is joined to the next, without its last blank', programs: 'Thunderbird, mutt' },
    ],
    combines: 'with none',
  },
  'stuffed line': {
    place: 'a line that begins with a blank, in format=flowed (RFC 3676 4.4)',
    choices: [{ does: 'stays' }, { does: 'loses the blank', programs: 'mutt' }],
    combines: 'with none',
  },
  'line ends': {
    place: 'LF, CR LF or a CR alone in a file that is not in base64',
    choices: [
      { does: 'stay' },
      { does: 'are LF', programs: AT_RANDOM },
      { does: 'are CR LF', programs: AT_RANDOM },
      { does: 'are LF, and other CRs are removed', programs: AT_RANDOM },
      { does: 'are CR LF, and other CRs are removed', programs: AT_RANDOM },
    ],
  },
  'last line end': {
    place: 'the line end above a delimiter or at the end of the mail, below a file',
    choices: [
      { does: 'is not saved' },
      { does: 'is saved', programs: 'ripmime, nmh' },
      { does: 'is not saved, nor is one above it', programs: 'KMime, from quoted-printable' },
    ],
  },
} as const satisfies Readonly<Record<string, HabitRow>>
