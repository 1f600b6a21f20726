import { CR, LF, SPACE, TAB } from '../../../base/bytes/ascii.ts'
import type { Bytes, MailBytes } from '../../message/bytes.ts'
import { PIECE, type Steps, type Work } from '../budget/work.ts'

export const NO_LINE_END = Buffer.alloc(0)
const LF_END = Buffer.from('\n')
const CR_END = Buffer.from('\r')
const CRLF_END = Buffer.from('\r\n')

/**
 * Splits a source into its bytes without the last line end, and that line end. A bare CR counts as a line
 * end, because some programs treat it as one.
 */
export function splitLineEnd(source: Bytes): { readonly bare: Bytes; readonly end: MailBytes } {
  const end = lineEndOf(source.gather(Math.max(0, source.size - 2)))
  return { bare: end === NO_LINE_END ? source : source.slice(0, source.size - end.length), end }
}

function lineEndOf(last: MailBytes): MailBytes {
  const end = last[last.length - 1]
  if (end === CR) return CR_END
  if (end !== LF) return NO_LINE_END
  return last[last.length - 2] === CR ? CRLF_END : LF_END
}

/** The properties of a content when it is read as a text. */
export interface TextProperties {
  /** Whether all bytes were printable characters (of 8 bits), tabs, form feeds and line ends. */
  readonly isText: boolean
  /** Whether a line ended in LF alone. */
  readonly hasLf: boolean
  /** Whether a line ended in CR LF. */
  readonly hasCrlf: boolean
  /** Whether a CR was in front of another character than LF. */
  readonly hasCr: boolean
}

/** The properties of a text as far as it was read. */
type Seen = { -readonly [Name in keyof TextProperties]: boolean }

/** Finds out what a content is, if it is taken for a text, with the line end below it. */
export function* textPropertiesOf(
  source: Bytes,
  work: Work,
  lineEnd: MailBytes = NO_LINE_END,
): Steps<TextProperties> {
  work.countBytes(source.size + lineEnd.length)
  const bytes = yield* work.gather(source)
  const properties: Seen = {
    isText: true,
    hasLf: lineEnd === LF_END,
    hasCrlf: lineEnd === CRLF_END,
    hasCr: bytes[bytes.length - 1] === CR && lineEnd.length > 0,
  }
  for (let at = 0; at < bytes.length; at += PIECE) {
    const end = Math.min(bytes.length, at + PIECE)
    yield* work.countUnits(end - at)
    inspectText(properties, bytes, at, end)
  }
  if (properties.hasCr) properties.isText = false
  return properties
}

function inspectText(properties: Seen, bytes: MailBytes, from: number, to: number): void {
  for (let at = from; at < to; at++) {
    const byte = bytes[at]!
    if (byte >= SPACE) continue
    if (byte === LF) {
      if (bytes[at - 1] === CR) properties.hasCrlf = true
      else properties.hasLf = true
    } else if (byte === CR) {
      if (at + 1 < bytes.length && bytes[at + 1] !== LF) properties.hasCr = true
    } else if (byte !== TAB && byte !== 0x0c) properties.isText = false
  }
}

/** The first characters of files that have characters of a text: HTML, PDF, PostScript, RTF, scripts. */
export const FILE_STARTS = '<%{#!@['

/**
 * Returns whether a text may be a file, judging by its first character: the first of 1,024 bytes that is
 * neither a blank nor a control character. If it may be, scanners get it again, so a wide rule costs at most
 * one scan.
 */
export function* mayBeginFile(text: Bytes, work: Work): Steps<boolean> {
  const [first] = (yield* work.front(text, 1024)).replace(/^[\0- ]+/, '')
  return first !== undefined && FILE_STARTS.includes(first)
}

/** Returns whether the content contains a NUL. */
export function holdsNul(content: Bytes, work: Work): Steps<boolean> {
  return work.some(content, (chunk) => chunk.includes(0))
}
