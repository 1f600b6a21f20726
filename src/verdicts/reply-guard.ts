const CR = 0x0d
const LF = 0x0a
const [ARRAY, BULK, TEXT, ERROR, NUMBER] = [...Buffer.from('*$+-:')]

/** Bytes of all texts of one reply; ours have 4097, and what servers tell of themselves some 10,000. */
export const REPLY_MAX = 1024 * 1024
/** Elements of all arrays of one reply, as they are announced: a cluster of a thousand has 15,000. */
export const ELEMENTS_MAX = 20_000
/** Arrays inside one another. */
export const DEPTH_MAX = 8
/** Bytes of a line: a length, a number, an error. */
export const LINE_MAX = 4096

/** Looks at the bytes of a server, in any split. */
export interface ReplyGuard {
  /** False for what no store says, and for all that comes behind it. */
  admits(chunk: Buffer): boolean
}

/**
 * Follows what a server says, in RESP2, and tells where it begins to claim too much. The client's
 * own parser makes room for as many elements as a reply announces before any has come, keeps
 * as many bytes, and calls itself for each array in an array: who answers in a store's
 * place would take all memory by 13 bytes, or end the process.
 */
export function createReplyGuard(): ReplyGuard {
  let elements = 0
  let bytes = 0
  /** How many elements each open array still has to come. */
  const open: number[] = []
  /** Of a bulk string with its line end. */
  let left = 0
  let line: number[] = []
  let refused = false

  /** One element is whole: perhaps all of the arrays that it ends, too. */
  function end(): void {
    while (open.length > 0) {
      const rest = --open[open.length - 1]!
      if (rest > 0) return
      open.pop()
    }
    elements = 0
    bytes = 0
  }

  function takeLine(): boolean {
    const [type, ...rest] = line
    line = []
    bytes += rest.length
    if (type === TEXT || type === ERROR || type === NUMBER) {
      end()
      return true
    }
    if (type !== ARRAY && type !== BULK) return false
    const digits = Buffer.from(rest).toString('latin1')
    if (digits === '-1') {
      end() // there is none
      return true
    }
    if (!/^[0-9]{1,9}$/.test(digits)) return false
    const length = Number(digits)
    if (type === BULK) {
      bytes += length
      left = length + 2
      return true
    }
    elements += length
    if (length === 0) end()
    else open.push(length)
    return elements <= ELEMENTS_MAX && open.length <= DEPTH_MAX
  }

  function take(chunk: Buffer): boolean {
    for (let at = 0; at < chunk.length; ) {
      if (left > 0) {
        const taken = Math.min(left, chunk.length - at)
        at += taken
        left -= taken
        if (left === 0) end()
        continue
      }
      const byte = chunk[at++]!
      if (line.at(-1) !== CR) {
        if (line.push(byte) > LINE_MAX) return false
        continue
      }
      // The parser ends a line at its first CR, whatever comes behind.
      if (byte !== LF) return false
      line.pop()
      if (!takeLine() || bytes > REPLY_MAX) return false
    }
    return true
  }

  return {
    admits(chunk) {
      refused ||= !take(chunk)
      return !refused
    },
  }
}
