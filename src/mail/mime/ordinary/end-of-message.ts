import { isMailboxLine } from '../../message/field-line.ts'

/** Boundaries of these lengths are compared whole by all programs. */
const BOUNDARY_MIN = 8
export const BOUNDARY_MAX = 70
/** Upper limits for the bytes of a message whose end is proved, in one step, and for its boundaries, each of which is searched for. */
export const PROVED_MAX = 1024 * 1024
const BOUNDARIES_MAX = 8
/** What is around a boundary in its parameter, and a line end. */
const BOUNDARY_SYNTAX = 14

/** The word in front of each boundary, whatever else is around it. */
const NAME_OF_BOUNDARY = /boundary/gi
/** A boundary that all programs read alike, and none that looks like the end of one. */
const PLAIN_BOUNDARY = /^boundary=(?:"([\w'()+,./:=?@-]*[^-])"|([\w'+.-]*\w))(?:[\s;]|$)/i

/** What makes the lines below an empty one those of another header: a type of messages, in any spelling. */
const DECLARES_MESSAGE = /rfc822|message(?:[^\w/-]*\/|\s*\()/i

/** The subtype of a multipart whose parts are messages. */
const DIGEST = /(?<![\w-])digest/i

const ONLY_EMPTY_LINES = /^(?:\r?\n)+$/

/** A NUL, or a CR without an LF behind it. */
const ODD_BYTE = /\0|\r(?!\n)/

/**
 * Whether every program that knows the delimiter below a message takes it for one, although it reads the message in a way of
 * its own. Returns undefined if that is not proved; otherwise the boundaries of the message that no line closes, whose
 * delimiters a program may also find below it.
 *
 * A program passes over a delimiter only in a header. One begins at the top, at a delimiter, at the line `From ` of a
 * mailbox, and at the top of an attached message, which is below the empty line of another header. So nothing may
 * begin one below the last empty line, and nothing around that line may declare a message.
 */
export function openBoundaries(message: string): readonly string[] | undefined {
  if (ONLY_EMPTY_LINES.test(message)) return []
  const last = emptyLineAbove(message, message.length)
  if (last === undefined) return undefined
  // Some programs pass over empty lines above a header.
  const above = message.slice(0, last).trimEnd()
  const lineAbove = above.slice(above.lastIndexOf('\n') + 1)
  if (lineAbove === '' || mayOpenPart(lineAbove)) return undefined
  const around = message.slice(emptyLineAbove(message, above.length) ?? 0)
  if (DECLARES_MESSAGE.test(around) || DIGEST.test(message) || ODD_BYTE.test(around))
    return undefined
  if (around.split('\n').some((line) => isMailboxLine(line))) return undefined
  const below = message.slice(last).split('\n')
  if (below.some(mayOpenPart) || below.some(beginsWithField)) return undefined
  return plainBoundaries(message)?.filter((boundary) => !isClosed(message, boundary))
}

/** Returns the offset of the last empty line above an offset: that of the LF in front of it. */
function emptyLineAbove(message: string, to: number): number | undefined {
  const text = message.slice(0, to)
  const at = Math.max(text.lastIndexOf('\n\n'), text.lastIndexOf('\n\r\n'))
  return at < 0 ? undefined : at
}

/** Whether a line may be a delimiter that a header follows. No boundary of the message ends in a dash. */
const mayOpenPart = (line: string): boolean => line.includes('--') && !/--\s*$/.test(line)

/** Returns whether libclamav takes the first line of a body that is not blank for one of the header above. */
export function beginsWithField(body: string): boolean {
  return /^(?:content|filename=)|base64/i.test(body.trimStart().split('\n', 1)[0]!)
}

/** Returns the boundaries that a message declares, or undefined if programs may read another one. */
function plainBoundaries(message: string): readonly string[] | undefined {
  const found = new Set<string>()
  const others: number[] = []
  for (const { index } of message.matchAll(NAME_OF_BOUNDARY)) {
    const word = message.slice(index, index + BOUNDARY_MAX + BOUNDARY_SYNTAX)
    const [, quoted, bare] = PLAIN_BOUNDARY.exec(word) ?? []
    const boundary = quoted ?? bare
    if (boundary === undefined) others.push(index)
    else if (boundary.length < BOUNDARY_MIN || boundary.length > BOUNDARY_MAX) return undefined
    else found.add(boundary)
    if (found.size > BOUNDARIES_MAX) return undefined
  }
  return others.every((at) => isWithin(message, at, found)) ? [...found] : undefined
}

/** Whether the word at an offset is one of a boundary, in its delimiter or its parameter. */
function isWithin(message: string, at: number, boundaries: ReadonlySet<string>): boolean {
  return [...boundaries].some((boundary) => {
    const before = boundary.toLowerCase().indexOf('boundary')
    return before >= 0 && message.startsWith(boundary, at - before)
  })
}

/** Whether all programs find the end of a multipart: below the empty line of a last part that does not declare a message. */
function isClosed(message: string, boundary: string): boolean {
  const end = message.lastIndexOf(`\n--${boundary}`)
  if (!/^--\s*$/m.test(message.slice(end + boundary.length + 3).split('\n', 1)[0]!)) return false
  const part = message.slice(message.lastIndexOf(`\n--${boundary}`, end - 1), end)
  return /\n\r?\n/.test(part) && !DECLARES_MESSAGE.test(part) && !ODD_BYTE.test(part)
}
