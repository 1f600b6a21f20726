import { crc32 } from 'node:zlib'

/** The headers of RAR 4 (technote.txt of unrar 6): archive, file and end, by their types. */
const ARCHIVE = 0x73
const FILE = 0x74
const END = 0x7b
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
    header(ARCHIVE, 0, Buffer.alloc(6)),
    header(FILE, HAS_DATA, Buffer.concat([about, name])),
    data,
    header(END, 0, Buffer.alloc(0)),
  ])
}

function header(type: number, flags: number, rest: Buffer): Buffer {
  const bytes = Buffer.concat([Buffer.of(0, 0, type, 0, 0, 0, 0), rest])
  bytes.writeUInt16LE(flags, 3)
  bytes.writeUInt16LE(bytes.length, 5)
  bytes.writeUInt16LE(crc32(bytes.subarray(2)) & 0xffff, 0)
  return bytes
}
