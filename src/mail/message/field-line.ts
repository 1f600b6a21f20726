import { COLON, CR, LF, SPACE, TAB } from '../../base/bytes/ascii.ts'

/*
 * Which lines begin a field, from the strictest rule to the most lenient. What a rule accepts, the next one accepts, too.
 */

/** A name that all programs accept: that of RFC 5322 3.6.8, without parentheses, in which some programs see comments. */
export const STRICT_NAME = "[!-'*-9;-~]+"

/** Whether a text begins like a header to libclamav: with a field, perhaps with blanks above its colon, or a mailbox line. */
export function beginsAsHeader(text: string): boolean {
  return /^(?:>?From |[!-9;-~]+[ \t]*:)/.test(text)
}

/** Whether a line begins with a field to some program: with at most two words, perhaps behind blanks, and a colon. */
export function isField(bytes: ArrayLike<number>, from: number, end: number): boolean {
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

/** A line with a colon, behind an LF: any text may be the name of a field. */
export const LAXEST_FIELD = /\n[ \t]*[^\s:][^\n:]*:/

/** After more lines than this in a row that are not fields, the header has ended for some programs. */
export const OTHER_LINES_MAX = 8

/** Returns where the next line begins. */
export function endOfLine(text: string, from: number): number {
  const lf = text.indexOf('\n', from)
  return lf < 0 ? text.length : lf + 1
}

/** How the line of a mailbox above each message begins. */
export const MAILBOX_LINE = 'From '

/**
 * Returns whether the line at an offset is that of a mailbox above a message (mbox, RFC 4155). Programs pass over it, also
 * where it was quoted once.
 */
export function isMailboxLine(text: string, at = 0): boolean {
  return text.startsWith(MAILBOX_LINE, at) || text.startsWith('>From ', at)
}

/*
 * Which lines are empty, from the strictest rule to the most lenient. The first one ends a header.
 *
 * - In the header of a message, CR LF is an empty line only if the first line ends so, too (findHeaderEnd). To programs for
 *   mail in LF, a line of a CR is one of the header, and a forged field could hide below it.
 * - Elsewhere in a message, LF and CR LF are empty lines, whatever its other lines end in.
 * - The carver (mime/carver/body-starts.ts) takes any CRs above an LF for one line end, as it does below other lines, and
 *   tries bodies below blank lines: some program begins one there. Data that a field in a text announces begins below a line of
 *   blanks, too (mime/leaves/embedded-data.ts).
 */

/** How an empty line follows another line, by how the first line of the header ends. */
export const EMPTY_LINES = { '\n': ['\n\n'], '\r\n': ['\n\n', '\n\r\n'] } as const

/** Returns the length of the empty line that begins at an offset: LF, or CR LF (`isCrlf`); 0 if the line there is another one. */
export function emptyLineAt(bytes: ArrayLike<number>, at: number, isCrlf = true): number {
  if (bytes[at] === LF) return 1
  return isCrlf && bytes[at] === CR && bytes[at + 1] === LF ? 2 : 0
}

/**
 * Returns whether the line contains only blanks, control characters, and bytes that some programs treat as
 * blanks.
 */
export function isBlankLine(bytes: ArrayLike<number>, from: number, end: number): boolean {
  for (let at = from; at < end; at++) {
    const byte = bytes[at]!
    if (byte > SPACE && (byte < 0x7f || byte > 0xa0)) return false
  }
  return true
}

/** Returns whether libclamav takes the first line of a body that is not blank for one more of the header above. */
export function extendsHeader(body: string): boolean {
  return /^(?:content|filename=)|base64/i.test(body.trimStart().split('\n', 1)[0]!)
}
