/** Longest header line that is looked at. */
const HEADER_MAX = 1000

/**
 * Whether the line begins uuencoded data for some reader: `begin 644 name`, and whatever
 * stands behind the word, or nothing.
 */
export function isUuencodeHeader(line: string): boolean {
  return line.length <= HEADER_MAX && /^begin(?!-base64[ \t])(?:[ \t-]|$)/i.test(line)
}

/** `begin-base64 644 name`: base64 follows. */
export function isBase64Header(line: string): boolean {
  return /^begin-base64[ \t]/i.test(line)
}

/** What a line of encoded data is that gives no bytes: its last line, or no such line. */
export const END = -1
export const OTHER = -2

/** Bytes that a line of uuencoded data is at most. */
export const UULINE_MAX = 63

/** Where the line ends without its CRs and LFs. */
function endOfText(bytes: Buffer, from: number, to: number): number {
  let end = to
  while (end > from && (bytes[end - 1] === 0x0d || bytes[end - 1] === 0x0a)) end--
  return end
}

/**
 * Decodes a line of uuencoded data into `room` at `at`, where there must be UULINE_MAX bytes.
 * Returns how many they are, or END or OTHER. Blanks at a line's end that were
 * lost count as zeros.
 */
export function uudecodeLine(
  bytes: Buffer,
  from: number,
  to: number,
  room: Buffer,
  at: number,
): number {
  const end = endOfText(bytes, from, to)
  if (end === from) return 0
  const first = bytes[from]!
  if ((first | 32) === 0x65 /* e */ && end - from >= 3) {
    if (/^end[ \t]*$/i.test(bytes.toString('latin1', from, Math.min(end, from + 20)))) return END
  }
  const length = (first - 32) & 63
  if (first < 32 || first > 96) return OTHER
  const needed = Math.ceil(length / 3) * 4
  if (end - from - 1 > needed + 4) return OTHER
  let filled = at
  for (let next = from + 1; next <= from + needed; next += 4) {
    const one = next < end ? (bytes[next]! - 32) & 63 : 0
    const two = next + 1 < end ? (bytes[next + 1]! - 32) & 63 : 0
    const three = next + 2 < end ? (bytes[next + 2]! - 32) & 63 : 0
    const four = next + 3 < end ? (bytes[next + 3]! - 32) & 63 : 0
    room[filled] = (one << 2) | (two >> 4)
    room[filled + 1] = (two << 4) | (three >> 2)
    room[filled + 2] = (three << 6) | four
    filled += 3
  }
  return length
}

/** The same of lines that have all their characters; for some reader others are no data. */
export function uudecodeWholeLine(
  bytes: Buffer,
  from: number,
  to: number,
  room: Buffer,
  at: number,
): number {
  const end = endOfText(bytes, from, to)
  const first = bytes[from]!
  const isData = end > from && first >= 32 && first <= 96
  const needed = Math.ceil(((first - 32) & 63) / 3) * 4
  if (isData && end - from - 1 < needed) return OTHER
  return uudecodeLine(bytes, from, to, room, at)
}

/** A line of yEnc, without its line end, likewise; as many bytes as the line has must be there. */
export function ydecodeLine(
  bytes: Buffer,
  from: number,
  to: number,
  room: Buffer,
  at: number,
): number {
  const end = endOfText(bytes, from, to)
  let filled = at
  for (let next = from; next < end; next++) {
    const escaped = bytes[next] === 0x3d && next + 1 < end
    if (escaped) next++
    room[filled++] = (bytes[next]! - 42 - (escaped ? 64 : 0)) & 255
  }
  return filled - at
}
