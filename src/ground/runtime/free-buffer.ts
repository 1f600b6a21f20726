/** Bytes from which on a buffer has memory of its own: a small one is a part of a pool. */
const FREED_FROM = 16 * 1024

/**
 * Gives the memory of a large buffer back at once; whoever still has a view of it finds
 * nothing there. The garbage collector, which does not see how much it is, would take its
 * time. Where the runtime cannot (before Node 21) and where the memory is not the
 * buffer's alone, nothing happens.
 */
export function freeBuffer({ buffer, byteLength }: Buffer): void {
  if (byteLength < FREED_FROM || byteLength !== buffer.byteLength) return
  const { transfer } = buffer as ArrayBuffer & { transfer?: (length: number) => ArrayBuffer }
  transfer?.call(buffer, 0)
}
