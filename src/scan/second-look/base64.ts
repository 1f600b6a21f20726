/** What a byte is in base64 (RFC 2045 6.8): below 64 its value. */
const BLANK = 64
const PADDING = 65
const JUNK = 66

const values = new Uint8Array(256).fill(JUNK)
for (const [value, character] of [
  ...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/',
].entries()) {
  values[character.charCodeAt(0)] = value
}
for (const blank of ' \t\r\n\v\f\0') values[blank.charCodeAt(0)] = BLANK
values['='.charCodeAt(0)] = PADDING

const LF = 0x0a
const CR = 0x0d
const EQUALS = 0x3d
const UNDERSCORE = 0x5f
const DASH = 0x2d
const SPACE = 0x20

/** Bytes from which on whole lines are worth a look before they are decoded at once. */
const BLOCK = 1024

/**
 * Where readers part: a character that is none of base64; data behind padding; a line that
 * begins in the middle of a group of four.
 */
export type Break = 'junk' | 'padding' | 'line'

export interface Base64Listener {
  /** Decoded bytes, valid until the call returns. */
  bytes(decoded: Buffer): void
  /** Asked anew each time; what is not heeded costs next to nothing. */
  heeds(why: Break): boolean
  /** What is heeded, at this index of what was pushed, once all bytes before it were given. */
  broken(why: Break, at: number): void
  /** Whether a new group of four begins here. */
  restarts(why: Break): boolean
}

export interface Base64Decoder {
  /** Takes `bytes` from `from` to `to`, in any split. */
  push(bytes: Buffer, from: number, to: number): void
}

/**
 * Decodes base64 as the most patient readers do: what is not of the alphabet is dropped,
 * padding too, and what stands behind it belongs to the same bits, unless the listener
 * wants a new beginning. Whole lines of the same length, as programs write them, go the
 * fast way.
 */
export function createBase64Decoder(listener: Base64Listener): Base64Decoder {
  let bits = 0
  let count = 0 // of bits
  let padded = false
  let out = Buffer.allocUnsafe(0)
  let length = 0
  let block: Buffer = Buffer.alloc(0) // both are one and the same: what is given is not kept

  function flush(): void {
    if (length > 0) listener.bytes(out.subarray(0, length))
    length = 0
  }

  function breakAt(why: Break, at: number): void {
    if (listener.heeds(why)) {
      flush()
      listener.broken(why, at)
    }
    if (!listener.restarts(why)) return
    bits = 0
    count = 0
  }

  function slowly(bytes: Buffer, from: number, to: number): void {
    if (out.length < to - from) out = Buffer.allocUnsafeSlow(Math.max(to - from, 4096))
    for (let at = from; at < to; at++) {
      const value = values[bytes[at]!]!
      if (value < 64) {
        if (padded) {
          padded = false
          breakAt('padding', at)
        }
        bits = ((bits << 6) | value) & 0xffff
        count += 6
        if (count >= 8) {
          count -= 8
          out[length++] = bits >> count
        }
      } else if (value === PADDING) {
        padded = true
      } else if (value === JUNK) {
        breakAt('junk', at)
      } else if (bytes[at] === LF && count !== 0 && !padded) {
        breakAt('line', at)
      }
    }
    flush()
  }

  return {
    push(bytes, from, to) {
      let at = from
      while (to - at >= BLOCK && count === 0 && !padded) {
        const end = evenLines(bytes, at, to)
        if (end === at) break
        if (block.length < end - at) block = Buffer.allocUnsafeSlow(end - at)
        const decoded = block.subarray(0, block.write(bytes.toString('latin1', at, end), 'base64'))
        const width = bytes.indexOf(LF, at) + 1 - at
        const each = bytes[at + width - 2] === CR ? width - 2 : width - 1
        if (decoded.length !== (((end - at) / width) * each * 3) / 4) break
        listener.bytes(decoded)
        at = end
      }
      if (at < to) slowly(bytes, at, to)
    },
  }
}

/** Where lines end that are as long as the first one, a multiple of four; `from` where it is not worth it. */
function evenLines(bytes: Buffer, from: number, to: number): number {
  const first = bytes.indexOf(LF, from)
  if (first < 0 || first >= to) return from
  const width = first + 1 - from
  const data = bytes[first - 1] === CR ? width - 2 : width - 1
  if (data < 4 || data % 4 !== 0) return from
  let end = from
  while (end + width <= to && bytes[end + width - 1] === LF) end += width
  if (end - from < BLOCK / 2) return from
  // Node takes the letters of base64url, too, and stops at padding.
  for (const other of [UNDERSCORE, DASH, EQUALS, SPACE]) {
    const found = bytes.indexOf(other, from)
    if (found >= 0 && found < end) end -= Math.ceil((end - found) / width) * width
  }
  return Math.max(end, from)
}

/** Whether the line, without its end, is nothing but base64 and blanks behind it. */
export function isBase64Line(bytes: Buffer, from: number, to: number): boolean {
  let end = to
  while (end > from && values[bytes[end - 1]!]! === BLANK) end--
  if (end === from) return false
  for (let at = from; at < end; at++) {
    const value = values[bytes[at]!]!
    if (value === BLANK || value === JUNK) return false
  }
  return true
}
