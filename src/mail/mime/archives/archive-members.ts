import { Bytes } from '../../message/bytes.ts'
import { costs } from '../budget/costs.ts'
import { limits } from '../budget/limits.ts'
import type { Steps, Work } from '../budget/work.ts'
import { inflated, type StreamEnd } from '../containers/inflate.ts'
import { NAMELESS } from '../reports/part-names.ts'

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

/**
 * Yields each file in a zip, gzip or tar archive, the kinds in which ordinary programs pack logs. Throws
 * LimitExceeded.
 *
 * Returns whether these are all files that any program can see there. For zip this requires files written
 * from front to end as the directory lists them, with no bytes between the files and none after the end of a
 * stream. The result is false for another kind, for encrypted or broken files or another compression, and if
 * sizes disagree.
 */
export function* archiveMembers(source: Bytes, work: Work): Steps<boolean> {
  const front = source.gather(0, BLOCK)
  if (front.length >= 4 && front.readUInt32LE(0) === LOCAL) return yield* emitZip(source, work)
  if (front.length >= 3 && front.readUIntBE(0, 3) === 0x1f8b08)
    return (yield* emitInflated(source, 'gzip', work)) !== undefined
  return isTarHeader(front) ? yield* emitTar(source, work) : false
}

function* emitMember(bytes: Bytes, work: Work): Steps {
  yield* work.countUnits(costs.content)
  if (bytes.size > 0) yield { kind: 'content', bytes, isMail: false, part: NAMELESS }
}

/** Returns the uncompressed size, or undefined if the bytes are not exactly one stream. */
function emitInflated(
  source: Bytes,
  format: 'deflate' | 'gzip',
  work: Work,
): Steps<number | undefined> {
  return inflated(source.gather(), format, work, (output, end) => emitOutput(output, end, work))
}

function* emitOutput(
  output: Buffer,
  { isExact }: StreamEnd,
  work: Work,
): Steps<number | undefined> {
  yield* emitMember(Bytes.of(output), work)
  return isExact ? output.length : undefined
}

// zip (APPNOTE.TXT 6.3)

const LOCAL = 0x04034b50
/** A checksum and two sizes, which may follow a file, and a mark before them. */
const DESCRIPTOR_MAX = 24
/** The sizes follow the file, and are not in its own header. */
const HAS_DESCRIPTOR = 8

function* emitZip(source: Bytes, work: Work): Steps<boolean> {
  const directory = directoryOf(source.gather())
  if (directory === undefined) return false
  const { entries, from } = directory
  let end = 0 // of what was read
  if (entries.some(({ isEncrypted }) => isEncrypted)) return false
  for (const { at, method, packed, size, name } of entries) {
    const front = source.gather(at, at + LOCAL_SIZE)
    const isThere = at >= end && at - end <= (end === 0 ? 0 : DESCRIPTOR_MAX)
    if (!isThere || front.length < LOCAL_SIZE || front.readUInt32LE(0) !== LOCAL) return false
    const nameEnd = at + LOCAL_SIZE + front.readUInt16LE(26)
    const data = nameEnd + front.readUInt16LE(28)
    end = data + packed
    const isAlike = source.gather(at + LOCAL_SIZE, nameEnd).equals(name)
    if (!isAlike || front.readUInt16LE(8) !== method || end > from) return false
    const isSized = front.readUInt32LE(18) === packed && front.readUInt32LE(22) === size
    if (!isSized && (front.readUInt16LE(6) & HAS_DESCRIPTOR) === 0) return false
    const bytes = source.slice(data, end)
    if (method === 0) yield* emitMember(bytes, work)
    else if (method !== 8) return false
    const unpacked = method === 0 ? packed : yield* emitInflated(bytes, 'deflate', work)
    if (unpacked !== size) return false
  }
  return from - end <= DESCRIPTOR_MAX
}

// tar (POSIX.1-2017 pax, "ustar Interchange Format")

export const BLOCK = 512
export const SIZE_AT = 124
const CHECKSUM_AT = 148
const MAGIC_AT = 257
const MAGIC = Buffer.from('ustar')

function* emitTar(source: Bytes, work: Work): Steps<boolean> {
  let members = 0
  for (let at = 0; at < source.size; ) {
    const header = source.gather(at, at + BLOCK)
    if (!isTarHeader(header)) {
      return !(yield* work.some(source.slice(at), (chunk) => chunk.some((byte) => byte !== 0)))
    }
    const size = octalIn(header, SIZE_AT, 12)
    const from = at + BLOCK
    if (++members > limits.archiveMembers || Number.isNaN(size) || from + size > source.size)
      return false
    yield* emitMember(source.slice(from, from + size), work)
    at = from + Math.ceil(size / BLOCK) * BLOCK
  }
  return true
}

export function isTarHeader(block: Buffer): boolean {
  return block.subarray(MAGIC_AT, MAGIC_AT + MAGIC.length).equals(MAGIC) && hasTarChecksum(block)
}

/** Returns whether the block has the checksum of a tar header. Some programs sum signed bytes. */
export function hasTarChecksum(block: Buffer): boolean {
  if (block.length < BLOCK) return false
  const bytes = [...block].fill(0x20, CHECKSUM_AT, CHECKSUM_AT + 8)
  const sum = bytes.reduce((total, byte) => total + byte)
  const negative = bytes.filter((byte) => byte >= 0x80).length * 0x100
  return [sum, sum - negative].includes(octalIn(block, CHECKSUM_AT, 8))
}

/** Parses octal digits, with blanks and NULs around them. Returns NaN for anything else. */
export function octalIn(block: Buffer, from: number, length: number): number {
  const [, digits] =
    /^[ \0]*([0-7]+)[ \0]*$/.exec(block.toString('latin1', from, from + length)) ?? []
  return digits === undefined ? Number.NaN : Number.parseInt(digits, 8)
}
