import { startsWith } from '../../../base/bytes/buffers.ts'
import type { MailBytes } from '../../message/bytes.ts'
import { costs } from '../budget/costs.ts'
import type { Steps, Work } from '../budget/work.ts'
import { lzmaDecoded } from '../decoders/lzma.ts'

/** Archives of RAR and 7-Zip whose files, or whose list of files, are encrypted. */

/** The first bytes of RAR 1.5 to 4 and of RAR 5 (technote.txt of WinRAR), and of 7-Zip (7zFormat.txt). */
const RAR_4 = Buffer.from('Rar!\x1a\x07\x00', 'latin1')
const RAR_5 = Buffer.from('Rar!\x1a\x07\x01\x00', 'latin1')
const SEVEN_ZIP = Buffer.from('377abcaf271c', 'hex')

/** Returns whether bytes are an archive of RAR or 7-Zip with a password. */
export function* isEncryptedArchive(source: MailBytes, work: Work): Steps<boolean> {
  if (startsWith(source, RAR_4)) return yield* isEncryptedRar4(source, work)
  if (startsWith(source, RAR_5)) return yield* isEncryptedRar5(source, work)
  return startsWith(source, SEVEN_ZIP) && (yield* isEncrypted7z(source, work))
}

const MAIN = 0x73
const FILE = 0x74
/** Flags of a block: of the main one, its followers are encrypted; of a file, it is; more than 4 GB; data follows the block. */
const HAS_ENCRYPTED_HEADERS = 0x80
const IS_ENCRYPTED = 4
const IS_LARGE = 0x100
const HAS_DATA = 0x8000

function* isEncryptedRar4(source: MailBytes, work: Work): Steps<boolean> {
  for (let at = RAR_4.length; at + 7 <= source.length; ) {
    yield* work.countUnits(costs.entry)
    const type = source[at + 2]
    const flags = source.readUInt16LE(at + 3)
    if (type === MAIN && (flags & HAS_ENCRYPTED_HEADERS) !== 0) return true
    if (type === FILE && (flags & IS_ENCRYPTED) !== 0) return true
    const size = source.readUInt16LE(at + 5)
    if (size < 7) return false
    const hasData = (flags & HAS_DATA) !== 0 && at + 11 <= source.length
    const data = hasData ? source.readUInt32LE(at + 7) : 0
    const isLarge = type === FILE && (flags & IS_LARGE) !== 0 && at + 36 <= source.length
    at += size + data + (isLarge ? source.readUInt32LE(at + 32) * 2 ** 32 : 0)
  }
  return false
}

/** Types of headers of RAR 5, flags of a header, and the record of a file that describes its encryption. */
const FILE_OR_SERVICE: readonly number[] = [2, 3]
const ENCRYPTION_HEADER = 4
const HAS_EXTRA = 1
const HAS_DATA_AREA = 2
const FILE_ENCRYPTION = 1

function* isEncryptedRar5(source: MailBytes, work: Work): Steps<boolean> {
  for (let at = RAR_5.length; at + 7 <= source.length; ) {
    yield* work.countUnits(costs.entry)
    const reader = new Rar5Numbers(source, at + 4)
    const size = reader.next()
    const end = reader.at + size
    const type = reader.next()
    if (type === ENCRYPTION_HEADER) return true
    const flags = reader.next()
    const extra = (flags & HAS_EXTRA) !== 0 ? reader.next() : 0
    const data = (flags & HAS_DATA_AREA) !== 0 ? reader.next() : 0
    if (!(size > 0) || reader.at > end || end > source.length) return false
    if (FILE_OR_SERVICE.includes(type)) {
      for (const record = new Rar5Numbers(source, Math.max(reader.at, end - extra)); ; ) {
        const length = record.next()
        const from = record.at
        if (!(length > 0) || from >= end) break
        yield* work.countUnits(costs.entry)
        if (record.next() === FILE_ENCRYPTION) return true
        record.at = from + length
      }
    }
    at = end + data
  }
  return false
}

/** Reads numbers of seven bits a byte, the lowest first (RAR 5). One that is cut is NaN. */
class Rar5Numbers {
  readonly #bytes: MailBytes
  at: number

  constructor(bytes: MailBytes, at: number) {
    this.#bytes = bytes
    this.at = at
  }

  next(): number {
    for (let value = 0, scale = 1; scale < 2 ** 63; scale *= 128) {
      const byte = this.#bytes[this.at++]
      if (byte === undefined) break
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
    }
    return Number.NaN
  }
}

/** The first byte of a list of files, and of one that is itself packed. */
const LIST = 1
const PACKED_LIST = 0x17
/** A coder with properties (0x20) and an id of four bytes: AES with a key from a password. */
const AES_CODER = Buffer.from('2406f10701', 'hex')
/**
 * The only form of a packed list without encryption: one stream, at a position and of a size, one folder, and LZMA with five
 * bytes of properties. What lies between are numbers of 1 to 9 bytes, and a digest.
 */
const LZMA_CODER = Buffer.from('23030101' + '05', 'hex')
/** Upper limit, in bytes, for a packed list of files: that of some hundred thousand. */
const LIST_MAX = 16 * 1024 * 1024
/** Bytes of the first header, behind which the packed files begin. */
const START = 32

function* isEncrypted7z(source: MailBytes, work: Work): Steps<boolean> {
  if (source.length < START) return false
  const from = START + Number(source.readBigUInt64LE(12))
  const header = source.subarray(from, from + Number(source.readBigUInt64LE(20)))
  if (yield* work.includes(header, [AES_CODER])) return true
  if (header[0] !== PACKED_LIST) return false
  const list = yield* unpackedList(source, header, work)
  if (list?.[0] === LIST) return yield* work.includes(list, [AES_CODER])
  work.onOdd?.('unread')
  return false
}

/** Returns the list of files that is packed where a header states it, or undefined if it is broken, too large or in another form. */
function* unpackedList(
  source: MailBytes,
  header: MailBytes,
  work: Work,
): Steps<MailBytes | undefined> {
  const coder = yield* work.indexOf(header, [LZMA_CODER])
  const reader = new SevenZipNumbers(header, 2) // below PackInfo
  const at = START + reader.next()
  const isOne = reader.next() === 1 && header[reader.at++] === 9
  const packed = reader.next()
  if (coder === undefined || !isOne) return undefined
  const properties = header.subarray(coder + LZMA_CODER.length, coder + LZMA_CODER.length + 5)
  const sizes = new SevenZipNumbers(header, coder + LZMA_CODER.length + 5)
  const size = header[sizes.at++] === 0x0c ? sizes.next() : Number.NaN
  if (!(size <= LIST_MAX)) return undefined
  return yield* lzmaDecoded(source.subarray(at, at + packed), properties, size, work)
}

/** Reads numbers of 7-Zip: each leading one bit of the first byte is one more byte, the lowest first. */
class SevenZipNumbers {
  readonly #bytes: MailBytes
  at: number

  constructor(bytes: MailBytes, at: number) {
    this.#bytes = bytes
    this.at = at
  }

  next(): number {
    const first = this.#bytes[this.at++] ?? Number.NaN
    let value = 0
    let scale = 1
    for (let bit = 0x80; bit > 0; bit >>= 1, scale *= 256) {
      if ((first & bit) === 0) return value + (first & (bit - 1)) * scale
      value += (this.#bytes[this.at++] ?? Number.NaN) * scale
    }
    return value
  }
}
