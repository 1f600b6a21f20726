/** Buffers of at least this size have their own memory. Smaller buffers share a pool. */
const FREED_FROM = 16 * 1024

/**
 * Frees the memory of a large buffer immediately. Other views of that memory become empty. The garbage
 * collector would free it later, because it does not see the size of that memory. Does nothing if the buffer
 * shares its memory.
 */
export function releaseBuffer({ buffer, byteLength }: Buffer): void {
  if (byteLength < FREED_FROM || byteLength !== buffer.byteLength) return
  const owned = buffer as ArrayBuffer & { transfer(length: number): ArrayBuffer }
  owned.transfer(0)
}

/**
 * The number of bytes that a loop examines or copies before a native call does the rest. A call costs as much
 * as some tens of bytes in a loop. With one call for each line, a message of empty lines costs ten times as
 * much as one of text.
 */
const NEAR_BYTES = 32

/** As `bytes.indexOf(byte, from)`, without a native call if the byte is near. */
export function indexOfByte(bytes: Buffer, byte: number, from: number): number {
  const near = Math.min(from + NEAR_BYTES, bytes.length)
  for (let at = from; at < near; at++) if (bytes[at] === byte) return at
  return near === bytes.length ? -1 : bytes.indexOf(byte, near)
}

/** Returns whether bytes begin with others. */
export const startsWith = (bytes: ArrayLike<number>, start: Uint8Array): boolean =>
  start.every((byte, at) => bytes[at] === byte)

/** Copies like `bytes.copy(to, offset, from, end)`. Returns the number of bytes copied. */
export function copyRun(
  bytes: Buffer,
  to: Buffer,
  offset: number,
  from: number,
  end = bytes.length,
): number {
  if (end - from > NEAR_BYTES) return bytes.copy(to, offset, from, end)
  for (let at = from, free = offset; at < end; at++) to[free++] = bytes[at]!
  return end - from
}
