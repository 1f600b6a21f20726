const COMMAND = 'zINSTREAM\0'
/** Bytes of a chunk's length, which is big-endian. */
export const CHUNK_HEAD = 4

/** Upper limit, in bytes, for mail in one packet. A message up to this size is sent in a single write. */
export const PACKET_DATA = 64 * 1024

/**
 * Yields the packets of INSTREAM (clamd(8)): the command, chunks with their lengths, a length of zero. Chunks
 * of any size are sent in few large packets. All packets share one buffer, so each is valid until the next
 * one is requested. `size` is the size of all chunks together, if it is known: a small message needs a small
 * buffer.
 */
export function* streamPackets(
  chunks: Iterable<Buffer>,
  size = PACKET_DATA,
): Generator<Buffer, undefined> {
  const capacity = Math.max(1, Math.min(size, PACKET_DATA))
  const packet = Buffer.allocUnsafe(COMMAND.length + CHUNK_HEAD + capacity + CHUNK_HEAD)
  let lengthAt = packet.write(COMMAND, 'latin1')
  let end = lengthAt + CHUNK_HEAD

  for (const chunk of chunks) {
    let taken = 0
    while (taken < chunk.length) {
      if (end - lengthAt - CHUNK_HEAD === capacity) {
        packet.writeUInt32BE(capacity, lengthAt)
        yield packet.subarray(0, end)
        lengthAt = 0
        end = CHUNK_HEAD
      }
      const free = capacity - (end - lengthAt - CHUNK_HEAD)
      const copied = chunk.copy(packet, end, taken, taken + free)
      taken += copied
      end += copied
    }
  }

  const data = end - lengthAt - CHUNK_HEAD
  packet.writeUInt32BE(data, lengthAt)
  // Without data that length was the closing zero already.
  if (data > 0) end = packet.writeUInt32BE(0, end)
  yield packet.subarray(0, end)
}

/** A known number of bytes. A chunk is valid until the next one is requested. */
export interface SizedContent {
  readonly size: number
  chunks(): Iterable<Buffer>
}

/** Returns one packet with an INSTREAM of a single chunk for each content. So the contents must be small. */
export function packetOfStreams(contents: readonly SizedContent[]): Buffer {
  const length = contents.reduce((sum, { size }) => sum + lengthOfStream(size), 0)
  const packet = Buffer.allocUnsafe(length)
  let at = 0
  for (const content of contents) {
    const end = at + lengthOfStream(content.size)
    at += packet.write(COMMAND, at, 'latin1')
    if (content.size > 0) at = packet.writeUInt32BE(content.size, at)
    for (const chunk of content.chunks()) at += chunk.copy(packet, at)
    at = packet.writeUInt32BE(0, at)
    if (at !== end) throw new Error('a part does not have its announced size')
  }
  return packet
}

function lengthOfStream(size: number): number {
  return COMMAND.length + (size > 0 ? CHUNK_HEAD + size : 0) + CHUNK_HEAD
}
