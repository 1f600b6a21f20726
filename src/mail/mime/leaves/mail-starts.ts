import type { Bytes } from '../../message/bytes.ts'
import { beginsAsHeader } from '../../message/field-line.ts'
import type { Steps, Work } from '../budget/work.ts'

/*
 * Whether bytes begin like a message. Each rule is for another reader. The stricter ones come first:
 *
 * - isMailToLibclamav: each libclamav takes a file for mail that begins with one of eight fields. A message that does not is emitted as mail.
 * - fileKindOf (file-kind.ts): mail has a field about content, or two other fields of mail. Only then is a file opened as a
 *   message, because many texts begin with a word and a colon, and some with `Date:`. The name of its first field may have two words.
 * - beginsAsMail: some libclamav may take a file for mail that begins with any field, if its name has no blanks.
 * - #beginsHeader (carver/body-starts.ts): the same of a place in an odd mail, where NULs may be in front, too.
 *
 * Two questions are others: hasContentField (file-kind.ts) is about any line near the beginning, and extendsHeader
 * (message/field-line.ts) is about a body, in which libclamav may read on in the header above.
 */

/** The bytes at the start of a file that show whether the file is mail. */
export const MAIL_START = 512

/** Upper limit for the blanks and empty lines above a header. */
const SKIPPED_MAX = 64 * 1024

/** Returns whether libclamav may take the file for mail: it begins with a field. */
export function* beginsAsMail(file: Bytes, work: Work): Steps<boolean> {
  const start = (yield* work.front(file, MAIL_START)).trimStart()
  if (start !== '' || file.size <= MAIL_START) return beginsAsHeader(start)
  const below = (yield* work.front(file, SKIPPED_MAX)).trimStart()
  return beginsAsHeader(below.slice(0, MAIL_START))
}

/** The fields that most mail begins with. Scanners recognize mail by its first field, in this spelling, libclamav by these. */
export const firstFields = [
  'Received',
  'Return-Path',
  'Delivered-To',
  'From',
  'Date',
  'Subject',
  'Message-ID',
  'To',
] as const

/** Returns whether each libclamav recognizes the unchanged file as mail (filetypes_int.h). */
export function* isMailToLibclamav(file: Bytes, work: Work): Steps<boolean> {
  const start = yield* work.front(file, MAIL_START)
  return firstFields.some((name) => start.startsWith(`${name}: `))
}
