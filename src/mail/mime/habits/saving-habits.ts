import { type HabitRow, UNNAMED } from './habit-row.ts'

/**
 * The features of a decoded file that mail programs save differently (leaves/file-variant.ts). The file is saved once for
 * each choice, and for those that a program makes together. The rows have the order of the steps of a program.
 */
export const savingHabits = {
  'flowed line': {
    place: 'a text with DelSp (RFC 3676 4.1)',
    choices: [
      { does: 'stays' },
      { does: 'is joined to the next, without its last blank', programs: ['mutt', 'Thunderbird'] },
    ],
  },
  'stuffed line': {
    place: 'a line that begins with a blank, in format=flowed (RFC 3676 4.4)',
    choices: [{ does: 'stays' }, { does: 'loses the blank', programs: ['mutt'] }],
  },
  'line ends': {
    place: 'LF, CR LF or a CR alone in a file that is not in base64',
    choices: [
      { does: 'stay' },
      { does: 'are LF', programs: [UNNAMED] },
      { does: 'are CR LF', programs: [UNNAMED] },
      { does: 'are LF, and other CRs are removed', programs: [UNNAMED] },
      { does: 'are CR LF, and other CRs are removed', programs: [UNNAMED] },
    ],
  },
  'last line end': {
    place: 'the line end above a delimiter or at the end of the mail, below a file',
    choices: [
      { does: 'is not saved' },
      { does: 'is saved', programs: ['nmh', 'ripmime', UNNAMED] },
      { does: 'is not saved, nor is one above it', programs: ['KMime', UNNAMED] },
    ],
  },
} as const satisfies Readonly<Record<string, HabitRow>>
