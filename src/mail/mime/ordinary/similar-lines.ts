import { LF } from '../../../base/bytes/ascii.ts'

/** The bytes that are searched at a time. */
export const SEARCHED_AT_ONCE = 256 * 1024

/**
 * Lines that some program takes for a delimiter begin with a dash, or to libclamav with a comment, behind blanks. No
 * boundary is longer than what is kept of them.
 */
const DASH_LINE = /(?:^|\n)([ \t]{0,8}[-(][^\n]{0,300})/g

/**
 * Yields the lines from an offset on that begin like a delimiter, in latin1 without their ends. Also yields the units of
 * work that are done, as numbers.
 */
export function* similarLinesFrom(mail: Buffer, from: number): Generator<number | string> {
  for (let start = from; start < mail.length; ) {
    const to = windowEnd(mail, start)
    const window = mail.toString('latin1', start, to)
    for (const found of window.matchAll(DASH_LINE)) yield found[1]!.replace(/\r$/, '')
    yield window.length
    start = to
  }
}

/** Returns the end of a line that is about a window below an offset. */
function windowEnd(mail: Buffer, from: number): number {
  if (from + SEARCHED_AT_ONCE >= mail.length) return mail.length
  return mail.indexOf(LF, from + SEARCHED_AT_ONCE) + 1 || mail.length
}

/** Whether a line has all characters of a boundary in their order, in any letter case. */
export function isSimilar(line: string, boundary: string): boolean {
  const letters = line.toLowerCase()
  let at = 0
  for (const character of boundary.toLowerCase()) {
    at = letters.indexOf(character, at) + 1
    if (at === 0) return false
  }
  return true
}
