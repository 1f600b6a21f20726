import { SPACE, TAB } from '../../../base/bytes/ascii.ts'
import { LineSearch, withoutLineEnd } from '../../../base/bytes/lines.ts'
import type { Bytes } from '../../message/bytes.ts'
import { beginsAsHeader, isField, OTHER_LINES_MAX } from '../../message/field-line.ts'
import { LINES_PIECE, SEARCHED_PER_UNIT, type Steps, type Work } from '../budget/work.ts'

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

/** The units of work of a line, in addition to its bytes. */
const LINE_COST = 8

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
    units += LINE_COST + to - at
    at = to
    if (units < LINES_PIECE) continue
    yield* work.countUnits(units)
    units = 0
  }
  yield* work.countUnits(units)
  return false
}

/** Returns whether the source begins with the line of an mbox above a message. */
export function beginsAsMailbox(source: Bytes): boolean {
  return startOf(source).startsWith('From ')
}

/** The separator before each mail of a mailbox except the first: an empty line, and the mbox line. */
const MAIL_ENDS = ['\n\nFrom ', '\r\n\r\nFrom ']

/** The cost of a mail of a mailbox, in addition to its bytes, which may be seven. */
const MAIL_COST = 128

/** Finds where each mail of a mailbox begins but the first. Yields the units of work, also if nothing was found. */
export function* mailStarts(
  mailbox: Bytes,
): Generator<{ readonly at?: number; readonly units: number }> {
  const bytes = mailbox.gather()
  for (const end of MAIL_ENDS) {
    yield { units: bytes.length / SEARCHED_PER_UNIT }
    // One of the two ends of lines is that of the mailbox.
    const first = bytes.indexOf(end)
    for (let found = first; found >= 0; found = bytes.indexOf(end, found + 1))
      yield { at: found + end.length - 'From '.length, units: MAIL_COST }
    if (first >= 0) return
  }
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
