import { SPACE, TAB } from '../../../base/bytes/ascii.ts'
import { LineSearch, withoutLineEnd } from '../../../base/bytes/lines.ts'
import type { Bytes } from '../../message/bytes.ts'
import { beginsAsHeader, isField, OTHER_LINES_MAX } from '../../message/field-line.ts'
import { costs } from '../budget/costs.ts'
import { LINES_PIECE, type Steps, type Work } from '../budget/work.ts'

/** The bytes at the start of a file that show whether the file is mail. */
export const MAIL_START = 512

/** Returns whether libclamav may take the file for mail: it begins with a field. */
export function beginsAsMail(file: Bytes): boolean {
  return beginsAsHeader(startBehindBlanks(file))
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
export function isKnownAsMail(file: Bytes): boolean {
  const start = startOf(file)
  return firstFields.some((name) => start.startsWith(`${name}: `))
}

/** Upper limit for the bytes of an unannounced header. */
const UNANNOUNCED_MAX = 1024 * 1024

/**
 * Returns whether the source begins like the header of a message: with a field, and then an empty line within
 * MAIL_START bytes. The empty line may be further down, within UNANNOUNCED_MAX bytes, if all lines above it
 * look like a header. Some programs save the bytes after that line as a file.
 */
export function* hasHeader(source: Bytes, work: Work): Steps<boolean> {
  if (!beginsAsMail(source)) return false
  return (
    /\n\r?\n/.test(startBehindBlanks(source)) ||
    (yield* areFieldsEnded(source.gather(0, UNANNOUNCED_MAX), work))
  )
}

/** Returns whether fields come first, followed by an empty line. */
function* areFieldsEnded(source: Buffer, work: Work): Steps<boolean> {
  const lines = new LineSearch(source)
  let hasFields = false
  let others = 0
  let units = 0
  for (let at = 0; at < source.length && others <= OTHER_LINES_MAX; ) {
    const to = lines.any(at)
    const end = withoutLineEnd(source, at, to)
    const isFold = source[at] === SPACE || source[at] === TAB
    if (end === at && hasFields) return true
    hasFields ||= end > at
    if (isField(source, at, end)) others = 0
    else if (end > at && !isFold) others++
    units += costs.line + to - at
    at = to
    if (units < LINES_PIECE) continue
    yield* work.countUnits(units)
    units = 0
  }
  yield* work.countUnits(units)
  return false
}

/** How the line of a mailbox above each message begins (mbox, RFC 4155). */
export const MAILBOX_LINE = 'From '

/** Returns whether the source begins with such a line. */
export function beginsAsMailbox(source: Bytes): boolean {
  return startOf(source).startsWith(MAILBOX_LINE)
}

/** Upper limit for the blanks and empty lines above a header. */
const BLANKS_MAX = 64 * 1024

function startBehindBlanks(file: Bytes): string {
  const start = startOf(file).trimStart()
  if (start !== '' || file.size <= MAIL_START) return start
  return file.gather(0, BLANKS_MAX).toString('latin1').trimStart().slice(0, MAIL_START)
}

function startOf(file: Bytes): string {
  return file.gather(0, MAIL_START).toString('latin1')
}
