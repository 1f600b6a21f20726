import { startsWith } from '../../../base/bytes/buffers.ts'
import type { MailBytes } from '../../message/bytes.ts'
import { costs } from '../budget/costs.ts'
import { limits } from '../budget/limits.ts'
import { PIECE, type Steps, type Work } from '../budget/work.ts'

// zip (APPNOTE.TXT 6.3)

/** The first bytes of each header. */
const PK = Buffer.from('PK')
const END_OF_DIRECTORY = Buffer.from('PK\x05\x06')
const END_SIZE = 22
/** Upper limit for the bytes from the end record on: its comment has at most 64 KiB. */
const ZIP_END_MAX = END_SIZE + 0xffff
/** What is above the end record if sizes have 64 bits. */
const LOCATOR = Buffer.from('PK\x06\x07')
const LOCATOR_SIZE = 20
const ENTRY = Buffer.from('PK\x01\x02')
const ENTRY_SIZE = 46
/** The first bytes of the header of a file, and its length without the name. */
export const ZIP_LOCAL = Buffer.from('PK\x03\x04')
const LOCAL_SIZE = 30
const ENCRYPTED = 1

/** A file of a zip archive, as its directory lists it, or as the header in front of it does. */
export interface ZipEntry {
  /** The offset of its own header, from the beginning of the archive. */
  readonly at: number
  readonly method: number
  /** The packed size. */
  readonly packed: number
  readonly size: number
  readonly name: MailBytes
  /** Whether it needs a password. */
  readonly isEncrypted: boolean
}

/**
 * Reads the directory at the end of a zip archive, in the order of the files. Returns undefined if it is not exactly at the
 * end.
 */
export function directoryOf(
  source: MailBytes,
): { readonly entries: readonly ZipEntry[]; readonly from: number } | undefined {
  const tail = source.subarray(Math.max(0, source.length - END_SIZE))
  // With a comment after it, there may be two ends.
  if (tail.length < END_SIZE || !startsWith(tail, END_OF_DIRECTORY)) return undefined
  const [count, size, from] = [tail.readUInt16LE(10), tail.readUInt32LE(12), tail.readUInt32LE(16)]
  if (count > limits.archiveMembers || size > limits.archiveDirectory) return undefined
  if (from + size + END_SIZE !== source.length) return undefined
  const bytes = source.subarray(from, from + size)
  const entries: ZipEntry[] = []
  for (let at = 0; at < size; ) {
    const entry = listedAt(bytes, at)
    if (entry === undefined || !startsWith(bytes.subarray(at), ENTRY)) return undefined
    entries.push(entry)
    at += ENTRY_SIZE + [28, 30, 32].reduce((sum, field) => sum + bytes.readUInt16LE(at + field), 0)
  }
  if (entries.length !== count) return undefined
  return { entries: entries.sort((entry, other) => entry.at - other.at), from }
}

/** Reads an entry of a directory, whatever its first bytes are. Returns undefined if the bytes end before. */
function listedAt(bytes: MailBytes, at: number): ZipEntry | undefined {
  const front = bytes.subarray(at, at + ENTRY_SIZE)
  if (front.length < ENTRY_SIZE) return undefined
  return {
    at: front.readUInt32LE(42),
    method: front.readUInt16LE(10),
    packed: front.readUInt32LE(20),
    size: front.readUInt32LE(24),
    name: bytes.subarray(at + ENTRY_SIZE, at + ENTRY_SIZE + front.readUInt16LE(28)),
    isEncrypted: (front.readUInt16LE(8) & ENCRYPTED) !== 0,
  }
}

/** What the header in front of a file of a zip archive states. */
interface LocalHeader extends ZipEntry {
  /** Whether the sizes follow the file, and need not be in this header. */
  readonly hasDescriptor: boolean
  /** The offset of the packed file. */
  readonly data: number
}

/** The sizes follow the file. */
const HAS_DESCRIPTOR = 8

