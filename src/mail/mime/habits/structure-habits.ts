import { AT_RANDOM, type HabitRow } from './habit-row.ts'

/**
 * The features of a message's structure that mail programs read differently. A reading (reader/reading.ts) asks
 * for a choice at each occurrence, and makes the same choice for each feature throughout. Steps for a further
 * quirk are in doc/development/reading-mail.md. The values of fields are read in headers/.
 */
export const structureHabits = {
  'bare CR': {
    place: 'a CR without an LF after it',
    choices: [
      { does: 'is a character like others' },
      { does: 'ends a line', programs: "Python's email, qmail-remote" },
    ],
  },
  'blank top': {
    place: 'empty lines above the header of a message',
    choices: [{ does: 'are skipped' }, { does: 'end an empty header', programs: AT_RANDOM }],
  },
  'empty line': {
    place: 'an empty line that ends differently from the lines above: CR LF after LF, or CR CR LF',
    choices: [
      { does: 'ends the header' },
      {
        does: 'is one more line of the header',
        programs: 'Email::Simple (it wants the same line end twice), GNU mailutils (LF alone)',
      },
    ],
  },
  'blank line': {
    place: 'a line of blanks or control characters in a header',
    choices: [
      { does: 'is one more line of the header', programs: '14 of 15 readers' },
      { does: 'ends the header', programs: 'libclamav' },
    ],
    odd: 'header',
  },
  'strange line': {
    place: 'a line in a header that is not a field and continues none',
    choices: [
      { does: 'is skipped' },
      { does: 'begins the body', programs: "Python's email" },
      { does: 'begins the body after eight of them', programs: AT_RANDOM },
      { does: 'ends the header of a part, and the body begins below it', programs: 'mutt' },
    ],
    odd: 'header',
  },
  'nameless line': {
    place: 'a line in a header that begins with a colon, or with From and a blank',
    choices: [
      { does: 'is skipped', programs: "Python's email, mutt" },
      { does: 'begins the body', programs: AT_RANDOM, combines: 'with one' },
    ],
    odd: 'header',
  },
  'field below header': {
    place: 'a first line of a body that begins like a field about content, or has base64 in it',
    choices: [
      { does: 'is that of the body', programs: 'all mail programs' },
      { does: 'is one more line of the header', programs: 'libclamav' },
    ],
  },
  'delimiter in header': {
    place: 'a delimiter among the lines of a header',
    choices: [
      { does: 'ends the header and its part' },
      { does: 'is one more line of the header', programs: AT_RANDOM },
    ],
  },
  delimiter: {
    place: 'a delimiter with blanks after it, or that fits another spelling of the boundary',
    choices: [{ does: 'is one' }, { does: 'is text', programs: AT_RANDOM }],
  },
  'delimiter and more': {
    place: 'a line that begins with a delimiter and goes on',
    choices: [
      { does: 'is one', programs: 'PHP mailparse, KMime; 5 of 15 readers' },
      { does: 'is text', programs: '10 of 15 readers' },
    ],
    odd: 'delimiter',
  },
  'any dashes': {
    place: 'a line of two dashes in a multipart whose boundary cannot be read',
    choices: [
      { does: 'is text' },
      { does: 'is a delimiter', programs: AT_RANDOM },
      {
        does: 'is a delimiter if nothing follows: the boundary is empty',
        programs: "Python's email, GMime, postal-mime, Email::MIME",
        combines: 'with one',
      },
      {
        does: 'is a delimiter if a blank follows: the boundary is a blank',
        programs: "GMime, postal-mime, Email::MIME, Ruby's mail",
        combines: 'with one',
      },
    ],
  },
  'dash front': {
    place:
      'blanks or up to two characters in front of a delimiter; any text in the lines above the first part',
    choices: [{ does: 'makes text of it' }, { does: 'is skipped', programs: 'enmime 0.9.3' }],
  },
  'outer delimiter': {
    place: 'a delimiter of a multipart around one that is not closed',
    choices: [
      { does: 'ends the multiparts inside' },
      { does: 'is text of the part inside', programs: AT_RANDOM },
    ],
  },
  'delimiter after the end': {
    place: 'a delimiter after the end of its multipart',
    choices: [
      { does: 'is text', programs: '13 of 15 readers' },
      { does: 'begins a part', programs: '2 of 15 readers' },
    ],
    odd: 'delimiter',
  },
  'text after the end': {
    place: 'text after the end of a multipart, a field in its first lines',
    choices: [
      { does: 'is text' },
      { does: 'is a part, and begins with its header', programs: "Ruby's mail" },
    ],
  },
  multipart: {
    place: 'a header that announces a multipart, but not as RFC 2046 writes it',
    choices: [
      { does: 'is that of a multipart' },
      { does: 'is that of a text or a file', programs: AT_RANDOM },
    ],
  },
  boundary: {
    place: 'a header with a boundary that announces something else than a multipart',
    choices: [
      { does: 'is that of what it announces' },
      { does: 'is that of a multipart', programs: AT_RANDOM, combines: 'with one' },
    ],
  },
  message: {
    place: 'a header that announces a message, but not as RFC 2046 writes it',
    choices: [
      { does: 'is that of a message' },
      { does: 'is that of a text or a file', programs: AT_RANDOM },
    ],
  },
} as const satisfies Readonly<Record<string, HabitRow>>
