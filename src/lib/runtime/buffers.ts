/** Buffers of at least this size have memory of their own; smaller buffers share a pool. */
const FREED_FROM = 16 * 1024

/**
 * Frees the memory of a large buffer at once; other views of that memory are empty from then on.
 * The garbage collector would take its time, since it does not see how much memory that is. Does
 * nothing if the buffer shares its memory.
 */
export function releaseBuffer({ buffer, byteLength }: Buffer): void {
  if (byteLength < FREED_FROM || byteLength !== buffer.byteLength) return
  const owned = buffer as ArrayBuffer & { transfer(length: number): ArrayBuffer }
  owned.transfer(0)
}

/**
 * Bytes that a loop looks at or copies before a native call does the rest. A call costs as much as
 * some tens of bytes in a loop: with one for each line, a message of empty lines costs ten times as
 * much as one of text.
 */
const NEAR = 32

/** As `bytes.indexOf(byte, from)`. If the byte is near, that costs no native call. */
export function indexOfByte(bytes: Buffer, byte: number, from: number): number {
  const near = Math.min(from + NEAR, bytes.length)
  for (let at = from; at < near; at++) if (bytes[at] === byte) return at
  return near === bytes.length ? -1 : bytes.indexOf(byte, near)
}

/** As `bytes.copy(to, place, from, end)`: returns how many bytes were copied. */
export function copyRun(
  bytes: Buffer,
  to: Buffer,
  offset: number,
  from: number,
  end = bytes.length,
): number {
  if (end - from > NEAR) return bytes.copy(to, offset, from, end)
  for (let at = from, free = offset; at < end; at++) to[free++] = bytes[at]!
  return end - from
}
