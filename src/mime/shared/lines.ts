export const LF = 0x0a
export const CR = 0x0d
export const DASH = 0x2d
export const SPACE = 0x20
export const TAB = 0x09

/** Line ends, and what some readers take for one. */
export function isLineEnd(byte: number): boolean {
  return byte === LF || byte === CR || byte === 0x0b || byte === 0x0c || byte === 0
}

/** Where it is next; the length if it is nowhere. */
export function indexOrEnd(bytes: Buffer, what: string | number, from: number): number {
  const found = bytes.indexOf(what, from, 'latin1')
  return found < 0 ? bytes.length : found
}

/** Behind the line's LF; `to` if it has none before. */
export function lineEnd(bytes: Buffer, from: number, to: number): number {
  const lf = bytes.indexOf(LF, from)
  return lf < 0 || lf >= to ? to : lf + 1
}

/** Behind the line's end: LF, CR LF, a bare CR, or CR CR LF, which is one line end, too. */
export function anyLineEnd(bytes: Buffer, from: number, to = bytes.length): number {
  const end = lineEnd(bytes, from, to)
  const cr = bytes.subarray(from, end).indexOf(CR)
  if (cr < 0) return end
  let behind = from + cr
  while (behind < end && bytes[behind] === CR) behind++
  return behind < end && bytes[behind] === LF ? behind + 1 : from + cr + 1
}

/** Whether the bytes are blanks and control characters. */
export function isBlank(bytes: Buffer, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (bytes[at]! > SPACE) return false
  return true
}
