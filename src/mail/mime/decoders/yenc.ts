import { CR, EQUALS, LF } from '../../../base/bytes/ascii.ts'
import { indexOrEnd } from '../../../base/bytes/lines.ts'
import { type Decoder, inPieces } from './decoder.ts'

/** The length of the prefix by which a line is recognized as one of yEnc itself. */
const PREFIX_LENGTH = '=ybegin '.length

/**
 * yEnc (yEnc draft 1.3), from after its line `=ybegin` to its line
 * `=yend`. A line `=ypart` is skipped.
 */
export const yenc: Decoder = (bytes, out) => {
  let startsLine = true
  let isEscaped = false
  let at = 0
  const put = (byte: number) => {
    out.put(byte - 42 - (isEscaped ? 64 : 0))
    isEscaped = false
  }
  return inPieces(bytes, (end) => {
    while (at < end) {
      if (startsLine && bytes[at] === EQUALS) {
        const word = bytes.toString('latin1', at, at + PREFIX_LENGTH)
        const [, mark] = /^=y(end|part|begin)/i.exec(word) ?? []
        if (mark !== undefined) {
          at = mark.toLowerCase() === 'end' ? bytes.length : indexOrEnd(bytes, LF, at) + 1
          continue
        }
      }
      const byte = bytes[at++]!
      startsLine = byte === LF
      if (byte === LF) {
        // A `=` at the end of a line escapes nothing.
        const isOpen = isEscaped
        isEscaped = false
        if (isOpen) put(EQUALS)
      } else if (byte === EQUALS && !isEscaped) isEscaped = true
      else if (byte !== CR || bytes[at] !== LF) put(byte)
    }
  })
}
