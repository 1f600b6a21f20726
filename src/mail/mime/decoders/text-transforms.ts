import { BACKSLASH, CR, GREATER, hexDigits, LF, SPACE } from '../../../base/bytes/ascii.ts'
import { LineSearch, withoutLineEnd } from '../../../base/bytes/lines.ts'
import { type Decoder, inPieces } from './decoder.ts'

const PERCENT = 0x25

/** How programs treat line ends, and a CR without a following LF. */
export interface LineEndMode {
  /** The replacement for line ends. */
  readonly to: 'lf' | 'crlf'
  /** The meaning of a bare CR: itself, nothing, a line end, or a line end together with the byte after it. */
  readonly bareCr: 'itself' | 'nothing' | 'line end' | 'line end with the next'
}

/** Changes line ends according to the mode. */
export function lineEnds({ to, bareCr }: LineEndMode): Decoder {
  return (bytes, out) => {
    const lines = new LineSearch(bytes)
    const endLine = () => {
      if (to === 'crlf') out.put(CR)
      out.put(LF)
    }
    let at = 0
    return inPieces(bytes, (end) => {
      while (at < end) {
        const byte = bytes[at]!
        if (byte === LF) {
          endLine()
          at++
        } else if (byte !== CR) {
          const textEnd = withoutLineEnd(bytes, at, lines.any(at))
          out.putAll(bytes, at, textEnd)
          at = textEnd
        } else if (bytes[at + 1] === LF) {
          endLine()
          at += 2
        } else {
          if (bareCr === 'itself') out.put(CR)
          else if (bareCr !== 'nothing') endLine()
          at += bareCr === 'line end with the next' ? 2 : 1
        }
      }
    })
  }
}

/** Removes NULs, as some programs do. */
export const withoutNuls: Decoder = (...into) => without((byte) => byte === 0, ...into)

/** Joins lines: their ends are removed. */
export const joinedLines: Decoder = (...into) =>
  without((byte) => byte === CR || byte === LF, ...into)

function without(isRemoved: (byte: number) => boolean, ...[bytes, out]: Parameters<Decoder>) {
  let at = 0
  return inPieces(bytes, (end) => {
    for (; at < end; at++) if (!isRemoved(bytes[at]!)) out.put(bytes[at]!)
  })
}

/** Cuts each line at its first NUL, with its line end, because programs in C read no further. */
export const withoutTails: Decoder = (bytes, out) => {
  let isInTail = false
  let at = 0
  return inPieces(bytes, (end) => {
    for (; at < end; at++) {
      const byte = bytes[at]!
      if (isInTail) isInTail = byte !== LF
      else if (byte === 0) isInTail = true
      else out.put(byte)
    }
  })
}

/**
 * Joins each line that ends in a blank to the next line, without the blank (RFC 3676, DelSp=yes).
 * Quote marks and one blank are removed at the front of a line.
 */
export const unflowed: Decoder = (bytes, out) => {
  let startsLine = true
  let at = 0
  return inPieces(bytes, (end) => {
    while (at < end) {
      const byte = bytes[at]!
      const behindBlank = bytes[at + 1] === CR ? at + 2 : at + 1
      if (startsLine && byte === GREATER) at++
      else if (startsLine) {
        startsLine = false
        if (byte === SPACE) at++
      } else if (byte === SPACE && bytes[behindBlank] === LF) {
        startsLine = true
        at = behindBlank + 1
      } else {
        startsLine = byte === LF
        out.put(byte)
        at++
      }
    }
  })
}

/** Removes one blank at the front of each line, which was put there for the way (RFC 3676 4.4). */
export const unstuffed: Decoder = (bytes, out) => {
  let at = 0
  return inPieces(bytes, (end) => {
    for (; at < end; at++) {
      const startsLine = at === 0 || bytes[at - 1] === LF
      if (!(startsLine && bytes[at] === SPACE)) out.put(bytes[at]!)
    }
  })
}

/** Removes backslashes, and the letters of line ends after them (RFC 6350 3.4). */
export const unescaped: Decoder = (bytes, out) => {
  let at = 0
  return inPieces(bytes, (end) => {
    while (at < end) {
      if (bytes[at] !== BACKSLASH) out.put(bytes[at++]!)
      else at += isEscapedAlone(bytes[at + 1]) ? 2 : 1
    }
  })
}

/** Returns whether a byte becomes nothing behind a backslash. */
function isEscapedAlone(byte: number | undefined): boolean {
  return byte !== undefined && '\\nNrR'.includes(String.fromCharCode(byte))
}

/** Decodes `%` and two hexadecimal digits (RFC 3986 2.1). Any other `%` stays unchanged. */
export const unpercented: Decoder = (bytes, out) => {
  let at = 0
  return inPieces(bytes, (end) => {
    while (at < end) {
      const high = hexDigits[bytes[at + 1] ?? 0]!
      const low = hexDigits[bytes[at + 2] ?? 0]!
      const isEscape = bytes[at] === PERCENT && high >= 0 && low >= 0
      out.put(isEscape ? high * 16 + low : bytes[at]!)
      at += isEscape ? 3 : 1
    }
  })
}
