const COMMAND = 'zINSTREAM\0'
const LENGTH = 4 // bytes of a chunk's length, big-endian

/** Bytes of mail in one packet; also the largest message that goes out in a single write. */
export const PACKET_DATA = 64 * 1024

/**
 * The bytes of INSTREAM, clamd(8): the command, then chunks of a length and as many
 * bytes, then a length of zero. Whatever the size of the chunks that come in, they go
 * out in few large packets, all in one buffer: each is valid until the next is asked for.
 * `size` is that of all chunks together, where it is known: a small message needs no more room.
 */
export function* streamPackets(
  chunks: Iterable<Buffer>,
  size = PACKET_DATA,
): Generator<Buffer, undefined> {
  const room = Math.max(1, Math.min(size, PACKET_DATA))
  const packet = Buffer.allocUnsafe(COMMAND.length + LENGTH + room + LENGTH)
  let lengthAt = packet.write(COMMAND, 'latin1')
  let end = lengthAt + LENGTH

  for (const chunk of chunks) {
    let taken = 0
    while (taken < chunk.length) {
      if (end - lengthAt - LENGTH === room) {
        packet.writeUInt32BE(room, lengthAt)
        yield packet.subarray(0, end)
        lengthAt = 0
        end = LENGTH
      }
      const free = room - (end - lengthAt - LENGTH)
      const copied = chunk.copy(packet, end, taken, taken + free)
      taken += copied
      end += copied
    }
  }

  const data = end - lengthAt - LENGTH
  packet.writeUInt32BE(data, lengthAt)
  // Without data that length was the closing zero already.
  if (data > 0) end = packet.writeUInt32BE(0, end)
  yield packet.subarray(0, end)
}
