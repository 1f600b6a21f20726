import { limits } from '../budget/limits.ts'

// zip (APPNOTE.TXT 6.3)

const END_OF_DIRECTORY = 0x06054b50
const END_SIZE = 22
const ENTRY_SIGNATURE = 0x02014b50
const ENTRY_SIZE = 46
/** The length of the header of a file, without its name. */
export const LOCAL_SIZE = 30
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
}

/**
 * Reads the directory at the end of a zip archive, in the order of the files. Returns undefined if it is not exactly at the
 * end, or if a file is encrypted.
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
    if ((bytes.readUInt16LE(at + 8) & ENCRYPTED) !== 0) return undefined
    const nameEnd = at + ENTRY_SIZE + bytes.readUInt16LE(at + 28)
    entries.push({
      at: bytes.readUInt32LE(at + 42),
      method: bytes.readUInt16LE(at + 10),
      packed: bytes.readUInt32LE(at + 20),
      size: bytes.readUInt32LE(at + 24),
      name: bytes.subarray(at + ENTRY_SIZE, nameEnd),
    })
    at = nameEnd + bytes.readUInt16LE(at + 30) + bytes.readUInt16LE(at + 32)
  }
  if (entries.length !== count) return undefined
  return { entries: entries.sort((entry, other) => entry.at - other.at), from }
}
