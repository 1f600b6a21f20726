import { WireError } from '../../shared/wire/wire-error.ts'

/** A packet of the milter protocol, in either direction. */
export interface MilterPacket {
  /** The letter of the command. */
  readonly command: string
  /** Valid until the reader is asked for the next one. */
  readonly data: Buffer
}

export interface PacketReader {
  /** Takes the next bytes, in any split; they must not be changed afterwards. */
  push(chunk: Buffer): void
  /**
   * Returns the next whole packet, or undefined until more bytes come. Throws a WireError for a bad
   * length.
   */
  next(): MilterPacket | undefined
  /** Whether a packet has begun that has not come whole. */
  readonly amidst: boolean
  /** Bytes that came and were not read yet. */
  readonly pending: number
  /** Frees the memory that is kept for packets to come. Must not be called amidst a packet. */
  trim(): void
  /** Frees everything: nothing more is read. */
  close(): void
}

/** The account for memory of packets that come in pieces. */
export interface PacketMemory {
  /** Called before memory is allocated. If it throws, `next()` does. */
  charge(bytes: number): void
  /** Called when memory is not used any more. */
  release(memory: Buffer): void
}

export interface PacketReaderOptions {
  /** Returns the largest length of a packet with this command in bytes, its letter included. */
  lengthOf?(command: string): number
  readonly memory?: PacketMemory
}

/**
 * Bytes of the big-endian length that opens a packet. The length counts the command's byte, too.
 */
const LENGTH = 4
/**
 * Bytes that are allocated first for packets in pieces, and kept until `trim()`. A length alone
 * must not cost memory, and the next chunk of a body, which is about as large, should cost none
 * again.
 */
const FIRST_PIECE = 64 * 1024
const freeMemory: PacketMemory = { charge() {}, release() {} }

/** Reads packets of up to `lengthMax` bytes from any split of their bytes. */
export function createPacketReader(
  lengthMax: number,
  { lengthOf, memory = freeMemory }: PacketReaderOptions = {},
): PacketReader {
  const chunks: Buffer[] = []
  let at = 0 // bytes of the first chunk that were read
  const prefix = Buffer.alloc(LENGTH)
  let prefixLength = 0
  let wanted = 0 // bytes of the packet, or 0 before its length is known
  // The memory of packets that come in several chunks. The next packet overwrites it, so whoever
  // takes a packet must copy what it keeps before it awaits anything.
  let gathered: Buffer = Buffer.alloc(0)
  let filled = 0

  /** Copies up to `length` bytes of the first chunk, and returns how many there were. */
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
    checkLength(lengthMax)
  }

  function checkLength(most: number): void {
    if (wanted >= 1 && wanted <= most) return
    throw new WireError(`a packet of ${wanted} bytes; 1 to ${most} are allowed`)
  }

  /** Returns the packet if all of it has come: as a view of the chunk if it came in one. */
  function readBytes(chunk: Buffer): MilterPacket | undefined {
    if (filled === 0) {
      if (lengthOf) checkLength(lengthOf(String.fromCharCode(chunk[at]!)))
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
    freeGathered()
    gathered = larger
  }

  function freeGathered(): void {
    memory.release(gathered)
    gathered = Buffer.alloc(0)
  }

  return {
    push(chunk) {
      if (chunk.length > 0) chunks.push(chunk)
    },
    next() {
      if (wanted === 0 && gathered.length > FIRST_PIECE) freeGathered()
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
    trim: freeGathered,
    close() {
      chunks.length = 0
      at = 0
      freeGathered()
    },
  }
}

/** Returns a packet as it is sent. */
export function packet(command: string, ...data: readonly Buffer[]): Buffer {
  const head = Buffer.allocUnsafe(LENGTH + 1)
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
