import { WireError } from '../../shared/wire/wire-error.ts'

const LF = 0x0a
const CR = 0x0d
const DOT = 0x2e

/** Bytes that are converted at a time; the result may be twice as large. */
export const PIECE = 64 * 1024

const END = Buffer.from('.\r\n')
const LINE_END = Buffer.from('\r\n')
const LF_DOT = Buffer.from('\n.')
const CR_DOT = Buffer.from('\r.')

export interface Stuffing {
  /**
   * Returns the bytes as they are sent, in memory of their own. Takes at most PIECE bytes at a
   * time.
   */
  push(piece: Buffer): Buffer
  /** Returns the bytes that end the content. */
  finish(): Buffer
}

/**
 * Converts a message, in any split, to what is sent after DATA (RFC 5321 4.5.2): a line that
 * begins with a dot gets another dot before it. If `lineEnds` is `lf`, the message must have no
 * other line ends than LF, and each becomes CRLF. If it is `as they are`, only CRLF ends a line.
 * Throws a WireError for a dot behind a bare CR or LF, which servers take for different things.
 */
export function createStuffing(lineEnds: 'lf' | 'as they are'): Stuffing {
  const inLf = lineEnds === 'lf'
  let last = LF
  let beforeLast = CR

  /** Returns how many CRs and dots are put into a piece. */
  function added(piece: Buffer): number {
    let count = piece[0] === DOT && last === LF ? 1 : 0
    if (inLf) for (let at = piece.indexOf(LF); at >= 0; at = piece.indexOf(LF, at + 1)) count++
    for (let at = piece.indexOf(LF_DOT); at >= 0; at = piece.indexOf(LF_DOT, at + 2)) count++
    return count
  }

  return {
    push(piece) {
      if (piece.length === 0) return piece
      const out = Buffer.allocUnsafe(piece.length + added(piece))
      let length = 0
      let from = 0
      const isLineEnd = (lf: number) => inLf || (lf > 0 ? piece[lf - 1] : last) === CR
      const startLine = () => {
        if (piece[from] === DOT) out[length++] = DOT
      }
      if (piece[0] === DOT) {
        if (last === CR || (last === LF && !inLf && beforeLast !== CR)) throw bareEnd()
        if (last === LF) startLine()
      }
      if (piece.includes(CR_DOT)) throw bareEnd()
      // If lines end in CRLF already, only those with a dot behind them matter.
      for (let lf = next(0); lf >= 0; lf = next(from)) {
        if (!isLineEnd(lf)) throw bareEnd()
        length += piece.copy(out, length, from, lf)
        if (inLf) out[length++] = CR
        out[length++] = LF
        from = lf + 1
        startLine()
      }
      length += piece.copy(out, length, from)
      beforeLast = piece.length > 1 ? piece[piece.length - 2]! : last
      last = piece[piece.length - 1]!
      return out

      function next(at: number): number {
        return inLf ? piece.indexOf(LF, at) : piece.indexOf(LF_DOT, at)
      }
    },
    finish() {
      const isEnded = last === LF && (inLf || beforeLast === CR)
      return isEnded ? END : Buffer.concat([LINE_END, END])
    },
  }
}

const bareEnd = () => new WireError('a dot behind a bare line end')
