const LF = 0x0a
const CR = 0x0d
const NOTHING = Buffer.alloc(0)

/** Makes each CRLF an LF, in any split. */
export interface CrlfReader {
  /** As much as is certain by now, in memory of its own. */
  push(chunk: Buffer): Buffer
  /** What was held back until the next byte could be seen. */
  finish(): Buffer
}

/**
 * The place of the next CR that goes: before an LF, or at the end of the bytes, where that is not
 * known yet.
 */
function nextCr(chunk: Buffer, from: number): number {
  for (let cr = chunk.indexOf(CR, from); cr >= 0; cr = chunk.indexOf(CR, cr + 1)) {
    if (cr + 1 === chunk.length || chunk[cr + 1] === LF) return cr
  }
  return -1
}

export function createCrlfReader(): CrlfReader {
  let pendingCr = false
  return {
    push(chunk) {
      if (chunk.length === 0) return NOTHING
      const first = pendingCr && chunk[0] !== LF ? 1 : 0
      let dropped = 0
      for (let cr = nextCr(chunk, 0); cr >= 0; cr = nextCr(chunk, cr + 1)) dropped++
      const out = Buffer.allocUnsafe(first + chunk.length - dropped)
      if (first) out[0] = CR
      let length = first
      let from = 0
      for (let cr = nextCr(chunk, 0); cr >= 0; cr = nextCr(chunk, from)) {
        length += chunk.copy(out, length, from, cr)
        from = cr + 1 // it comes again with the next byte, if that is no LF
      }
      chunk.copy(out, length, from)
      pendingCr = chunk[chunk.length - 1] === CR
      return out
    },
    finish() {
      if (!pendingCr) return NOTHING
      pendingCr = false
      return Buffer.of(CR)
    },
  }
}
