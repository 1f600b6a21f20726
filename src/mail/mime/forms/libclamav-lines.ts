import type { Steps, Work } from '../budget/work.ts'
import { GOES_ON } from '../reader/header-reading.ts'

/** Lines that may be delimiters to libclamav, which passes over other lines, and over NULs. */
const DASHES = /(?:^|\n)\0*[-(][^\n]*/g

/**
 * Whether libclamav may take a line of the mail for a delimiter, and it is none, or that of another multipart. libclamav
 * counts no dashes, skips comments, and looks for the delimiters of a multipart in all that is inside: in encoded data,
 * and in the headers and delimiters of other parts.
 */
export function* hasOddDelimiter(
  mail: string,
  boundaries: ReadonlySet<string>,
  work: Work,
): Steps<boolean> {
  for (const [line] of mail.matchAll(DASHES)) {
    yield* work.countUnits(line.length * boundaries.size)
    if (isOddDelimiter(line, boundaries)) return true
  }
  return false
}

function isOddDelimiter(line: string, boundaries: ReadonlySet<string>): boolean {
  const like = [...boundaries].filter((boundary) => holdsInOrder(line, boundary))
  if (like.length !== 1) return like.length > 1
  const written = line.trimStart().replace(/\r$/, '')
  return written !== `--${like[0]}` && written !== `--${like[0]}--`
}

/** Whether a line has all characters of a boundary, in their order and in any letter case. */
function holdsInOrder(line: string, boundary: string): boolean {
  const letters = line.toLowerCase()
  let at = 0
  for (const character of boundary.toLowerCase()) {
    at = letters.indexOf(character, at) + 1 || letters.length + 1
  }
  return at <= letters.length
}

/** The first lines of a body that libclamav treats as the last ones of the header above it. */
const LATE_FIELD = /^(?:date|message-id): /i

/** Whether libclamav takes the first line of a leaf for one of its header (`field below header`, structure-habits.ts). */
export function beginsAsField(text: string): boolean {
  const front = withoutNul(text.slice(0, FIRST_LINE)).trimStart()
  const isBlank = front === '' && text.length > FIRST_LINE
  const line = front.split('\n', 1)[0]!
  return isBlank || GOES_ON.test(line) || LATE_FIELD.test(line)
}

/** The bytes that are searched for the first line that is not blank. */
const FIRST_LINE = 4096

/** Upper limit, in bytes, for a line without its end (RFC 5322 2.1.1). libclamav cuts lines of 1,000 bytes and more. */
const LINE_MAX = 998

/** Returns whether libclamav may cut a line from this offset on. Looks at a few bytes of each. */
export function hasCutLine(mail: string, from: number): boolean {
  let at = from
  while (at + LINE_MAX < mail.length) {
    const end = mail.lastIndexOf('\n', at + LINE_MAX)
    if (end < at) return true
    at = end + 1
  }
  return false
}

/** A field by which libclamav may take a text for a returned mail. */
const RETURNED = /(?:^|\n)content-transfer-encoding/i

/** Whether libclamav may take a text for a mail that was returned, and read the part of its own in it. */
export function isLikeReturned(text: string): boolean {
  return RETURNED.test(withoutNul(text))
}

/**
 * Lines of a text that libclamav omits or writes differently, so that hashes and offsets in the text change:
 * lines of blanks and semicolons, a last line without an end, and in a multipart an empty line below another. A text
 * with a bare CR has no form either: programs differ about its lines.
 * It keeps a CR that was decoded from quoted-printable.
 */
const CHANGED = [/\n[ \t\v\f;]+\r?\n/, /=0d/i, /\r(?!\n)/]
const TWO_EMPTY_LINES = /\n\r?\n\r?\n/
/** In front of a text in a multipart, so that an empty first line is the second one. */
const EMPTY_LINE = '\n\n'

/** Whether libclamav changes lines of a text in such a way that it gets other bytes. */
export function changesLines(text: string, isInMultipart: boolean): boolean {
  const lines = EMPTY_LINE + text
  return (
    !lines.endsWith('\n') ||
    CHANGED.some((change) => change.test(lines)) ||
    (isInMultipart && TWO_EMPTY_LINES.test(lines))
  )
}

/** Returns a text as libclamav reads its lines. */
function withoutNul(text: string): string {
  return text.replaceAll('\0', '')
}
