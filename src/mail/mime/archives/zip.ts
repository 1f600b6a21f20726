import { limits } from '../budget/limits.ts'

// zip (APPNOTE.TXT 6.3)

const END_OF_DIRECTORY = 0x06054b50
const END_SIZE = 22
const ENTRY_SIGNATURE = 0x02014b50
const ENTRY_SIZE = 46
/** The first bytes of the header of a file, and its length without the name. */
export const ZIP_LOCAL = Buffer.from('PK\x03\x04')
const LOCAL_SIZE = 30
const ENCRYPTED = 1

/** A file of a zip archive, as its directory lists it. */
export interface ZipEntry {
  /** The offset of its own header. */
  readonly at: number
  readonly method: number
  /** The packed size. */
  readonly packed: number
  readonly size: number
  readonly name: Buffer
  /** Whether it needs a password. */
  readonly isEncrypted: boolean
}

/**
 * Reads the directory at the end of a zip archive, in the order of the files. Returns undefined if it is not exactly at the
 * end.
 */
export function directoryOf(
  source: Buffer,
): { readonly entries: readonly ZipEntry[]; readonly from: number } | undefined {
  const tail = source.subarray(Math.max(0, source.length - END_SIZE))
  // With a comment after it, there may be two ends.
  if (tail.length < END_SIZE || tail.readUInt32LE(0) !== END_OF_DIRECTORY) return undefined
  const [count, size, from] = [tail.readUInt16LE(10), tail.readUInt32LE(12), tail.readUInt32LE(16)]
  if (count > limits.archiveMembers || size > limits.archiveDirectory) return undefined
  if (from + size + END_SIZE !== source.length) return undefined
  const bytes = source.subarray(from, from + size)
  const entries: ZipEntry[] = []
  for (let at = 0; at < size; ) {
    if (at + ENTRY_SIZE > size || bytes.readUInt32LE(at) !== ENTRY_SIGNATURE) return undefined
    const nameEnd = at + ENTRY_SIZE + bytes.readUInt16LE(at + 28)
    entries.push({
      at: bytes.readUInt32LE(at + 42),
      method: bytes.readUInt16LE(at + 10),
      packed: bytes.readUInt32LE(at + 20),
      size: bytes.readUInt32LE(at + 24),
      name: bytes.subarray(at + ENTRY_SIZE, nameEnd),
      isEncrypted: (bytes.readUInt16LE(at + 8) & ENCRYPTED) !== 0,
    })
    at = nameEnd + bytes.readUInt16LE(at + 30) + bytes.readUInt16LE(at + 32)
  }
  if (entries.length !== count) return undefined
  return { entries: entries.sort((entry, other) => entry.at - other.at), from }
}

/** What the header in front of a file of a zip archive states. */
interface LocalHeader {
  readonly name: Buffer
  readonly method: number
  readonly packed: number
  readonly size: number
  /** Whether the sizes follow the file, and need not be in this header. */
  readonly hasDescriptor: boolean
  /** The offset of the packed file. */
  readonly data: number
}

/** The sizes follow the file. */
const HAS_DESCRIPTOR = 8

/** Reads the header of a file at its offset, whatever its first bytes are. Returns undefined if the archive ends before. */
export function localHeaderAt(source: Buffer, at: number): LocalHeader | undefined {
  const front = source.subarray(at, at + LOCAL_SIZE)
  if (front.length < LOCAL_SIZE) return undefined
  const nameEnd = at + LOCAL_SIZE + front.readUInt16LE(26)
  return {
    name: source.subarray(at + LOCAL_SIZE, nameEnd),
    method: front.readUInt16LE(8),
    packed: front.readUInt32LE(18),
    size: front.readUInt32LE(22),
    hasDescriptor: (front.readUInt16LE(6) & HAS_DESCRIPTOR) !== 0,
    data: nameEnd + front.readUInt16LE(28),
  }
}
