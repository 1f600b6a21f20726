/** Buffers of at least so many bytes have memory of their own; smaller buffers share a pool. */
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
