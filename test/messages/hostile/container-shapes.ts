import { gzipSync } from 'node:zlib'
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
const archives: Readonly<Record<string, (size: number) => Buffer>> = {
  'a tar of lists with large tables': (size) =>
    gzipSync(filled(2 * size, tarMember('a', '0', sevenZip))),
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
const asText = (text: (size: number) => string) => (size: number) =>
  `Content-Type: text/plain\n\n${text(size)}\n`

export const containerShapes: readonly HostileShape[] = [
  ...shapesOf('TNEF', eachAttached(tnefFiles)),
  ...shapesOf('7-Zip', eachAttached(archives)),
  ...shapesOf(
    'BinHex',
    Object.fromEntries(Object.entries(binHexTexts).map(([name, text]) => [name, asText(text)])),
  ),
]
