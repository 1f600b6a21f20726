/** A text to be found in bytes, whatever the case of its ASCII letters. */
export interface Needle {
  readonly length: number
  /** Returns where the text first begins at or behind `from`; -1 if it does not. */
  find(bytes: Uint8Array, from: number): number
}

/** How many bytes of the text are looked for; more would not be found sooner. */
const LENGTH_MAX = 200

/** Each byte as it is compared: ASCII letters in lower case. */
const folded = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte,
)

/**
 * Searches by the algorithm of Horspool (1980): it looks at one byte in as many as the text is
 * long, which costs less than reading a log. Buffer.indexOf() cannot ignore the case of letters.
 * `text` is ASCII and not empty.
 */
export function createNeedle(text: string): Needle {
  const wanted = Uint8Array.from(Buffer.from(text.slice(0, LENGTH_MAX)), (byte) => folded[byte]!)
  const last = wanted.length - 1
  /**
   * By the byte at the end of the window: how far the window may move; 0 for the text's last byte.
   */
  const skips = new Uint8Array(256).fill(wanted.length)
  for (const [at, byte] of wanted.entries()) {
    for (const either of [byte, capital(byte)]) skips[either] = last - at
  }
  const again = last - wanted.lastIndexOf(wanted[last]!, last - 1)
  return {
    length: wanted.length,
    find(bytes, from) {
      const end = bytes.length
      for (let at = from + last; at < end; ) {
        const skip = skips[bytes[at]!]!
        if (skip > 0) {
          at += skip
          continue
        }
        let left = last - 1
        const start = at - last
        while (left >= 0 && folded[bytes[start + left]!] === wanted[left]) left--
        if (left < 0) return start
        at += again
      }
      return -1
    },
  }
}

function capital(byte: number): number {
  return byte >= 0x61 && byte <= 0x7a ? byte - 0x20 : byte
}
