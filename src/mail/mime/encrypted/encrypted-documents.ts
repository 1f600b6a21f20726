import { startsWith } from '../../../base/bytes/buffers.ts'
import { type MailBytes, shortText } from '../../message/bytes.ts'
import { BLOCK, isTarHeader, tarMemberAt } from '../archives/tar.ts'
import { headersIn, localHeaderAt, mayBeZip, ZIP_LOCAL, type ZipEntry } from '../archives/zip.ts'
import { costs } from '../budget/costs.ts'
import { limits } from '../budget/limits.ts'
import type { Steps, Work } from '../budget/work.ts'
import { GZIP, inflated, newStream, pushed } from '../decoders/inflate.ts'
import { isEncryptedArchive } from './encrypted-archives.ts'
import { isEncryptedPdf } from './encrypted-pdf.ts'

/** The first bytes of a compound file (MS-CFB 2.2). */
const COMPOUND = Buffer.from('d0cf11e0a1b11ae1', 'hex')

/** The file of a whole encrypted package (OpenDocument 1.4 part 2, 3.16), and the list of files with their encryption (3.2). */
const ODF_PACKAGE = 'encrypted-package'
const MANIFEST = 'META-INF/manifest.xml'
const ENCRYPTION_DATA = 'encryption-data'
/** Upper limit for the bytes of such a list, or of a document in an archive, that is inflated whatever its packed size is. */
const MEMBER_MAX = 64 * 1024 * 1024
/**
 * Upper limit for the bytes that are inflated of a larger one, or of a gzip file, and searched for encrypted files: a number of
 * bytes, and a multiple of the packed size. Encrypted files hardly shrink, whatever size they state. Logs shrink to a hundredth,
 * and their message must not exceed its budget because of this search.
 */
const ALWAYS_INFLATED = 64 * 1024
const SHRINKS_MAX = 20
const mostInflated = (packed: number) =>
  Math.min(MEMBER_MAX, ALWAYS_INFLATED + SHRINKS_MAX * packed)

/** The names of Office, OpenDocument and PDF files, templates, slide shows and macros among them, and of archives. */
const OPENED =
  /\.(?:(?:do[ct]|xl[abmst]|p[op][ast]|od[bcfgimpst]|ot[cfghipst])[bmx]?|zip|tar|t?gz|7z|rar|pdf)$/i
/** Upper limit for the archives in one another that are opened. */
const DEPTH_MAX = 4

/** The compressed bytes of a gzip file that show what it begins with. */
const GZIP_FRONT = 1024

/** Upper limit for the sectors of a directory: each has four entries or more. */
const SECTORS_MAX = 1024
const DIRECTORY_ENTRY_SIZE = 128
/** The offsets, in an entry, of the first sector of its stream and of the size of the stream. */
const START_AT = 116
const SIZE_OF_STREAM_AT = 120

/**
 * Returns whether bytes are an Office, OpenDocument or PDF file or a zip, RAR or 7-Zip archive that is encrypted with a password,
 * or a zip, tar or gzip archive with such a file in it or in archives in it.
 */
export function* isEncryptedDocument(source: MailBytes, work: Work): Steps<boolean> {
  return yield* isEncrypted(source, work, DEPTH_MAX)
}

/** `depth` is the number of archives in one another that may be opened. */
function* isEncrypted(source: MailBytes, work: Work, depth: number): Steps<boolean> {
  if (startsWith(source, COMPOUND)) return yield* isEncryptedCompound(source, work)
  if ((yield* mayBeZip(source, work)) && (yield* isEncryptedZip(source, work, depth))) return true
  if (startsWith(source, ZIP_LOCAL)) return false
  if ((yield* isEncryptedArchive(source, work)) || (yield* isEncryptedPdf(source, work)))
    return true
  if (depth === 0) return false
  if (startsWith(source, GZIP)) {
    if (!(yield* isGzipOfArchive(source, work))) return false
    const most = mostInflated(source.length)
    return yield* inflated(source, 'gzip', work, insideOf(depth, work), most)
  }
  for (let at = 0; isTarHeader(source.subarray(at, at + BLOCK)); ) {
    yield* work.countUnits(BLOCK)
    const member = tarMemberAt(at, source.subarray(at, at + BLOCK))
    if (member === undefined) return false
    if (yield* isEncrypted(source.subarray(member.from, member.to), work, depth - 1)) return true
    at = member.next
  }
  return false
}

