import { beginsWithField, isMailboxLine } from '../../message/field-line.ts'

const BOUNDARY_MIN = 8
const BOUNDARY_MAX = 70
const beginningOf = (b: string) => b

/** Upper limit for the bytes of a message whose end is proved, in one step, and for the boundaries that are searched for. */
export const PROVED_MAX = 1024 * 1024
const BOUNDARIES_MAX = 8
/** What is around a boundary in its parameter, and a line end. */
const BOUNDARY_SYNTAX = 14

/** The word in front of each boundary, whatever else is around it. */
const NAME_OF_BOUNDARY = /boundary/gi
/** A boundary that all programs read alike, and none that looks like the end of one. */
const PLAIN_BOUNDARY = /^boundary=(?:"([\w'()+,./:=?@-]*[^-])"|([\w'+.-]*\w))(?:[\s;]|$)/i
/** One that programs read differently, and how each of them begins it: up to where some end it. */
const UNCLEAR_BOUNDARY = /^boundary=(?:"([\w'+.=-]+)|([\w'+.-]+))/i
/** Where some program may end one with a dash: its delimiter would look like the end of another one. */
const DASH_AT_END = /-(?:[^\w'+.=-]|$)/
/** Upper limit for the rest of its line. */
const UNCLEAR_MAX = 200
/** The same in a line like a delimiter, from which a program may take a boundary that it does not find. */
const LINE_LIKE_DELIMITER = /^.{0,3}?--([\w'+.=-]+)/gm
/** What is around a boundary in its delimiter, and in its parameter. */
const DELIMITER_END = /^(?:--)?\r?(?:\n(?![ \t])|$)/
const PARAMETER_FRONT = /boundary="?$/i
const PARAMETER_END = /^(?:[\s";]|$)/
/** Upper limit for what is compared of that in front of a boundary, and behind it. */
const AROUND_MAX = 10
const CLOSER = /^--[^\n]+--$/
const NOT_ALL_DASHES = /[^-]/

/** What makes the lines below an empty one those of another header: a type of messages, in any spelling. */
const DECLARES_MESSAGE = /rfc822|message(?:[^\w/-]*\/|\s*\()/i

/** The subtype of a multipart whose parts are messages. */
const DIGEST = /(?<![\w-])digest/i

/** What some program may take for a field: a name of one word or two, and a value with its folds. */
const LAX_FIELDS =
  /^([ \t]{0,8}[^\s:]{1,99}(?:[ \t]{1,8}[^\s:]{1,99})?)[ \t]{0,8}:.*(?:\r?\n[ \t].*)*/gm
/** What is in the name of a field about content, without what programs remove, or may hide that it is one. */
const CONTENT_NAME = /content|type|=\?/i
const REMOVED = /\([^()]*\)|\0/g
/** A comment, a quoted character, an encoded word, or a NUL. */
const DISGUISE = /[(\\\0]|=\?/

const ENCODED_BOUNDARY = /boundary="[^"\n]*=\?/i

const ONLY_EMPTY_LINES = /^(?:\r?\n)+$/

/** Data whose end some programs look for below the message, too. */
const UUENCODED = /x-uue|uuencode|^begin[ \t-]/im
/** A line that begins with a CR without LF is empty to ripmime, in some places. */
const BEGINS_WITH_CR = /(?:^|[\r\n])\r(?!\n)/
const BARE_CR = /\r(?!\n)/
const BARE_CRS = /\r(?!\n)/g

/**
 * Whether every program that knows the delimiter below a message takes it for one, although it reads the message in a way of
 * its own. Returns undefined if that is not proved; otherwise how each boundary begins that the message declares: a program
 * may also find its delimiters below the message. `around` are the boundaries of the multiparts
 * that the message is in. If it declares one of them, too, their parts may be its own.
 *
 * A program passes over a delimiter only in a header. One begins at the top, at a delimiter, at the line `From ` of a
 * mailbox, and at the top of an attached message, which is below the empty line of another header. So nothing may
 * begin one below the last empty line, and nothing around that line may declare a message, whatever a program makes of NULs
 * and of CRs without LF.
 */
export function boundariesOfEnded(
  message: string,
  around: readonly string[] = [],
): readonly string[] | undefined {
  if (UUENCODED.test(message) || isDisguised(message)) return undefined
  const found = new Set<string>()
  const readings = readingsOfLines(message)
  for (const lines of readings) {
    const boundaries = isEndedIn(lines) ? boundariesIn(lines) : undefined
    if (boundaries === undefined) return undefined
    for (const boundary of boundaries) {
      if (around.some((outer) => outer.startsWith(boundary))) return undefined
      found.add(beginningOf(boundary))
    }
  }
  return readings.length === 0 || found.size > BOUNDARIES_MAX ? undefined : [...found]
}

/** Whether a field may declare to some program what its words do not, by what programs remove or decode. */
function isDisguised(message: string): boolean {
  for (const [field, name = ''] of message.matchAll(LAX_FIELDS)) {
    if (!CONTENT_NAME.test(name.replaceAll(REMOVED, ''))) continue
    const bare = field.replaceAll(/"[^"\n]*"/g, '')
    if (DISGUISE.test(bare) || ENCODED_BOUNDARY.test(field)) return true
  }
  return false
}

/** How programs read the lines of a message: all alike, if it has neither a NUL nor a CR without LF. */
function readingsOfLines(message: string): readonly string[] {
  const hasNul = message.includes('\0')
  if (BEGINS_WITH_CR.test(message)) return []
  if (BARE_CR.test(message))
    return hasNul ? [] : [message, ...['', '\n'].map((end) => message.replaceAll(BARE_CRS, end))]
  return hasNul
    ? [
        message,
        ...['', '\n'].map((end) => message.replaceAll('\0', end)),
        message.replaceAll(/\0.*/g, ''),
      ]
    : [message]
}

function isEndedIn(lines: string): boolean {
  if (ONLY_EMPTY_LINES.test(lines)) return true
  const message = withoutLastClosers(lines)
  const last = emptyLineAbove(message, message.length)
  if (last === undefined) return false
  // Some programs pass over empty lines above a header.
  const above = message.slice(0, last).trimEnd()
  const lineAbove = above.slice(above.lastIndexOf('\n') + 1)
  if (lineAbove === '' || mayOpenHeader(lineAbove)) return false
  const around = message.slice(emptyLineAbove(message, above.length) ?? 0)
  if (DECLARES_MESSAGE.test(around) || DIGEST.test(message)) return false
  if (around.split('\n').some((line) => isMailboxLine(line))) return false
  const below = message.slice(last).split('\n')
  return !below.some(mayOpenHeader) && !below.some(beginsWithField)
}

/** Returns a message without the lines at its end that close a multipart: no boundary ends in a dash. */
function withoutLastClosers(message: string): string {
  let to = message.length
  for (let closers = 0; closers <= BOUNDARIES_MAX; closers++) {
    const end = message.slice(0, to).trimEnd().length
    const at = message.lastIndexOf('\n', end - 1) + 1
    if (!CLOSER.test(message.slice(at, end))) break
    to = at
  }
  return message.slice(0, to)
}

/**
 * Returns the offset of the last empty line above an offset: that of the LF in front of it. All programs take it for one: its
 * end is like that of the line above.
 */
function emptyLineAbove(message: string, to: number): number | undefined {
  const text = message.slice(0, to)
  const crlf = text.lastIndexOf('\r\n\r\n')
  let lf = text.lastIndexOf('\n\n')
  while (lf > 0 && text[lf - 1] === '\r') lf = text.lastIndexOf('\n\n', lf - 1)
  const at = Math.max(lf, crlf < 0 ? crlf : crlf + 1)
  return at < 0 ? undefined : at
}

/** Whether a line may be a delimiter that a header follows. Some program also reads one below a line that closes a multipart. */
const mayOpenHeader = (line: string): boolean => line.includes('--') && !/^-+\s*$/.test(line)

/** Returns how the boundaries begin that a message declares, or undefined if they are not known. */
function boundariesIn(message: string): readonly string[] | undefined {
  const plain = new Set<string>()
  const unclear = new Set<string>()
  const others: number[] = []
  for (const { index } of message.matchAll(NAME_OF_BOUNDARY)) {
    const word = message.slice(index, index + BOUNDARY_MAX + BOUNDARY_SYNTAX)
    const found = PLAIN_BOUNDARY.exec(word)
    if (found) plain.add(found[1] ?? found[2]!)
    else others.push(index)
    if (plain.size > BOUNDARIES_MAX) return undefined
  }
  if ([...plain].some(({ length }) => length < BOUNDARY_MIN || length > BOUNDARY_MAX))
    return undefined
  for (const at of others) {
    if (isWithin(message, at, plain)) continue
    const start = unclearBoundaryAt(message, at)
    if (start === undefined) return undefined
    unclear.add(start)
  }
  if (unclear.size > 0)
    for (const [, start] of message.matchAll(LINE_LIKE_DELIMITER))
      if (NOT_ALL_DASHES.test(start!)) unclear.add(start!)
  return [...plain, ...unclear]
}

/** Returns how all programs begin a boundary that they read differently, or undefined if that is not known. */
function unclearBoundaryAt(message: string, at: number): string | undefined {
  const [line = ''] = message.slice(at, at + UNCLEAR_MAX).split(/\r?\n/, 1)
  const found = UNCLEAR_BOUNDARY.exec(line)
  const start = found?.[1] ?? found?.[2]
  if (start === undefined || !NOT_ALL_DASHES.test(start)) return undefined
  const mayEndInDash = start.endsWith('-') || DASH_AT_END.test(line)
  return mayEndInDash || line.length === UNCLEAR_MAX ? undefined : start
}

/** Whether the word at an offset is one of a boundary, in its delimiter or its parameter, and not of a longer one. */
function isWithin(message: string, at: number, boundaries: ReadonlySet<string>): boolean {
  return [...boundaries].some((boundary) => {
    const before = boundary.toLowerCase().indexOf('boundary')
    if (before < 0 || !message.startsWith(boundary, at - before)) return false
    const end = at - before + boundary.length
    const above = message.slice(Math.max(0, at - before - AROUND_MAX), at - before)
    const below = message.slice(end, end + AROUND_MAX)
    return above.endsWith('\n--')
      ? DELIMITER_END.test(below)
      : PARAMETER_FRONT.test(above) && PARAMETER_END.test(below)
  })
}
