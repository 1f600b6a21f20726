import type { Steps, Work } from '../budget/work.ts'
import { inflated } from '../containers/inflate.ts'
import { directoryOf, LOCAL_SIZE, type ZipEntry } from './zip-directory.ts'

/** The first bytes of a compound file (MS-CFB 2.2) and of a zip archive. */
const COMPOUND = Buffer.from('d0cf11e0a1b11ae1', 'hex')
const ZIP = Buffer.from('PK\x03\x04')

/** The stream of an Office document with a password (MS-OFFCRYPTO 2.3.4.4). */
const PACKAGE = Buffer.from('EncryptedPackage\0', 'utf16le')
/** The file of a whole encrypted package (OpenDocument 1.4 part 2, 3.16), and the list of files with their encryption (3.2). */
const ODF_PACKAGE = 'encrypted-package'
const MANIFEST = 'META-INF/manifest.xml'
const ENCRYPTION_DATA = 'encryption-data'
/** Upper limit for the bytes of such a list, and of a document in an archive. */
const MANIFEST_MAX = 1024 * 1024
const MEMBER_MAX = 64 * 1024 * 1024

/** Upper limit for the sectors of a directory: each has four entries or more. */
const SECTORS_MAX = 1024
const ENTRY_SIZE = 128

/**
 * Returns whether bytes are an Office or OpenDocument file that is encrypted with a password, or a zip archive with such a
 * file in it.
 */
export function* isEncryptedDocument(source: Buffer, work: Work): Steps<boolean> {
  if (isEncryptedCompound(source)) return true
  if (!source.subarray(0, ZIP.length).equals(ZIP)) return false
  const entries = directoryOf(source)?.entries ?? []
  if (entries.some(({ name }) => name.toString('latin1') === ODF_PACKAGE)) return true
  for (const entry of entries) {
    yield* work.countUnits(ENTRY_SIZE)
    const isManifest = entry.name.toString('latin1') === MANIFEST
    if (entry.size > (isManifest ? MANIFEST_MAX : MEMBER_MAX)) continue
    if (!isManifest && !DOCUMENT.test(entry.name.toString('latin1'))) continue
    const holds = isManifest
      ? (bytes: Buffer) => bytes.includes(ENCRYPTION_DATA)
      : isEncryptedCompound
    if (yield* memberHolds(source, entry, holds, work)) return true
  }
  return false
}

/** The names of documents in an archive that may be compound files. */
const DOCUMENT = /\.(?:doc|xls|ppt)[xm]?$/i

/** Returns whether a member of an archive passes a test. */
function* memberHolds(
  source: Buffer,
  { at, method, packed }: ZipEntry,
  holds: (bytes: Buffer) => boolean,
  work: Work,
): Steps<boolean> {
  if (at + LOCAL_SIZE > source.length) return false
  const from = at + LOCAL_SIZE + source.readUInt16LE(at + 26) + source.readUInt16LE(at + 28)
  const bytes = source.subarray(from, from + packed)
  if (method === 0) return holds(bytes)
  if (method !== 8) return false
  const { store } = yield* inflated(bytes, 'deflate', work)
  try {
    return holds(store.finish())
  } finally {
    store.close()
  }
}

/** Whether bytes are a compound file whose directory has an encrypted package. */
function isEncryptedCompound(bytes: Buffer): boolean {
  if (!bytes.subarray(0, COMPOUND.length).equals(COMPOUND) || bytes.length < 512) return false
  const size = 1 << Math.min(bytes.readUInt16LE(30), 12)
  const sectorAt = (sector: number) => (sector + 1) * size
  const next = (sector: number): number => {
    const perSector = size / 4
    const table = Math.floor(sector / perSector)
    // (A directory that is found by more than the 109 sectors in the header is not followed.)
    const tableAt = table < 109 ? sectorAt(bytes.readUInt32LE(76 + 4 * table)) : bytes.length
    const at = tableAt + 4 * (sector % perSector)
    return at + 4 <= bytes.length ? bytes.readUInt32LE(at) : bytes.length
  }
  let sector = bytes.readUInt32LE(48)
  for (let count = 0; count < SECTORS_MAX && sectorAt(sector) < bytes.length; count++) {
    const end = Math.min(bytes.length, sectorAt(sector) + size)
    for (let at = sectorAt(sector); at < end; at += ENTRY_SIZE)
      if (bytes.subarray(at, at + PACKAGE.length).equals(PACKAGE)) return true
    sector = next(sector)
  }
  return false
}
