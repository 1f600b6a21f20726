import { CR, EQUALS, hexDigits, LF } from '../../../base/bytes/ascii.ts'
import { indexOrEnd } from '../../../base/bytes/lines.ts'
import { type Decode, inPieces } from './decoder.ts'

/**
 * Decodes quoted-printable as Thunderbird 153 does: line by line, three bytes at a time, writing the
 * result over the line. Up to two bytes of a line wait for the next line. A `=` that begins no escape
 * stays with the two bytes after it, but only as far as there is space. Bytes that waited take space,
 * and an escape frees two bytes.
 */
export const decodeInLines: Decode = (bytes, out) => {
  let lineEnd = 0
  /** The bytes of this line that were read, and not written over yet. */
  let free = 0
  let at = 0
  return inPieces(bytes, (end) => {
    while (at < end) {
      if (lineEnd - at < 3) {
        if (lineEnd === bytes.length) {
          out.putAll(bytes, at)
          at = lineEnd
          return
        }
        free = at - lineEnd
        lineEnd = Math.min(bytes.length, indexOrEnd(bytes, LF, lineEnd) + 1)
        continue
      }
      if (bytes[at] !== EQUALS) {
        const textEnd = Math.min(indexOrEnd(bytes, EQUALS, at), lineEnd - 2)
        out.putAll(bytes, at, textEnd)
        at = textEnd
        continue
      }
      const [second, third] = [bytes[at + 1]!, bytes[at + 2]!]
      if (second === CR || second === LF) {
        const length = second === CR && third === LF ? 3 : 2
        at += length
        free += length
        continue
      }
      const [high, low] = [hexDigits[second]!, hexDigits[third]!]
      if (high >= 0 && low >= 0) {
        out.put(high * 16 + low)
        free += 2
      } else {
        const kept = Math.min(3, Math.max(0, free + 3))
        out.putAll(bytes, at, at + kept)
        free += 3 - kept
      }
      at += 3
    }
  })
}
