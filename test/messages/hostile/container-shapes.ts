import { createCipheriv } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { zipSync } from 'fflate'
import { binHex } from '../../mail/mime/decoders/binhex.ts'
import { tarMember } from '../../scanner/scan/scanners/attachments/archives.ts'
import type { HostileShape } from './hostile-shapes.ts'

/** Messages whose files in TNEF and BinHex are meant to cost more than their size is worth. */

/** About this many bytes of a piece again and again. */
const filled = (size: number, piece: Buffer) => Buffer.alloc(size - (size % piece.length), piece)
const number = (value: number, bytes: number) => {
  const buffer = Buffer.alloc(bytes)
  buffer.writeUIntLE(value, 0, bytes)
  return buffer
}
const sum = (data: Buffer) => data.reduce((all, byte) => (all + byte) & 0xffff, 0)
function attribute(id: number, data: Buffer, level = 2): Buffer {
  return Buffer.concat([
    number(level, 1),
    number(id, 4),
    number(data.length, 4),
    data,
    number(sum(data), 2),
  ])
}
const tnef = (attributes: Buffer) =>
  Buffer.concat([number(0x223e9f78, 4), number(1, 2), attributes])
const RENDER_DATA = attribute(0x69002, Buffer.alloc(14))
const properties = (list: Buffer) => tnef(attribute(0x69003, list, 1))
/** RTF that is compressed (MS-OXRTFCP), as the text of the message. */
const rtf = (data: Buffer) => {
  const header = [number(data.length + 12, 4), number(2 ** 31, 4), Buffer.from('LZFu\0\0\0\0')]
  const value = Buffer.concat([...header, data])
  const front = [1, 0x10090102, 1, value.length].map((each) => number(each, 4))
  return properties(Buffer.concat([...front, value]))
}
const tnefFiles: Readonly<Record<string, (size: number) => Buffer>> = {
  'attributes of nothing': (size) => tnef(filled(size, attribute(0x6800f, Buffer.alloc(0)))),
  'files of one byte': (size) =>
    tnef(filled(size, Buffer.concat([RENDER_DATA, attribute(0x6800f, Buffer.from('a'))]))),
  'names of one file': (size) => tnef(filled(size, attribute(0x18010, Buffer.from('a.exe\0')))),
  'properties that are numbers': (size) =>
    properties(
      Buffer.concat([number(0xffffffff, 4), filled(size, Buffer.from('0300fe0f05000000', 'hex'))]),
    ),
  'a property of empty values': (size) =>
    properties(
      Buffer.concat([
        number(1, 4),
        Buffer.from('1e100110', 'hex'),
        number(size >> 2, 4),
        Buffer.alloc(size),
      ]),
    ),
  'properties of many values, without them': (size) =>
    properties(
      Buffer.concat([number(0xffff, 4), filled(size, Buffer.from('0211011000ffffff', 'hex'))]),
    ),
  'RTF of repetitions': (size) =>
    rtf(filled(size, Buffer.from('ff000f000f000f000f000f000f000f000f', 'hex'))),
}

const again = (size: number, text: string) => text.repeat(Math.ceil(size / text.length))
const binHexTexts: Readonly<Record<string, (size: number) => string>> = {
  'files of zeros': (size) => again(size, binHex('a', Buffer.alloc(200_000))),
  'files that claim 4 GB': (size) =>
    again(size, binHex('a', Buffer.from('abc'), undefined, [0xffffffff, 0xffffffff])),
  'files with a name alone': (size) => again(size, binHex('a'.repeat(63), Buffer.alloc(0))),
  'one file of runs of nothing': (size) =>
    `${binHex('a', Buffer.alloc(0)).slice(0, -3)}${again(size, 'j!!!'.repeat(16))}:\n`,
  'one file in lines of one character': (size) =>
    binHex('a', Buffer.alloc(200_000)).slice(0, 48).concat(again(size, 'a\n')),
}

/** A 7-Zip archive whose list of files is packed with the largest tables, and empty, in 66 bytes. */
export const sevenZip = Buffer.from(
  '377abcaf271c00040000000005000000000000001d00000000000000000000000001020304170600010905070b0100012303010105e0000001000cd0000000000000',
  'hex',
)
/** One whose list has a megabyte of zeros, packed in as many as decode to them. */
const sevenZipOfZeros = (() => {
  const packed = Buffer.alloc(48 * 1024)
  const place = Buffer.from(sevenZip.subarray(0, 32))
  place.writeUInt32LE(packed.length, 12)
  const list = sevenZip.toString('latin1', 37)
  const length = Buffer.from([0xc0, packed.length & 0xff, packed.length >> 8])
  const ofZeros = list.replace('\t\x05', `\t${length.toString('latin1')}`).replace('\xe0', '\x5d')
  place.writeUInt32LE(ofZeros.length, 20)
  return Buffer.concat([place, packed, Buffer.from(ofZeros, 'latin1')])
})()

const rar4 = (blocks: Buffer) => Buffer.concat([Buffer.from('Rar!\x1a\x07\0', 'latin1'), blocks])
const rar5 = (headers: Buffer) =>
  Buffer.concat([Buffer.from('Rar!\x1a\x07\x01\0', 'latin1'), headers])
/** A header of a file in RAR 5 with 30 records of nothing. */
const rar5Header = Buffer.from(`000000003f02013c${'0109'.repeat(30)}`, 'hex')

