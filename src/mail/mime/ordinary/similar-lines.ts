import { LF } from '../../../base/bytes/ascii.ts'
import { costs } from '../budget/costs.ts'
import type { Steps, Work } from '../budget/work.ts'

/** The bytes that are searched at a time. */
export const SEARCHED_AT_ONCE = 256 * 1024

/**
 * Lines that some program takes for a delimiter begin with a dash, or to libclamav with a comment, behind blanks. (An
 * attached message may have NULs, and CRs that end a line.) No boundary is longer than what is kept of them.
 */
const DASH_LINE = /(?:^|[\r\n])([ \t\0]{0,8}[-(][^\r\n]{0,300})/g

/**
 * Looks for a line that resembles a delimiter of these boundaries, and is none: it is one to some program, in other letters,
 * behind other characters, or with more at its end. So any that has the characters of a boundary in their order must be
 * exactly one of the `delimiters`. Returns whether the line found is a delimiter that `goes on`, or another one (`odd`).
 */
export function* similarLine(
  mail: Buffer,
  from: number,
  boundaries: readonly string[],
  delimiters: ReadonlySet<string>,
  work: Work,
): Steps<'goes on' | 'odd' | undefined> {
  for (let start = from; start < mail.length; ) {
    const to = windowEnd(mail, start)
    const window = mail.toString('latin1', start, to)
    for (const [, line] of window.matchAll(DASH_LINE) as Iterable<
      RegExpExecArray & [string, string]
    >) {
      yield* work.countUnits(costs.line + line.length * boundaries.length)
      const others = boundaries.filter(
        (boundary) => isSimilar(line, boundary) && !isDelimiter(line, boundary),
      )
      // A delimiter of another multipart is none of this one, unless a program finds one in the other.
      const isOwn = delimiters.has(line)
      if (!isOwn && others.some((boundary) => hasTextBehind(line, boundary))) return 'goes on'
      if (isOwn ? others.some((other) => holds(line, other)) : others.length > 0) return 'odd'
    }
    yield* work.countUnits(window.length)
    start = to
  }
  return undefined
}

/** Returns the end of a line that is about a window below an offset. */
function windowEnd(mail: Buffer, from: number): number {
  if (from + SEARCHED_AT_ONCE >= mail.length) return mail.length
  return mail.indexOf(LF, from + SEARCHED_AT_ONCE) + 1 || mail.length
}

function isDelimiter(line: string, boundary: string): boolean {
  return line === `--${boundary}` || line === `--${boundary}--`
}

/** Whether a line has all characters of a boundary in their order, in any letter case. */
function isSimilar(line: string, boundary: string): boolean {
  const letters = line.toLowerCase()
  let at = 0
  for (const character of boundary.toLowerCase()) {
    at = letters.indexOf(character, at) + 1
    if (at === 0) return false
  }
  return true
}

/** Whether a program may find a boundary in a delimiter of another: in any letter case, or without its comments. */
function holds(delimiter: string, boundary: string): boolean {
  return delimiter.includes('(') || delimiter.toLowerCase().includes(boundary.toLowerCase())
}

/** Whether a line begins with a delimiter and has more than blanks behind it. */
function hasTextBehind(line: string, boundary: string): boolean {
  const delimiter = `--${boundary}`
  return line.startsWith(delimiter) && !/^(?:--)?\s*$/.test(line.slice(delimiter.length))
}
