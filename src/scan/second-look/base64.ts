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

/**
 * Where readers part: a character that is none of base64; data behind padding; a line that
 * begins in the middle of a group of four.
 */
export type Break = 'junk' | 'padding' | 'line'

export interface Base64Listener {
  /** The first `length` bytes there are decoded ones, valid until the call returns. */
  bytes(room: Buffer, length: number): void
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
 * wants a new beginning. `room` is where decoded bytes are until they were given: memory of
 * this message alone, that nobody else uses meanwhile.
 */
export function createBase64Decoder(listener: Base64Listener, room: Buffer): Base64Decoder {
  let bits = 0
  let count = 0 // of bits
  let padded = false
  let length = 0

  function flush(): void {
    if (length > 0) listener.bytes(room, length)
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

  /** Whole groups of four; returns where there is none. */
  function groups(bytes: Buffer, from: number, to: number): number {
    const last = Math.min(to, from + Math.floor((room.length - length) / 3) * 4) - 4
    let at = from
    let filled = length
    for (; at <= last; at += 4) {
      const one = values[bytes[at]!]!
      const two = values[bytes[at + 1]!]!
      const three = values[bytes[at + 2]!]!
      const four = values[bytes[at + 3]!]!
      if ((one | two | three | four) >= 64) break
      room[filled] = (one << 2) | (two >> 4)
      room[filled + 1] = (two << 4) | (three >> 2)
      room[filled + 2] = (three << 6) | four
      filled += 3
    }
    length = filled
    return at
  }

  function take(bytes: Buffer, at: number): void {
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
        room[length++] = bits >> count
      }
    } else if (value === PADDING) {
      padded = true
    } else if (value === JUNK) {
      breakAt('junk', at)
    } else if (bytes[at] === LF && count !== 0 && !padded) {
      breakAt('line', at)
    }
  }

  return {
    push(bytes, from, to) {
      for (let at = from; at < to; ) {
        if (room.length - length < 3) flush()
        const end = count === 0 && !padded ? groups(bytes, at, to) : at
        if (end === at) take(bytes, at++)
        else at = end
      }
      flush()
    },
  }
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
