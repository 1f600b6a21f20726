import { LF } from '../../../base/bytes/ascii.ts'
import { costs, SEARCHED_PER_UNIT } from '../budget/costs.ts'
import type { Steps, Work } from '../budget/work.ts'
import type { OrdinaryParts } from './ordinary-parts.ts'

/** Boundaries of these lengths are compared whole by all programs, and are not in a line by chance. */
export const BOUNDARY_MIN = 8
export const BOUNDARY_MAX = 70

/** The bytes that are searched at a time. */
export const SEARCHED_AT_ONCE = 256 * 1024

/** A multipart of an ordinary message: its boundary, and where its body begins. */
export interface Multipart {
  readonly boundary: string
  readonly from: number
}

/** Upper limit for what follows a boundary in a delimiter. */
const LINE_END_MAX = 5

/** Returns the next exact delimiter from an offset on, up to `to`. */
export function nextDelimiter(bytes: Buffer, boundary: string, from: number, to: number) {
  const mail = bytes.subarray(0, to)
  const dashes = `--${boundary}`
  for (let at = mail.indexOf(dashes, from); at >= 0; at = mail.indexOf(dashes, at + 1)) {
    if (at > 0 && mail[at - 1] !== LF) continue
    const below = at + dashes.length
    const end = mail.indexOf(LF, below) + 1 || to
    const line = mail.toString('latin1', below, Math.min(end, below + LINE_END_MAX))
    if (/^(?:--)?\r?\n?$/.test(line)) return { at, to: end, closes: line.startsWith('--') }
  }
  return undefined
}

/**
 * Lines that some program takes for a delimiter begin with a dash, or to libclamav with a comment, behind blanks. (An
 * attached message may have NULs, and CRs that end a line.) No boundary is longer than what is kept of them.
 */
const DASH_LINE = /(?:^|[\r\n])([ \t\0]{0,8}[-(][^\r\n]{0,300})/g

/**
 * Looks for a line that resembles a delimiter of these multiparts, and is none: it is one to some program, in other letters,
 * behind other characters, or with more at its end. So any that has the characters of a boundary in their order must be
 * exactly a delimiter, at one of the offsets `known` if of another multipart. Returns whether the line found is a delimiter
 * that `goes on`, or is `similar`.
 */
export function* similarLine(
  mail: Buffer,
  multiparts: readonly Multipart[],
  known: ReadonlySet<number>,
  work: Work,
): Steps<'goes on' | 'similar' | undefined> {
  const boundaries = multiparts.map(({ boundary }) => boundary)
  for (let start = multiparts[0]?.from ?? mail.length; start < mail.length; ) {
    const to = windowEnd(mail, start)
    const window = mail.toString('latin1', start, to)
    for (const { index, 0: found, 1: line = '' } of window.matchAll(DASH_LINE)) {
      yield* work.countUnits(costs.line + line.length * boundaries.length)
      const others = boundaries.filter(
        (boundary) => isSimilar(line, boundary) && !isDelimiter(line, boundary),
      )
      if (others.length === 0) continue
      // A delimiter of another multipart is none of this one, unless a program finds one in the other.
      const isKnown = known.has(start + index + found.length - line.length)
      if (!isKnown && others.some((boundary) => hasTextBehind(line, boundary))) return 'goes on'
      if (!isKnown || others.some((boundary) => holds(line, boundary))) return 'similar'
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

/** Whether a delimiter is within a line: some programs find it there, above the first part or behind a few characters. */
export function* hasDelimiterInLine(
  mail: Buffer,
  multiparts: readonly Multipart[],
  work: Work,
): Steps<boolean> {
  for (const { boundary, from } of multiparts) {
    const words = Buffer.from(`--${boundary}`)
    for (let at = mail.indexOf(words, from); at >= 0; at = mail.indexOf(words, at + 1)) {
      yield* work.countUnits(words.length)
      if (mail[at - 1] !== LF && at > 0) return true
    }
    yield* work.countUnits((mail.length - from) / SEARCHED_PER_UNIT)
  }
  return false
}

/** Upper limit for what is in front of a delimiter, for some program. */
const IN_FRONT_MAX = 3

/**
 * Whether a delimiter of a multipart is also below the part or message that the multipart is in: some program (ripmime) finds
 * it there. It finds the same parts at the delimiters of ordinary multiparts, and in odd messages.
 */
export function* hasDelimiterBelow(
  mail: Buffer,
  { boundaries, delimitersAt, odd }: OrdinaryParts,
  work: Work,
): Steps<boolean> {
  const searched = new Map<string, number>()
  let from = mail.length
  for (const { boundary, below } of boundaries) {
    const delimiter = `--${beginningOf(boundary)}`
    searched.set(delimiter, Math.min(below, searched.get(delimiter) ?? below))
    from = Math.min(from, below)
  }
  if (from === mail.length) return false
  const lengths = new Set([...searched.keys()].map(({ length }) => length))
  const ranges = odd.values()
  let range = ranges.next().value
  let [lineAt, lineEnd] = [from, mail.indexOf(LF, from)]
  for (let at = mail.indexOf('--', from); at >= 0; at = mail.indexOf('--', at + 1)) {
    yield* work.countUnits(costs.line * lengths.size)
    while (range && range.to <= at) range = ranges.next().value
    if (range && range.from <= at) continue
    for (; lineEnd >= 0 && lineEnd < at; lineEnd = mail.indexOf(LF, lineAt)) lineAt = lineEnd + 1
    if (delimitersAt.has(lineAt)) continue
    const text = mail.toString('latin1', at, at + 2 + BOUNDARY_MAX).toLowerCase()
    for (const length of lengths) {
      const below = searched.get(text.slice(0, length))
      const isNear = at - lineAt <= IN_FRONT_MAX
      if (below !== undefined && below <= at && (isNear || length >= BOUNDARY_MIN)) return true
    }
  }
  yield* work.countUnits((mail.length - from) / SEARCHED_PER_UNIT)
  return false
}

/** Returns what is searched for of a boundary: its dashes, and some characters that distinguish it. */
export function beginningOf(boundary: string): string {
  const [beginning] = /^-*.{0,16}/s.exec(boundary)!
  return beginning.slice(0, BOUNDARY_MAX).toLowerCase()
}
