/** Buffers of at least so many bytes have memory of their own; smaller ones are parts of a pool. */
const FREED_FROM = 16 * 1024

/**
 * Frees the memory of a large buffer at once; other views of it are empty from then on. The garbage
 * collector would take its time, since it does not see how much memory that is. Nothing happens
 * before Node 21, which cannot do it, or if the memory is not the buffer's alone.
 */
export function releaseBuffer({ buffer, byteLength }: Buffer): void {
  if (byteLength < FREED_FROM || byteLength !== buffer.byteLength) return
  const { transfer } = buffer as ArrayBuffer & { transfer?: (length: number) => ArrayBuffer }
  transfer?.call(buffer, 0)
}
