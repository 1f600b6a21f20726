import { CR, LF } from '../../base/bytes/ascii.ts'
import { copyRun, indexOfByte } from '../../base/bytes/buffers.ts'

const NOTHING = Buffer.alloc(0)

/** Turns each CRLF into an LF, in any split of the bytes. */
export class CrlfReader {
  #hasPendingCr = false

  /** Takes the next bytes. Returns a copy of all that is certain by now. */
  push(chunk: Buffer): Buffer {
    if (chunk.length === 0) return NOTHING
    const out = Buffer.allocUnsafe(1 + chunk.length)
    let length = 0
    if (this.#hasPendingCr && chunk[0] !== LF) out[length++] = CR
    let from = 0
    for (let cr = nextCr(chunk, 0); cr >= 0; cr = nextCr(chunk, from)) {
      length += copyRun(chunk, out, length, from, cr)
      from = cr + 1 // a CR at the end is put back if the next byte is not LF
    }
    length += copyRun(chunk, out, length, from)
    this.#hasPendingCr = chunk[chunk.length - 1] === CR
    return out.subarray(0, length)
  }

  /** Returns the CR that was held back until the next byte, if there is one. */
  finish(): Buffer {
    if (!this.#hasPendingCr) return NOTHING
    this.#hasPendingCr = false
    return Buffer.of(CR)
  }
}

/**
 * Returns the index of the next CR to remove: one before an LF, or the last byte, because the byte after it
 * is not known yet. Returns -1 if there is none.
 */
function nextCr(chunk: Buffer, from: number): number {
  for (let cr = indexOfByte(chunk, CR, from); cr >= 0; cr = indexOfByte(chunk, CR, cr + 1)) {
    if (cr + 1 === chunk.length || chunk[cr + 1] === LF) return cr
  }
  return -1
}