/** Reads the header of a file at its offset, whatever its first bytes are. Returns undefined if the archive ends before. */
export function localHeaderAt(source: MailBytes, at: number): LocalHeader | undefined {
  const front = source.subarray(at, at + LOCAL_SIZE)
  if (front.length < LOCAL_SIZE) return undefined
  const nameEnd = at + LOCAL_SIZE + front.readUInt16LE(26)
  const flags = front.readUInt16LE(6)
  return {
    at,
    method: front.readUInt16LE(8),
    packed: front.readUInt32LE(18),
    size: front.readUInt32LE(22),
    name: source.subarray(at + LOCAL_SIZE, nameEnd),
    isEncrypted: (flags & ENCRYPTED) !== 0,
    hasDescriptor: (flags & HAS_DESCRIPTOR) !== 0,
    data: nameEnd + front.readUInt16LE(28),
  }
}

/** Returns whether programs open bytes as a zip archive, with others in front of it, and others or a comment behind it. */
export function* mayBeZip(source: MailBytes, work: Work): Steps<boolean> {
  if (startsWith(source, ZIP_LOCAL)) return true
  return yield* work.includes(source.subarray(-ZIP_END_MAX), [END_OF_DIRECTORY])
}

/** What a header of a zip archive states of a file, with the offset of the file's own header in the bytes. */
interface ZipHeader {
  readonly entry: ZipEntry
  /** Whether the header is in a directory, and not in front of the file. */
  readonly isListed: boolean
}

/**
 * Finds all headers that some program finds, wherever they are: those in directories, then those in front of files, also of
 * archives that are stored in this one.
 */
export function* headersIn(source: MailBytes, work: Work): Steps<Iterable<ZipHeader>> {
  const own: number[] = []
  const listed: number[] = []
  /** The offset of the archive of each listed one. */
  const bases: number[] = []
  for (let from = 0, to = 0; from < source.length; from = to) {
    to = from + PIECE
    const piece = yield* work.searched(source, from, to + PK.length - 1)
    for (
      let offset = piece.indexOf(PK);
      offset >= 0;
      offset = piece.indexOf(PK, offset + PK.length)
    ) {
      const at = from + offset
      yield* work.countUnits(costs.entry)
      const front = source.subarray(at, at + PK.length + 2)
      const isOf = (header: Uint8Array) => startsWith(front, header)
      if (isOf(ZIP_LOCAL) && isPlausible(source, at + 4)) own.push(at)
      else if (isOf(ENTRY) && isPlausible(source, at + 6)) listed.push(at)
      else if (isOf(END_OF_DIRECTORY) && at + END_SIZE <= source.length) {
        const is64 = at >= LOCATOR_SIZE && startsWith(source.subarray(at - LOCATOR_SIZE), LOCATOR)
        const base = is64 ? 0 : at - source.readUInt32LE(at + 12) - source.readUInt32LE(at + 16)
        while (bases.length < listed.length) bases.push(Math.max(0, base))
      }
    }
  }
  return headersAt(source, { listed, bases, own })
}

/** Returns whether a version and a compression are ones that there may be: other data may have a header's first bytes. */
function isPlausible(source: MailBytes, version: number): boolean {
  return source[version]! < 100 && source[version + 4]! < 100 && source[version + 5] === 0
}

function* headersAt(
  source: MailBytes,
  { listed, bases, own }: Readonly<Record<'listed' | 'bases' | 'own', readonly number[]>>,
): Iterable<ZipHeader> {
  for (const [index, header] of listed.entries()) {
    const entry = listedAt(source, header)
    if (!entry) continue
    yield { entry: { ...entry, at: entry.at + (bases[index] ?? 0) }, isListed: true }
  }
  for (const header of own) {
    const entry = localHeaderAt(source, header)
    if (!entry) continue
    // The size of a file that was streamed follows it.
    const packed = entry.hasDescriptor ? source.length : entry.packed
    yield { entry: { ...entry, packed }, isListed: false }
  }
}
