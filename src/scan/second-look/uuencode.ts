/** Longest header line that is looked at. */
const HEADER_MAX = 1000

/**
 * Whether the line begins uuencoded data for some reader: `begin 644 name`, with any
 * number of digits, blanks or none, with or without a name.
 */
export function isUuencodeHeader(line: string): boolean {
  return line.length <= HEADER_MAX && /^begin[ \t-]+[0-7]{1,7}(?:[ \t]|$)/i.test(line)
}

/** `begin-base64 644 name`: base64 follows. */
export function isBase64Header(line: string): boolean {
  return /^begin-base64[ \t]/i.test(line)
}

/**
 * The bytes of a line of uuencoded data, or why there are none: `end` for its last line,
 * `other` for one that is no such line. Blanks at a line's end that were lost count as zeros.
 */
export function uudecodeLine(bytes: Buffer, from: number, to: number): Buffer | 'end' | 'other' {
  let end = to
  while (end > from && (bytes[end - 1] === 0x0d || bytes[end - 1] === 0x0a)) end--
  if (end === from) return Buffer.alloc(0)
  if (
    end - from >= 3 &&
    /^end[ \t]*$/i.test(bytes.toString('latin1', from, Math.min(end, from + 20)))
  ) {
    return 'end'
  }
  const length = (bytes[from]! - 32) & 63
  if (bytes[from]! < 32 || bytes[from]! > 96) return 'other'
  const needed = Math.ceil(length / 3) * 4
  if (end - from - 1 > needed + 4) return 'other'
  const decoded = Buffer.alloc(Math.ceil(length / 3) * 3)
  for (let group = 0; group * 4 < needed; group++) {
    const at = from + 1 + group * 4
    const value = (offset: number) => (at + offset < end ? (bytes[at + offset]! - 32) & 63 : 0)
    const bits = (value(0) << 18) | (value(1) << 12) | (value(2) << 6) | value(3)
    decoded.writeUIntBE(bits, group * 3, 3)
  }
  return decoded.subarray(0, length)
}

/** A line of yEnc, without its line end. */
export function ydecodeLine(bytes: Buffer, from: number, to: number): Buffer {
  let end = to
  while (end > from && (bytes[end - 1] === 0x0d || bytes[end - 1] === 0x0a)) end--
  const decoded = Buffer.allocUnsafe(end - from)
  let length = 0
  for (let at = from; at < end; at++) {
    const escaped = bytes[at] === 0x3d && at + 1 < end
    if (escaped) at++
    decoded[length++] = (bytes[at]! - 42 - (escaped ? 64 : 0)) & 255
  }
  return decoded.subarray(0, length)
}
