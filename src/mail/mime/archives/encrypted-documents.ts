import { SEARCHED_PER_UNIT, type Steps, type Work } from '../budget/work.ts'
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

/** The names of Office and OpenDocument files, templates, slide shows and macros among them. */
const DOCUMENT = /\.(?:do[ct]|xl[abmst]|p[op][ast]|od[bcfgimpst]|ot[cfghipst])[bmx]?$/i

/** Upper limit for the sectors of a directory: each has four entries or more. */
const SECTORS_MAX = 1024
const ENTRY_SIZE = 128

/**
 * Returns whether bytes are an Office or OpenDocument file that is encrypted with a password, or a zip archive with such a
 * file in it.
 */
export function* isEncryptedDocument(source: Buffer, work: Work): Steps<boolean> {
  return yield* isEncrypted(source, work, { isMember: false })
}

/** A member of an archive is not searched for other documents. */
function* isEncrypted(
  source: Buffer,
  work: Work,
  { isMember }: { readonly isMember: boolean },
): Steps<boolean> {
  if (startsWith(source, COMPOUND)) return yield* isEncryptedCompound(source, work)
  if (!startsWith(source, ZIP)) return false
  const entries = directoryOf(source)?.entries ?? []
  if (entries.some(({ name }) => name.toString('latin1') === ODF_PACKAGE)) return true
  for (const entry of entries) {
    yield* work.countUnits(ENTRY_SIZE)
    const name = entry.name.toString('latin1')
    if (name === MANIFEST) {
      if (entry.size > MANIFEST_MAX) continue
      if (yield* memberHolds(source, entry, namesEncryption, work)) return true
    } else if (!isMember && DOCUMENT.test(name) && entry.size <= MEMBER_MAX) {
      if (yield* memberHolds(source, entry, isEncryptedMember, work)) return true
    }
  }
  return false
}

const startsWith = (bytes: Buffer, start: Buffer) => bytes.subarray(0, start.length).equals(start)

type MemberTest = (bytes: Buffer, work: Work) => Steps<boolean>

function* namesEncryption(manifest: Buffer, work: Work): Steps<boolean> {
  yield* work.countUnits(manifest.length / SEARCHED_PER_UNIT)
  return manifest.includes(ENCRYPTION_DATA)
}

const isEncryptedMember: MemberTest = (bytes, work) => isEncrypted(bytes, work, { isMember: true })

/** Returns whether a member of an archive passes a test. */
function* memberHolds(
  source: Buffer,
  { at, method, packed }: ZipEntry,
  holds: MemberTest,
  work: Work,
): Steps<boolean> {
  if (at + LOCAL_SIZE > source.length) return false
  const from = at + LOCAL_SIZE + source.readUInt16LE(at + 26) + source.readUInt16LE(at + 28)
  const bytes = source.subarray(from, from + packed)
  if (method === 0) return yield* holds(bytes, work)
  if (method !== 8) return false
  const { store } = yield* inflated(bytes, 'deflate', work)
  try {
    return yield* holds(store.finish(), work)
  } finally {
    store.close()
  }
}

/** Whether bytes are a compound file whose directory has an encrypted package. */
function* isEncryptedCompound(bytes: Buffer, work: Work): Steps<boolean> {
  if (bytes.length < 512) return false
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
    yield* work.countUnits(size / ENTRY_SIZE)
    const end = Math.min(bytes.length, sectorAt(sector) + size)
    for (let at = sectorAt(sector); at < end; at += ENTRY_SIZE)
      if (bytes.subarray(at, at + PACKAGE.length).equals(PACKAGE)) return true
    sector = next(sector)
  }
  return false
}
