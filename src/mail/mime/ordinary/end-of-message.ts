import { extendsHeader, isMailboxLine } from '../../message/field-line.ts'
import { otherLineEnd } from '../../message/well-formed.ts'

/*
 * Where an odd message ends that is attached between two delimiters. However a program reads the message, it passes over a
 * delimiter only in a header. A header begins at the top, at a delimiter, at the line of a mailbox, and below the empty line
 * under another header that declares a message. So every program takes the delimiter below the message for one if nothing
 * begins a header below its last empty line, and nothing around that line declares a message.
 */

/** Upper limit for the bytes of a message whose end is proved, in one step, and for its boundaries. */
export const PROVED_MAX = 1024 * 1024
const BOUNDARIES_MAX = 8

/** What a message may have for which nothing is proved. */
const doubts: readonly RegExp[] = [
  // Programs skip a NUL, or end a line there.
  /\0/,
  // Each part of a digest is a message, without declaring that.
  /(?<![\w-])digest/i,
  // Some programs look for the end of uuencoded data below the message.
  /x-uue|uuencode|^begin[ \t-]/im,
  // ripmime decodes encoded words in a boundary.
  /boundary="[^"\n]*=\?/i,
]

/** A line that begins with a CR without LF is empty to ripmime, in some places. */
const BEGINS_WITH_CR = /(?:^|[\r\n])\r(?!\n)/
const BARE_CRS = /\r(?!\n)/g
/** The number of ways to read CRs without LF. */
export const READINGS_MAX = 2

/** What some program may take for a field: a name of one word or two, and a value with its folds. */
const LAX_FIELDS =
  /^([ \t]{0,8}[^\s:]{1,99}(?:[ \t]{1,8}[^\s:]{1,99})?)[ \t]{0,8}:.*(?:\n[ \t].*)*/gm
/** What is in the name of a field about content, without comments. */
const CONTENT_NAME = /content|type|=\?/i
/** A comment, a quoted character, or an encoded word: some program removes or decodes it. */
const DISGUISE = /[(\\]|=\?/

/** A type of messages, in any spelling. */
const DECLARES_MESSAGE = /rfc822|message(?:[^\w/-]*\/|\s*\()/i
/** A line that may be a delimiter. (One of dashes alone is not: no program begins a boundary so.) */
const LIKE_DELIMITER = /^(?!-+\s*$).*--/

/** A line that closes a multipart, as no boundary ends in a dash. */
const CLOSER = /^--[^\n]+--$/

/** What may declare a boundary to some program, with the rest of its line. */
const DECLARATION = /boundary(?=([^\n]{0,200}))/gi
const DECLARATION_MAX = 200
/** A delimiter of a boundary that has the word, and declares none. */
const DELIMITER_WITH_WORD = /^--\S{0,80}?boundary[^\s=]{0,80}$/gim
/** How all programs begin a boundary: up to where some of them end it, or with its whole value. */
const BOUNDARY_BEGINNING = /^=(?:"(-*[\w+.=][\w+.=-]*)|(-*[\w+.][\w+.-]*))("?[ \t]*(?:;|$))?/
/** Where some program may end a boundary in a dash: its delimiters would look like those that close a multipart. */
const DASH_AT_END = /-(?:[^\w+.=-]|$)/
/** The beginning of a boundary in a line like a delimiter: some program takes it from there if no header has one. */
const LINE_LIKE_DELIMITER = /^.{0,3}?--(-*[\w+.=][\w+.=-]*)/gm

/**
 * Returns how each boundary begins that a message declares to some program, if all programs take the delimiter below the
 * message for one; undefined if that is not proved. A program may find its delimiters below the message, too. If one is
 * that of a multipart that the message is in (`around`), the parts of that may be the message's own.
 */
export function boundariesOfEnded(
  message: string,
  around: readonly string[] = [],
): readonly string[] | undefined {
  const readings = readingsOfLines(message)
  if (!readings.every((lines) => !isDoubtful(lines) && isEnded(lines))) return undefined
  const boundaries = readings.map(boundariesIn)
  const own = [...new Set(boundaries.flatMap((beginnings) => beginnings ?? []))]
  if (readings.length === 0 || boundaries.includes(undefined) || own.length > BOUNDARIES_MAX)
    return undefined
  const isAround = around.some((outer) => own.some((inner) => outer.startsWith(inner)))
  return isAround ? undefined : own
}

/**
 * Returns how programs read the lines of a message, without CRs: a CR without LF is nothing to some, and a line end to others.
 * Nothing is returned if some take it for an empty line, or skip an empty line that ends otherwise than the others.
 */
function readingsOfLines(message: string): readonly string[] {
  if (BEGINS_WITH_CR.test(message)) return []
  const end = message.includes('\r\n') ? '\r\n' : '\n'
  const ways = message.search(BARE_CRS) < 0 ? [''] : ['', end]
  const readings = ways.map((way) => message.replaceAll(BARE_CRS, way))
  const areAlike = readings.every((lines) => otherLineEnd(lines, end) < 0)
  return areAlike ? readings.map((lines) => lines.replaceAll('\r', '')) : []
}

const isDoubtful = (message: string): boolean =>
  doubts.some((doubt) => doubt.test(message)) || isDisguised(message)

/** Whether a field may declare to some program what its words do not. */
function isDisguised(message: string): boolean {
  for (const [field, name = ''] of message.matchAll(LAX_FIELDS)) {
    const isOfContent = CONTENT_NAME.test(name.replaceAll(/\([^()]*\)/g, ''))
    if (isOfContent && DISGUISE.test(field.replaceAll(/"[^"\n]*"/g, ''))) return true
  }
  return false
}

/** Whether every header in a message has ended above its end. */
function isEnded(message: string): boolean {
  if (/^\n+$/.test(message)) return true
  const text = withoutLastClosers(message)
  const empty = text.lastIndexOf('\n\n')
  // Some programs pass over empty lines above a header.
  const above = text.slice(0, Math.max(0, empty)).trimEnd()
  const lineAbove = above.slice(above.lastIndexOf('\n') + 1)
  if (lineAbove === '' || LIKE_DELIMITER.test(lineAbove)) return false
  const around = text.slice(Math.max(0, above.lastIndexOf('\n\n')))
  if (DECLARES_MESSAGE.test(around)) return false
  if (around.split('\n').some((line) => isMailboxLine(line))) return false
  const below = text.slice(empty).split('\n')
  return !below.some((line) => LIKE_DELIMITER.test(line) || extendsHeader(line))
}

/** Returns a message without the lines at its end that close a multipart. */
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

/** Returns how the boundaries begin that a message declares to some program, or undefined if that is not known. */
function boundariesIn(message: string): readonly string[] | undefined {
  const boundaries = new Set<string>()
  let areWhole = true
  let end = 0
  const text = message.replaceAll(DELIMITER_WITH_WORD, '')
  for (const { index, 0: word, 1: value = '' } of text.matchAll(DECLARATION)) {
    const isInBoundary = index < end && !value.startsWith('=')
    if (isInBoundary) continue
    const [found = '', quoted, token, whole] = BOUNDARY_BEGINNING.exec(value) ?? []
    const beginning = quoted ?? token
    if (beginning === undefined || value.length === DECLARATION_MAX) return undefined
    if (beginning.endsWith('-') || DASH_AT_END.test(value)) return undefined
    boundaries.add(beginning)
    areWhole &&= whole !== undefined
    end = index + word.length + found.length
  }
  if (!areWhole)
    for (const [, beginning] of message.matchAll(LINE_LIKE_DELIMITER)) boundaries.add(beginning!)
  return [...boundaries]
}
