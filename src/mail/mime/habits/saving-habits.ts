import { type HabitRow, UNNAMED } from './habit-row.ts'

/**
 * The features of a decoded file that mail programs save differently (leaves/file-variant.ts). The file is saved once for
 * each choice, and for those that a program makes together. The rows have the order of the steps of a program.
 */
export const savingHabits = {
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
} as const satisfies Readonly<Record<string, HabitRow>>
