import { WireError } from '../../../base/protocol/connection/wire-error.ts'
import { NO_PROXY_PROTOCOL, PROXY_STARTS } from '../../../base/protocol/proxy-protocol.ts'
import { type FrameMemory, FrameReader, HEAD } from '../frames.ts'

/**
 * Makes a reader of packets, whose types are the letters of commands. `mostFor` returns the largest
 * length in bytes of a packet with this command, the letter included. The reader throws a WireError
 * if a packet is longer, or is empty.
 */
export function createPacketReader(
  mostFor: (command: string) => number,
  memory?: FrameMemory,
): FrameReader {
  return new FrameReader({
    ...(memory ? { memory } : {}),
    readHead(head) {
      if (PROXY_STARTS.some((start) => head.equals(start.subarray(0, HEAD))))
        throw new WireError(NO_PROXY_PROTOCOL)
      const type = String.fromCharCode(head[LENGTH]!)
      const wanted = head.readUInt32BE()
      const most = mostFor(type)
      if (wanted >= 1 && wanted <= most) return { type, length: wanted - 1 }
      throw new WireError(`a packet of ${wanted} bytes; 1 to ${most} are allowed`)
    },
  })
}

/**
 * Bytes of the big-endian length that opens a packet. The length counts the command's byte, too.
 */
const LENGTH = HEAD - 1

/** Returns a packet as it is sent. */
export function packet(command: string, ...data: readonly Buffer[]): Buffer {
  const head = Buffer.allocUnsafe(HEAD)
  let length = 1
  for (const part of data) length += part.length
  head.writeUInt32BE(length)
  head[LENGTH] = command.charCodeAt(0)
  return Buffer.concat([head, ...data], LENGTH + length)
}

/**
 * Returns strings as they are sent, each ended by a NUL. Throws a WireError for a NUL inside, which
 * would end one early.
 */
export function strings(...texts: readonly (Buffer | string)[]): Buffer {
  const parts: Buffer[] = []
  for (const text of texts) {
    const bytes = typeof text === 'string' ? Buffer.from(text, 'latin1') : text
    if (bytes.includes(0)) throw new WireError('a string that contains a NUL cannot be sent')
    parts.push(bytes, STRING_END)
  }
  return Buffer.concat(parts)
}

const STRING_END = Buffer.of(0)
