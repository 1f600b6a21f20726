import { WireError } from './wire-error.ts'

/** A packet of the milter protocol, of either direction. */
export interface Packet {
  /** One character. */
  readonly command: string
  /** Valid until the reader is asked for the next one. */
  readonly data: Buffer
}

export interface PacketReader {
  /** Takes the next bytes, in any split; they must not be changed afterwards. */
  push(chunk: Buffer): void
  /** The next whole packet, or undefined until more bytes come. Throws a WireError for a bad length. */
  next(): Packet | undefined
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
  /** It is looked at no more. */
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
  const prefix = Buffer.alloc(LENGTH)
  let prefixLength = 0
  let wanted = 0 // bytes of the packet, or 0 before its length is known
  // What came of it in several chunks; used again for the next one of this connection. Who is
  // given a packet copies what it keeps before it awaits anything: intake.ts,
  // recipient-list.ts and session.ts do.
  let gathered: Buffer = Buffer.alloc(0)
  let filled = 0

  function takeFrom(chunk: Buffer, length: number): Buffer {
    if (length === chunk.length) chunks.shift()
    else chunks[0] = chunk.subarray(length)
    return chunk.subarray(0, length)
  }

  function readLength(chunk: Buffer): void {
    const piece = takeFrom(chunk, Math.min(LENGTH - prefixLength, chunk.length))
    prefixLength += piece.copy(prefix, prefixLength)
    if (prefixLength < LENGTH) return
    wanted = prefix.readUInt32BE()
    check(lengthMax)
  }

  function check(most: number): void {
    if (wanted >= 1 && wanted <= most) return
    throw new WireError(`a packet of ${wanted} bytes; 1 to ${most} are allowed`)
  }

  /** The packet's bytes once all are here: a view if they came in one chunk. */
  function readBytes(chunk: Buffer): Buffer | undefined {
    if (filled === 0 && lengthOf) check(lengthOf(String.fromCharCode(chunk[0]!)))
    const piece = takeFrom(chunk, Math.min(wanted - filled, chunk.length))
    if (piece.length === wanted) return piece
    makeRoom(filled + piece.length)
    filled += piece.copy(gathered, filled)
    return filled === wanted ? gathered.subarray(0, wanted) : undefined
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
        if (wanted === 0) {
          readLength(chunk)
          continue
        }
        const bytes = readBytes(chunk)
        if (bytes === undefined) continue
        prefixLength = 0
        wanted = 0
        filled = 0
        return { command: String.fromCharCode(bytes[0]!), data: bytes.subarray(1) }
      }
      return undefined
    },
    get amidst() {
      return prefixLength > 0
    },
    get pending() {
      return chunks.reduce((sum, chunk) => sum + chunk.length, 0)
    },
    trim: drop,
    close() {
      chunks.length = 0
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
