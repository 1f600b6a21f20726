import { WireError } from './wire-error.ts'

const LF = 0x0a
const CR = 0x0d
const DOT = 0x2e

/** Bytes that are looked at in one go: what is made of them is twice as large at most. */
export const PIECE = 64 * 1024

const END = Buffer.from('.\r\n')
const LINE_END = Buffer.from('\r\n')

export interface Stuffing {
  /** The bytes as they are sent, in memory of their own; at most PIECE of them at a time. */
  push(piece: Buffer): Buffer
  /** What ends the message. */
  finish(): Buffer
}

/**
 * Makes of a message what is sent behind DATA (RFC 5321 4.5.2), in any split: a dot is put
 * before each line that begins with one. With `lineEnds` `lf` each LF becomes CRLF, and there
 * must be no other line ends than LF; with `as they are` only CRLF ends a line. Throws a
 * WireError for a dot behind a bare CR or LF, which servers take for different things.
 */
export function createStuffing(lineEnds: 'lf' | 'as they are'): Stuffing {
  const inLf = lineEnds === 'lf'
  let last = LF
  let beforeLast = CR

  return {
    push(piece) {
      const out = Buffer.allocUnsafe(piece.length * 2)
      let length = 0
      for (let at = 0; at < piece.length; at++) {
        const byte = piece[at]!
        if (byte === DOT) {
          if (last === LF && (inLf || beforeLast === CR)) out[length++] = DOT
          else if (last === LF || last === CR) {
            throw new WireError('a dot behind a bare line end')
          }
        } else if (byte === LF && inLf) out[length++] = CR
        out[length++] = byte
        beforeLast = last
        last = byte
      }
      return out.subarray(0, length)
    },
    finish() {
      const isEnded = last === LF && (inLf || beforeLast === CR)
      return isEnded ? END : Buffer.concat([LINE_END, END])
    },
  }
}