function* isEncryptedZip(source: MailBytes, work: Work, depth: number): Steps<boolean> {
  /** The files that are tested, by the offsets of their headers. */
  const files = new Map<number, readonly [ZipEntry, MemberTest]>()
  for (const { entry, isListed } of yield* headersIn(source, work)) {
    yield* work.countUnits(costs.value)
    const name = yield* work.text(entry.name)
    if (entry.isEncrypted || name === ODF_PACKAGE) return true
    const test = testFor(name, work, depth)
    if (test === undefined || (!isListed && files.has(entry.at))) continue
    if (files.size < limits.archiveMembers) files.set(entry.at, [entry, test])
    else work.onOdd?.('unread')
  }
  for (const [entry, test] of files.values())
    if (yield* memberHolds(source, entry, test, work)) return true
  return false
}

type MemberTest = (bytes: MailBytes) => Steps<boolean>

/** Returns the test of a file in a zip archive, if its name shows that it may hold something encrypted. */
function testFor(name: string, work: Work, depth: number): MemberTest | undefined {
  if (name === MANIFEST) return (manifest) => work.includes(manifest, [ENCRYPTION_DATA])
  return depth > 0 && OPENED.test(name) ? insideOf(depth, work) : undefined
}

/** Returns the test of what is in an archive. */
const insideOf =
  (depth: number, work: Work): MemberTest =>
  (bytes) =>
    isEncrypted(bytes, work, depth - 1)

/** Returns whether a member of an archive passes a test. The headers of a stored archive are among those of the outer one. */
function* memberHolds(
  source: MailBytes,
  { at, method, packed, size }: ZipEntry,
  test: MemberTest,
  work: Work,
): Steps<boolean> {
  const { data } = localHeaderAt(source, at) ?? {}
  if (data === undefined) return false
  const bytes = source.subarray(data, data + packed)
  if (method === 0) return !startsWith(bytes, ZIP_LOCAL) && (yield* test(bytes))
  const most = size > MEMBER_MAX ? mostInflated(bytes.length) : Number.POSITIVE_INFINITY
  return method === 8 && (yield* inflated(bytes, 'deflate', work, test, most))
}

/** Returns whether a gzip file begins as a document or archive: most are logs and reports, and are not inflated to their end. */
function* isGzipOfArchive(source: MailBytes, work: Work): Steps<boolean> {
  const pieces: Uint8Array[] = []
  yield* work.countUnits(costs.stream)
  pushed(
    newStream('gzip', (bytes) => void pieces.push(bytes)),
    source.subarray(0, GZIP_FRONT),
  )
  const front = Buffer.concat(pieces).subarray(0, BLOCK)
  return startsWith(front, COMPOUND) || startsWith(front, ZIP_LOCAL) || isTarHeader(front)
}

/** Streams whose name, or first bytes, show that an Office document is encrypted. */
const encryptedStreams: readonly (readonly [
  name: string,
  isEncrypted: (start: MailBytes) => boolean,
])[] = [
  // Office documents (MS-OFFCRYPTO 2.3.4.4), and PowerPoint before 2007 (2.3.5.4)
  ['EncryptedPackage', () => true],
  ['EncryptedSummary', () => true],
  // Word before 2007: fEncrypted of the FIB (MS-DOC 2.5.2)
  [
    'WordDocument',
    (start) => start.length > 12 && start.readUInt16LE(0) === 0xa5ec && (start[11]! & 1) === 1,
  ],
  // Excel before 2007: FilePass is the record below the first one, or below WriteProtect (MS-XLS 2.1.7.20.3)
  ['Workbook', (start) => isBelowFirst(start, FILE_PASS)],
  ['Book', (start) => isBelowFirst(start, FILE_PASS)],
]
const FILE_PASS = 0x2f
const WRITE_PROTECT = 0x86

