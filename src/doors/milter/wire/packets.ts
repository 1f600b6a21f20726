import { WireError } from '../../shared/wire/wire-error.ts'

/** A packet of the milter protocol, of either direction. */
export interface MilterPacket {
  /** One character. */
  readonly command: string
  /** Valid until the reader is asked for the next one. */
  readonly data: Buffer
}

export interface PacketReader {
  /** Takes the next bytes, in any split; they must not be changed afterwards. */
  push(chunk: Buffer): void
  /** The next whole packet, or undefined until more bytes come. Throws a WireError for a bad length. */
  next(): MilterPacket | undefined
  /** Whether a packet has begun that is not whole yet. */
  readonly amidst: boolean
  /** Bytes that came and were not looked at yet. */
  readonly pending: number
  /** Keeps no memory for packets to come; there must be none of which something is here. */
  trim(): void
  /** Nothing more is read: keeps nothing. */
  close(): void
}

/** Where the memory comes from for packets that come in pieces. */
export interface PacketMemory {
  /** May throw. */
  charge(bytes: number): void
  /** The memory is not needed any more. */
  release(memory: Buffer): void
}

export interface PacketReaderOptions {
  /** Largest packet of this command in bytes, its letter included, if less than for the others. */
  lengthOf?(command: string): number
  readonly memory?: PacketMemory
}

/** Bytes of the length that opens a packet, big-endian; it counts the command's byte too. */
const LENGTH = 4
/**
 * What is allocated for packets in pieces at first, and kept until `trim`: a length alone must
 * not cost memory, and a body chunk, which is about as large, should cost none twice.
 */
const FIRST_PIECE = 64 * 1024
const freeMemory: PacketMemory = { charge() {}, release() {} }

/** Reads packets of up to `lengthMax` bytes from any split of their bytes. */
export function createPacketReader(
  lengthMax: number,
  { lengthOf, memory = freeMemory }: PacketReaderOptions = {},
): PacketReader {
  const chunks: Buffer[] = []
  let at = 0 // how far the first chunk was read
  const prefix = Buffer.alloc(LENGTH)
  let prefixLength = 0
  let wanted = 0 // bytes of the packet, or 0 before its length is known
  // What came of it in several chunks; used again for the next one of this connection. Who is
  // given a packet copies what it keeps before it awaits anything: intake.ts,
  // recipient-list.ts and session.ts do.
  let gathered: Buffer = Buffer.alloc(0)
  let filled = 0

  /** Copies what is there of the first chunk, up to `length` bytes. */
  function copyTo(target: Buffer, filled: number, length: number): number {
    const copied = chunks[0]!.copy(target, filled, at, at + length)
    at += copied
    return copied
  }

  function readLength(chunk: Buffer): void {
    if (prefixLength === 0 && chunk.length - at >= LENGTH) {
      wanted = chunk.readUInt32BE(at)
      at += LENGTH
      prefixLength = LENGTH
    } else {
      prefixLength += copyTo(prefix, prefixLength, LENGTH - prefixLength)
      if (prefixLength < LENGTH) return
      wanted = prefix.readUInt32BE()
    }
    check(lengthMax)
  }

  function check(most: number): void {
    if (wanted >= 1 && wanted <= most) return
    throw new WireError(`a packet of ${wanted} bytes; 1 to ${most} are allowed`)
  }

  /** The packet once all of it is here: with a view of its bytes if they came in one chunk. */
  function readBytes(chunk: Buffer): MilterPacket | undefined {
    if (filled === 0) {
      if (lengthOf) check(lengthOf(String.fromCharCode(chunk[at]!)))
      if (chunk.length - at >= wanted) {
        at += wanted
        return packetIn(chunk, at - wanted, at)
      }
    }
    const length = Math.min(wanted - filled, chunk.length - at)
    makeRoom(filled + length)
    filled += copyTo(gathered, filled, length)
    return filled === wanted ? packetIn(gathered, 0, wanted) : undefined
  }

  function packetIn(bytes: Buffer, from: number, to: number): MilterPacket {
    return { command: String.fromCharCode(bytes[from]!), data: bytes.subarray(from + 1, to) }
  }

  function makeRoom(length: number): void {
    if (gathered.length >= length) return
    const first = Math.min(wanted, FIRST_PIECE)
    const room = Math.max(length, Math.min(wanted, 2 * gathered.length), first)
    memory.charge(room)
    const larger = Buffer.allocUnsafeSlow(room)
    gathered.copy(larger, 0, 0, filled)
    drop()
    gathered = larger
  }

  function drop(): void {
    memory.release(gathered)
    gathered = Buffer.alloc(0)
  }

  return {
    push(chunk) {
      if (chunk.length > 0) chunks.push(chunk)
    },
    next() {
      if (wanted === 0 && gathered.length > FIRST_PIECE) drop()
      for (let chunk = chunks[0]; chunk !== undefined; chunk = chunks[0]) {
        if (at === chunk.length) {
          chunks.shift()
          at = 0
        } else if (wanted === 0) {
          readLength(chunk)
        } else {
          const packet = readBytes(chunk)
          if (packet === undefined) continue
          prefixLength = 0
          wanted = 0
          filled = 0
          return packet
        }
      }
      return undefined
    },
    get amidst() {
      return prefixLength > 0
    },
    get pending() {
      return chunks.reduce((sum, chunk) => sum + chunk.length, -at)
    },
    trim: drop,
    close() {
      chunks.length = 0
      at = 0
      drop()
    },
  }
}

/** A packet on the wire. */
export function packet(command: string, ...data: readonly Buffer[]): Buffer {
  const head = Buffer.allocUnsafe(LENGTH + 1)
  let length = 1
  for (const part of data) length += part.length
  head.writeUInt32BE(length)
  head[LENGTH] = command.charCodeAt(0)
  return Buffer.concat([head, ...data], LENGTH + length)
}

/** Strings as the protocol has them: each ended by a NUL. A NUL inside would end it early. */
export function strings(...texts: readonly (Buffer | string)[]): Buffer {
  const parts: Buffer[] = []
  for (const text of texts) {
    const bytes = typeof text === 'string' ? Buffer.from(text, 'latin1') : text
    if (bytes.includes(0)) throw new WireError('a string that holds a NUL cannot be sent')
    parts.push(bytes, NUL)
  }
  return Buffer.concat(parts)
}

const NUL = Buffer.of(0)

export function uint32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4)
  bytes.writeUInt32BE(value)
  return bytes
}
