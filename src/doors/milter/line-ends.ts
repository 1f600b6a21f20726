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
      const out = Buffer.allocUnsafe(chunk.length + 1)
      let length = 0
      for (let i = 0; i < chunk.length; i++) {
        const byte = chunk[i]!
        if (pendingCr && byte !== LF) out[length++] = CR
        pendingCr = byte === CR
        if (!pendingCr) out[length++] = byte
      }
      return out.subarray(0, length)
    },
    finish() {
      if (!pendingCr) return NOTHING
      pendingCr = false
      return Buffer.of(CR)
    },
  }
}
