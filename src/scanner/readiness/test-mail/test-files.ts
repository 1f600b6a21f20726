import { crc32, deflateRawSync } from 'node:zlib'

/** Files for scanners that must see into them. */

/**
 * Returns a zip archive with one file, compressed: APPNOTE.TXT 4.3. With `isEncrypted` it is marked as encrypted, and cannot be
 * decrypted.
 */
export function zipOf(name: Buffer, text: Buffer, { isEncrypted = false } = {}): Buffer {
  const data = deflateRawSync(text)
  const about = Buffer.alloc(26)
  about.writeUInt16LE(20) // the version that is needed
  about.writeUInt16LE(isEncrypted ? 1 : 0, 2)
  about.writeUInt16LE(8, 4) // deflate
  about.writeUInt16LE(0x21, 8) // 1980-01-01
  about.writeUInt32LE(crc32(text), 10)
  about.writeUInt32LE(data.length, 14)
  about.writeUInt32LE(text.length, 18)
  about.writeUInt16LE(name.length, 22)
  const local = Buffer.concat([Buffer.from('PK\x03\x04'), about, name, data])
  const central = Buffer.concat([
    ...[Buffer.from('PK\x01\x02'), Buffer.of(20, 0), about, Buffer.alloc(14), name],
  ])
  const end = Buffer.alloc(18)
  end.writeUInt16LE(1, 4)
  end.writeUInt16LE(1, 6)
  end.writeUInt32LE(central.length, 8)
  end.writeUInt32LE(local.length, 12)
  return Buffer.concat([local, central, Buffer.from('PK\x05\x06'), end])
}

/** Sectors of a compound file: the last one of a stream, an unused one, and one of the table. */
const [END, FREE, TABLE] = [0xfffffffe, 0xffffffff, 0xfffffffd]

/** The least bytes of a stream that has sectors of its own, and of all streams here. */
const STREAM = 4096

/**
 * Returns a document of older Office programs ([MS-CFB] 2) with this one stream of up to 4096 bytes, padded
 * with zeros.
 */
export function compoundFile(name: string, content: Buffer): Buffer {
  const sector = Buffer.alloc(512, 0xff)
  Buffer.from('d0cf11e0a1b11ae1', 'hex').copy(sector)
  sector.fill(0, 8, 76)
  // Versions, byte order, sizes of sectors: 512 and 64 bytes.
  for (const [at, word] of [0x3e, 3, 0xfffe, 9, 6].entries())
    sector.writeUInt16LE(word, 24 + 2 * at)
  // Sectors of the table, the directory's, those of small streams and of tables of tables.
  for (const [at, word] of [1, 1, 0, STREAM, END, 0, END, 0, 0].entries()) {
    sector.writeUInt32LE(word, 44 + 4 * at)
  }
  const words = [TABLE, END, 3, 4, 5, 6, 7, 8, 9, END]
  const table = Buffer.alloc(512, 0xff)
  for (const [at, word] of words.entries()) table.writeUInt32LE(word, 4 * at)

  const directory = Buffer.alloc(512)
  entry('Root Entry', 5, END, 0, 1).copy(directory)
  entry(name, 2, 2, STREAM, FREE).copy(directory, 128)
  const stream = Buffer.alloc(STREAM)
  content.copy(stream)
  return Buffer.concat([sector, table, directory, stream])
}

function entry(name: string, kind: number, start: number, size: number, child: number): Buffer {
  const bytes = Buffer.alloc(128)
  const length = bytes.write(name, 'utf16le') + 2
  bytes.writeUInt16LE(length, 64)
  bytes.set([kind, 1], 66)
  for (const [at, word] of [FREE, FREE, child].entries()) bytes.writeUInt32LE(word, 68 + 4 * at)
  bytes.writeUInt32LE(start, 116)
  bytes.writeUInt32LE(size, 120)
  return bytes
}

/** The headers of RAR 4 (technote.txt of unrar 6): archive, file and end, by their types. */
const RAR = { archive: 0x73, file: 0x74, end: 0x7b } as const
const HAS_DATA = 0x8000

/** Returns an archive of RAR 4 with one uncompressed file of one byte. No free program makes any. */
export function rarOf(name: Buffer): Buffer {
  const data = Buffer.from('x')
  const about = Buffer.alloc(25)
  about.writeUInt32LE(data.length, 0) // packed
  about.writeUInt32LE(data.length, 4)
  about[8] = 2 // made on Windows
  about.writeUInt32LE(crc32(data), 9)
  about.writeUInt32LE(0x210000, 13) // 1980-01-01
  about[17] = 20 // the version that is needed
  about[18] = 0x30 // stored
  about.writeUInt16LE(name.length, 19)
  about.writeUInt32LE(0x20, 21) // an ordinary file
  return Buffer.concat([
    Buffer.from('Rar!\x1a\x07\0', 'latin1'),
    header(RAR.archive, 0, Buffer.alloc(6)),
    header(RAR.file, HAS_DATA, Buffer.concat([about, name])),
    data,
    header(RAR.end, 0, Buffer.alloc(0)),
  ])
}

function header(type: number, flags: number, rest: Buffer): Buffer {
  const bytes = Buffer.concat([Buffer.of(0, 0, type, 0, 0, 0, 0), rest])
  bytes.writeUInt16LE(flags, 3)
  bytes.writeUInt16LE(bytes.length, 5)
  bytes.writeUInt16LE(crc32(bytes.subarray(2)) & 0xffff, 0)
  return bytes
}
