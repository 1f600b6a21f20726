import { copyRun, indexOfByte } from '../../ground/runtime/buffers.ts'
import { WireError } from '../shared/wire-error.ts'

const LF = 0x0a
const CR = 0x0d
const DOT = 0x2e

/** Bytes that are converted at a time; the result may be twice as large. */
export const PIECE = 64 * 1024

const END = Buffer.from('.\r\n')
const UNENDED = Buffer.from('\r\n.\r\n')
const CR_DOT = Buffer.from('\r.')

/**
 * Converts a message whose lines end in LF, in any split, to what is sent after DATA: lines end in
 * CRLF, and one that begins with a dot gets another dot before it (RFC 5321 4.5.2). Throws a
 * WireError for a dot after a bare CR, which servers take for different things.
 */
export class Stuffing {
  #last = LF

  /**
   * Returns the bytes as they are sent, in memory of their own. Takes at most PIECE bytes at a
   * time.
   */
  push(piece: Buffer): Buffer {
    if (piece.length === 0) return piece
    if (piece.includes(CR_DOT) || (piece[0] === DOT && this.#last === CR)) {
      throw new WireError('a dot after a bare CR')
    }
    const out = Buffer.allocUnsafe(piece.length + this.#added(piece))
    let length = 0
    let from = 0
    const startLine = () => {
      if (piece[from] === DOT) out[length++] = DOT
    }
    if (this.#last === LF) startLine()
    for (let lf = indexOfByte(piece, LF, 0); lf >= 0; lf = indexOfByte(piece, LF, from)) {
      length += copyRun(piece, out, length, from, lf)
      out[length++] = CR
      out[length++] = LF
      from = lf + 1
      startLine()
    }
    copyRun(piece, out, length, from)
    this.#last = piece[piece.length - 1]!
    return out
  }

  /** Returns the bytes that end the content. */
  finish(): Buffer {
    return this.#last === LF ? END : UNENDED
  }

  /** Returns how many CRs and dots are put into a piece. */
  #added(piece: Buffer): number {
    let count = piece[0] === DOT && this.#last === LF ? 1 : 0
    for (let at = indexOfByte(piece, LF, 0); at >= 0; at = indexOfByte(piece, LF, at + 1)) {
      count += piece[at + 1] === DOT ? 2 : 1
    }
    return count
  }
}
