import type { Bytes } from '../../message/bytes.ts'
import { CR, LF, SPACE, TAB } from '../shared/lines.ts'
import { countBytes, countWork, PIECE, type Steps, type Work } from '../shared/work.ts'

/** What inspectText found out about the bytes so far. */
export interface TextProperties {
  /** Whether all bytes were printable characters (of 8 bits), tabs, form feeds and line ends. */
  isText: boolean
  /** Whether a line ended in LF alone. */
  lf: boolean
  /** Whether a line ended in CR LF. */
  crlf: boolean
}

export function newTextProperties(): TextProperties {
  return { isText: true, lf: false, crlf: false }
}

export function* textPropertiesOf(source: Bytes, work: Work): Steps<TextProperties> {
  countBytes(work, source.size)
  const properties = newTextProperties()
  let last = -1
  for (const chunk of source.chunks()) {
    for (let at = 0; at < chunk.length; at += PIECE) {
      const end = Math.min(chunk.length, at + PIECE)
      last = inspectText(properties, chunk, at, end, last)
      yield* countWork(work, end - at)
    }
  }
  return properties
}

/** Inspects the next bytes. Returns the last of them, which the next call gets as `last`. */
export function inspectText(
  properties: TextProperties,
  bytes: Buffer,
  from: number,
  to: number,
  last: number,
): number {
  let before = last
  for (let at = from; at < to; at++) {
    const byte = bytes[at]!
    if (byte < SPACE) {
      if (byte === LF) {
        if (before === CR) properties.crlf = true
        else properties.lf = true
      } else if (byte !== TAB && byte !== CR && byte !== 0x0c) properties.isText = false
      if (before === CR && byte !== LF) properties.isText = false
    } else if (before === CR) properties.isText = false
    before = byte
  }
  return before
}

/**
 * Whether a text that begins with this character may be a file: HTML, PDF, PostScript, RTF, a
 * script.
 */
export function mayBeginFile(byte: number): boolean {
  return '<%{#!@['.includes(String.fromCharCode(byte))
}