const SECTOR = 512
/** A compound file (MS-CFB) whose directory is a chain through all sectors, with a chain for streams that goes round. */
function compound(size: number): Buffer {
  const sectors = Math.max(4, Math.min(110 * 128, Math.floor(size / SECTOR)))
  const file = Buffer.alloc((sectors + 1) * SECTOR)
  Buffer.from('d0cf11e0a1b11ae1', 'hex').copy(file)
  file.writeUInt16LE(9, 30) // sectors of 512 bytes
  const tables = Math.ceil(sectors / 128)
  for (let table = 0; table < Math.min(109, tables); table++)
    file.writeUInt32LE(table, 76 + 4 * table)
  file.writeUInt32LE(tables, 48)
  for (let sector = 0; sector < tables * 128; sector++)
    file.writeUInt32LE(sector < sectors - 1 ? sector + 1 : tables, SECTOR + 4 * sector)
  return file
}

const made = (name: string) =>
  readFileSync(join(import.meta.dirname, '../../mail/mime/encrypted/files', name))

/** Bytes that do not shrink. */
const random = (size: number) =>
  createCipheriv('aes-128-ctr', Buffer.alloc(16), Buffer.alloc(16)).update(Buffer.alloc(size))

/** Files in a tar that is compressed, below bytes that do not shrink: what shrinks more is not searched for documents. */
const copies = (file: Buffer) => (size: number) => {
  const member = tarMember('a', '0', file)
  const most = filled(Math.max(15 * size, member.length), member)
  return gzipSync(Buffer.concat([tarMember('b', '0', random(size)), most]))
}
const archives: Readonly<Record<string, (size: number) => Buffer>> = {
  'lists of 7-Zip with large tables': copies(sevenZip),
  'lists of 7-Zip with a megabyte of zeros': copies(sevenZipOfZeros),
  'blocks of RAR 4': (size) => rar4(filled(size, Buffer.from('00000000000700', 'hex'))),
  'copies of a RAR 4 file of blocks': copies(rar4(filled(7000, Buffer.from('00000000000700', 'hex')))), // biome-ignore format: a line
  'records of RAR 5': (size) => rar5(filled(size, rar5Header)),
  'copies of a RAR 5 file of records': copies(rar5(filled(7000, rar5Header))),
  'sectors of a compound file': compound,
  'copies of a compound file': copies(compound(20 * 1024)),
  ...Object.fromEntries(
    ['40', '256', 'R5', 'xref', 'lin'].map((kind) => [
      `copies of a PDF that everyone opens (${kind})`,
      copies(made(`open-${kind}.pdf`)),
    ]),
  ),
  'a PDF of words that announce encryption': (size) =>
    filled(size, Buffer.from('%PDF-1.4 trailer /Encrypt << /O( /ID[ startxref 0 ')),
  'documents of nothing in a zip': (size) =>
    Buffer.from(zipSync(Object.fromEntries(Array.from({ length: size / 128 }, (_, n) => [`${n}.docx`, new Uint8Array()])))), // biome-ignore format: a line
  'zips in one another': (size) => {
    let file = Buffer.alloc(20 * size)
    for (let n = 0; n < 4; n++) file = Buffer.from(zipSync({ 'a.zip': file }))
    return file
  },
  'members of a tar without content': (size) => filled(size, tarMember('a', '0', '')),
  'streams of gzip': (size) => filled(size, gzipSync('')),
}

/** Packets of OpenPGP (RFC 9580 4.3), each of a few bytes. */
const pgpPackets: Readonly<Record<string, string>> = {
  'literal packets of nothing': 'cb06620000000000',
  'compressed packets of nothing': 'c803010300',
  'packets that are skipped': 'cd00',
  'literal packets in pieces of one byte': `cb${'e062'.repeat(30)}00`,
}

const shapesOf = (what: string, files: Readonly<Record<string, (size: number) => string>>) =>
  Object.entries(files).map(([name, make]): HostileShape => ({ name: `${name} in ${what}`, make }))
const attached = (file: (size: number) => Buffer) => (size: number) => {
  const lines = file(Math.floor(size * 0.73))
    .toString('base64')
    .replace(/.{76}/g, '$&\n')
  return `Content-Type: application/octet-stream; name=a\nContent-Transfer-Encoding: base64\n\n${lines}\n`
}
const eachAttached = (files: Readonly<Record<string, (size: number) => Buffer>>) =>
  Object.fromEntries(Object.entries(files).map(([name, file]) => [name, attached(file)]))
const asPgp = (packets: string) => (size: number) =>
  attached((bytes) => filled(bytes, Buffer.from(packets, 'hex')))(size).replace(
    'application/octet-stream',
    'application/pgp-encrypted',
  )
const asText = (text: (size: number) => string) => (size: number) =>
  `Content-Type: text/plain\n\n${text(size)}\n`

export const containerShapes: readonly HostileShape[] = [
  ...shapesOf('TNEF', eachAttached(tnefFiles)),
  ...shapesOf('archives and documents', eachAttached(archives)),
  ...shapesOf(
    'OpenPGP',
    Object.fromEntries(Object.entries(pgpPackets).map(([name, packets]) => [name, asPgp(packets)])),
  ),
  ...shapesOf(
    'BinHex',
    Object.fromEntries(Object.entries(binHexTexts).map(([name, text]) => [name, asText(text)])),
  ),
]
