const LF = 0x0a
const CR = 0x0d
const NOTHING = Buffer.alloc(0)

/** Makes each CRLF an LF, in any split. */
export interface LineEnds {
  /** As much as can be told of by now, in memory of its own. */
  push(chunk: Buffer): Buffer
  /** What was held back until the next byte could be seen. */
  finish(): Buffer
}

export function createLineEnds(): LineEnds {
  let pendingCr = false
  return {
    push(chunk) {
      if (chunk.length === 0) return NOTHING
      const out = Buffer.allocUnsafe(chunk.length + 1)
      let length = 0
      if (pendingCr && chunk[0] !== LF) out[length++] = CR
      let from = 0
      const keepTo = (end: number) => {
        length += chunk.copy(out, length, from, end)
        from = end
      }
      for (let cr = chunk.indexOf(CR); cr >= 0; cr = chunk.indexOf(CR, cr + 1)) {
        if (cr + 1 < chunk.length && chunk[cr + 1] !== LF) continue
        keepTo(cr)
        from++ // it comes again with the next byte, if that is no LF
      }
      keepTo(chunk.length)
      pendingCr = chunk[chunk.length - 1] === CR
      return out.subarray(0, length)
    },
    finish() {
      if (!pendingCr) return NOTHING
      pendingCr = false
      return Buffer.of(CR)
    },
  }
}
