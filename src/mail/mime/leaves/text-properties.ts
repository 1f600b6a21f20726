import { CR, LF, SPACE, TAB } from '../../../lib/bytes/ascii.ts'
import type { Bytes } from '../../message/bytes.ts'
import { PIECE, type Steps, type Work } from '../budget/work.ts'

export const NO_LINE_END = Buffer.alloc(0)
const LF_END = Buffer.from('\n')
const CR_END = Buffer.from('\r')
const CRLF_END = Buffer.from('\r\n')

/**
 * Splits a source into its bytes without the last line end, and that line end. A bare CR counts as a line
 * end, because some readers treat it as one.
 */
export function splitLineEnd(source: Bytes): { readonly bare: Bytes; readonly end: Buffer } {
  let before = 0
  let last = 0
  for (const chunk of source.chunks(Math.max(0, source.size - 2), source.size)) {
    for (const byte of chunk) {
      before = last
      last = byte
    }
  }
  let end = NO_LINE_END
  if (last === LF) end = before === CR ? CRLF_END : LF_END
  else if (last === CR) end = CR_END
  return { bare: end === NO_LINE_END ? source : source.slice(0, source.size - end.length), end }
}

/** The properties of a content when it is read as a text. */
export interface TextProperties {
  /** Whether all bytes were printable characters (of 8 bits), tabs, form feeds and line ends. */
  isText: boolean
  /** Whether a line ended in LF alone. */
  lf: boolean
  /** Whether a line ended in CR LF. */
  crlf: boolean
  /** Whether a CR was in front of another character than LF. */
  cr: boolean
}

/** Finds out what a content is, if it is taken for a text. */
export function* textPropertiesOf(source: Bytes, work: Work): Steps<TextProperties> {
  work.countBytes(source.size)
  const properties: TextProperties = { isText: true, lf: false, crlf: false, cr: false }
  let last = -1
  for (const chunk of source.chunks()) {
    for (let at = 0; at < chunk.length; at += PIECE) {
      const end = Math.min(chunk.length, at + PIECE)
      last = inspectText(properties, chunk, at, end, last)
      yield* work.countUnits(end - at)
    }
  }
  if (properties.cr) properties.isText = false
  return properties
}

/** Inspects the next bytes. Returns the last of them, which the next call gets as `last`. */
function inspectText(
  properties: TextProperties,
  bytes: Buffer,
  from: number,
  to: number,
  last: number,
): number {
  if (last === CR && bytes[from] !== LF) properties.cr = true
  for (let at = from; at < to; at++) {
    const byte = bytes[at]!
    if (byte >= SPACE) continue
    if (byte === LF) {
      const before = at > from ? bytes[at - 1] : last
      if (before === CR) properties.crlf = true
      else properties.lf = true
    } else if (byte === CR) {
      if (at + 1 < to && bytes[at + 1] !== LF) properties.cr = true
    } else if (byte !== TAB && byte !== 0x0c) properties.isText = false
  }
  return bytes[to - 1]!
}

/** The first characters of files that have characters of a text: HTML, PDF, PostScript, RTF, scripts. */
export const FILE_STARTS = '<%{#!@['

/**
 * Returns whether a text may be a file, judging by its first character: the first of 1,024 bytes that is
 * neither a blank nor a control character. If it may be, scanners get it again, so a wide rule costs at most
 * one scan.
 */
export function mayBeginFile(text: Bytes): boolean {
  const start = text.gather(0, 1024)
  const first = start.find((byte) => byte > SPACE)
  return first !== undefined && FILE_STARTS.includes(String.fromCharCode(first))
}

/** Returns whether the content contains a NUL. */
export function holdsNul(content: Bytes, work: Work): Steps<boolean> {
  return work.some(content, (chunk) => chunk.includes(0))
}