/** Returns whether a record of this type follows the first record of a workbook. */
function isBelowFirst(start: MailBytes, type: number): boolean {
  for (let at = 0, isFirst = true; at + 4 <= start.length; isFirst = false) {
    const found = start.readUInt16LE(at)
    if (!isFirst && found !== WRITE_PROTECT) return found === type
    at += 4 + start.readUInt16LE(at + 2)
  }
  return false
}

/** Bytes of the beginning of a stream that is examined: a sector of a stream that shares sectors with others. */
const STREAM_START = 64
/** Streams of fewer bytes share sectors (MS-CFB 2.6.4). */
const OWN_SECTORS_FROM = 4096

/** Whether bytes are a compound file (MS-CFB) with a stream that shows encryption. */
function* isEncryptedCompound(bytes: MailBytes, work: Work): Steps<boolean> {
  return bytes.length >= 512 && (yield* new CompoundFile(bytes).isEncrypted(work))
}

class CompoundFile {
  readonly #bytes: MailBytes
  readonly #size: number

  constructor(bytes: MailBytes) {
    this.#bytes = bytes
    this.#size = 1 << Math.min(bytes.readUInt16LE(30), 12)
  }

  *isEncrypted(work: Work): Steps<boolean> {
    const bytes = this.#bytes
    /** The sectors that streams share, which the first entry names. */
    let shared: readonly number[] | undefined
    for (const sector of yield* this.#chainFrom(bytes.readUInt32LE(48), SECTORS_MAX, work)) {
      yield* work.countUnits(2 * this.#size) // names are decoded, which takes longer than to inspect them
      const directory = bytes.subarray(this.#at(sector), this.#at(sector) + this.#size)
      for (let at = 0; at + DIRECTORY_ENTRY_SIZE <= directory.length; at += DIRECTORY_ENTRY_SIZE) {
        const entry = directory.subarray(at, at + DIRECTORY_ENTRY_SIZE)
        shared ??= yield* this.#chainFrom(
          entry.readUInt32LE(START_AT),
          Number.POSITIVE_INFINITY,
          work,
        )
        const name = shortText(entry, 0, 64, 'utf16le').split('\0')[0]
        const found = encryptedStreams.find(([stream]) => stream === name)
        if (found?.[1](this.#startOf(entry, shared))) return true
      }
    }
    return false
  }

  /** Returns the beginning of the stream of an entry of the directory, or nothing if it is not in the file. */
  #startOf(entry: MailBytes, shared: readonly number[]): MailBytes {
    const first = entry.readUInt32LE(START_AT)
    const isShared = entry.readUInt32LE(SIZE_OF_STREAM_AT) < OWN_SECTORS_FROM
    const offset = isShared ? first * STREAM_START : 0
    const sector = isShared ? shared[Math.floor(offset / this.#size)] : first
    if (sector === undefined) return this.#bytes.subarray(0, 0)
    const at = this.#at(sector) + (offset % this.#size)
    return this.#bytes.subarray(at, at + STREAM_START)
  }

  /** Returns the sectors that follow one another from one on: no more than the file has, since a chain may be circular. */
  *#chainFrom(first: number, most: number, work: Work): Steps<readonly number[]> {
    const chain: number[] = []
    const length = Math.min(most, this.#bytes.length / this.#size)
    for (let sector = first; this.#isThere(sector) && chain.length < length; ) {
      yield* work.countUnits(costs.entry)
      chain.push(sector)
      sector = this.#next(sector)
    }
    return chain
  }

  #at(sector: number): number {
    return (sector + 1) * this.#size
  }

  #isThere(sector: number): boolean {
    return this.#at(sector) < this.#bytes.length
  }

  /** Returns the sector that follows one, or one beyond the file. */
  #next(sector: number): number {
    const bytes = this.#bytes
    const perSector = this.#size / 4
    const table = Math.floor(sector / perSector)
    // (A directory that is found by more than the 109 sectors in the header is not followed.)
    const tableAt = table < 109 ? this.#at(bytes.readUInt32LE(76 + 4 * table)) : bytes.length
    const at = tableAt + 4 * (sector % perSector)
    return at + 4 <= bytes.length ? bytes.readUInt32LE(at) : bytes.length
  }
}
