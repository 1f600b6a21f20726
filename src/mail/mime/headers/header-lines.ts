import { COLON, SPACE, TAB } from '../../../base/bytes/ascii.ts'

/** After more lines than this in a row that are not fields, the header has ended for some programs. */
export const OTHER_LINES_MAX = 8

/**
 * Returns whether the line begins with a name and a colon. The name has at most two words, and blanks may
 * precede it.
 */
export function isField(bytes: Buffer, from: number, end: number): boolean {
  let blanks = 0
  let at = from
  while (at < end && (bytes[at] === SPACE || bytes[at] === TAB)) at++
  if (at === end || bytes[at] === COLON) return false
  for (; at < end; at++) {
    const byte = bytes[at]!
    if (byte === COLON) return true
    if (byte === SPACE || byte === TAB) blanks++
    if (blanks > 1) return false
  }
  return false
}

/**
 * Returns whether the line is that of a mailbox above a message (mbox, RFC 4155). Programs pass over it, also where it was
 * quoted once.
 */
export function isMailboxLine(bytes: Buffer, from: number): boolean {
  return /^>?From /.test(bytes.toString('latin1', from, from + 6))
}

/**
 * Returns whether the line contains only blanks, control characters, and bytes that some programs treat as
 * blanks.
 */
export function isBlankLine(bytes: Buffer, from: number, end: number): boolean {
  for (let at = from; at < end; at++) {
    const byte = bytes[at]!
    if (byte > SPACE && (byte < 0x7f || byte > 0xa0)) return false
  }
  return true
}
