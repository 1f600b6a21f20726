import { createHash } from 'node:crypto'
import { deflateRawSync, gzipSync } from 'node:zlib'
import { EICAR } from '../../../src/scan/scanners/eicar/eicar.ts'
import { createRandom, type Random } from '../../run/random.ts'

/** Contents that may be messages, files or both, with something in them that a clamd with `database` may find. */

/** Marks that the database of a test knows: anywhere, at an absolute place, or at the end. */
export const MARKS = {
  anywhere: 'OnescanMarkAnywhere',
  at: 'OnescanMarkAtPlace',
  atEnd: 'OnescanMarkAtTheEnd',
  inMail: 'OnescanMarkInMail',
  inText: 'onescanmarkintext',
} as const
/** Where the mark of a place counts. */
const PLACES = [0, 4, 64, 300, 1000]

const hex = (text: string) => Buffer.from(text, 'latin1').toString('hex')

/** The signatures by which clamd knows the marks, and these contents by their digests. */
export function databaseFor(contents: readonly Buffer[]): Record<string, string> {
  const digest = (content: Buffer) => createHash('md5').update(content).digest('hex')
  const line = (name: string, type: number, at: string | number, mark: string) =>
    `${name}:${type}:${at}:${hex(mark)}\n`
  return {
    'marks.ndb': [
      line('Anywhere', 0, '*', MARKS.anywhere),
      ...PLACES.map((place) => line(`At${place}`, 0, place, MARKS.at)),
      line('AtEnd', 0, `EOF-${MARKS.atEnd.length}`, MARKS.atEnd),
      line('InMail', 4, '*', MARKS.inMail),
      line('InText', 7, '*', MARKS.inText),
    ].join(''),
    'digests.hdb': contents
      .map((content, n) => `${digest(content)}:${content.length}:Digest${n}\n`)
      .join(''),
  }
}

const FIELDS = [
  'To: ',
  'From: ',
  'Cc: ',
  'Subject: ',
  'Received: ',
  'Date: ',
  'X-Y: ',
  'a:',
  'From ',
  '>',
]
const NAMES = ['a.txt', 'invoice.exe', 'd/e.bin', 'x.eml']

type Make = (random: Random, depth: number) => Buffer

const latin1 = (text: string) => Buffer.from(text, 'latin1')
const noise: Make = (random) =>
  Buffer.from(Array.from({ length: random.below(200) }, () => random.below(256)))
const words: Make = (random) =>
  latin1(
    Array.from({ length: random.below(40) }, () =>
      random.pick(['lorem', 'ipsum', 'x: y', '\n', ' ', '=']),
    ).join(' '),
  )

/** What is to be found, or nothing. */
const payload: Make = (random) =>
  random.once(3) ? words(random, 0) : latin1(random.pick([EICAR, ...Object.values(MARKS)]))

/** Bytes padded to a place that counts. */
const placed: Make = (random) => {
  const place = random.pick(PLACES)
  const start = latin1(random.pick([...FIELDS, 'PK', '']))
  return Buffer.concat([
    Buffer.concat([start, Buffer.alloc(place, 'A')]).subarray(0, place),
    payload(random, 0),
  ])
}

/** An archive of tar, whose first name may begin as a field of a message does. */
const tar: Make = (random, depth) => {
  const members = Array.from({ length: 1 + random.below(2) }, () => {
    const content = any(random, depth - 1)
    const head = Buffer.alloc(512)
    head.write(`${random.pick([...FIELDS, ''])}${random.pick(NAMES)}`, 'latin1')
    head.write(`0000644\0${'0000000\0'.repeat(2)}`, 100, 'latin1')
    head.write(`${content.length.toString(8).padStart(11, '0')}\0`, 124, 'latin1')
    head.write('00000000000\0        0', 136, 'latin1')
    head.write('ustar\x0000', 257, 'latin1')
    const sum = head.reduce((all, byte) => all + byte, 0)
    head.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
    return Buffer.concat([head, content, Buffer.alloc(-content.length & 511)])
  })
  return Buffer.concat([...members, Buffer.alloc(1024)])
}

const zip: Make = (random, depth) => {
  const content = any(random, depth - 1)
  const name = latin1(random.pick(NAMES))
  const isStored = random.once(2)
  const packed = isStored ? content : deflateRawSync(content)
  const common = Buffer.alloc(26)
  common.writeUInt16LE(20, 0)
  common.writeUInt16LE(isStored ? 0 : 8, 4)
  common.writeUInt32LE(crc32(content), 10)
  common.writeUInt32LE(packed.length, 14)
  common.writeUInt32LE(content.length, 18)
  common.writeUInt16LE(name.length, 22)
  const local = Buffer.concat([latin1('PK\x03\x04'), common, name, packed])
  const central = Buffer.concat([latin1('PK\x01\x02\x14\0'), common, Buffer.alloc(14), name])
  const end = Buffer.alloc(22)
  end.write('PK\x05\x06', 'latin1')
  end.writeUInt16LE(1, 8)
  end.writeUInt16LE(1, 10)
  end.writeUInt32LE(central.length, 12)
  end.writeUInt32LE(local.length, 16)
  return Buffer.concat([local, central, end])
}

function crc32(bytes: Buffer): number {
  let crc = 0xffffffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1
  }
  return ~crc >>> 0
}

const mail: Make = (random, depth) => {
  const content = any(random, depth - 1)
  const end = random.pick(['\n', '\r\n'])
  const fields = [
    'From: a@b',
    'To: c@d',
    'Date: Mon, 1 Jan 2024 00:00:00 +0000',
    'MIME-Version: 1.0',
    'DKIM-Signature: x',
  ]
  const chosen = fields.filter(() => !random.once(4))
  const encoded = content.toString('base64').replace(/(.{76})/g, `$1${end}`)
  const isMultipart = random.once(2)
  const leaf = [
    'Content-Type: application/octet-stream; name=a.exe',
    'Content-Transfer-Encoding: base64',
    '',
    encoded,
  ]
  const body = isMultipart
    ? ['Content-Type: multipart/mixed; boundary=b', '', '--b', ...leaf, '--b--', '']
    : leaf
  return latin1(
    [...(random.once(5) ? ['From x Mon Jan 1 00:00:00 2024'] : []), ...chosen, ...body].join(end),
  )
}

const pieces: Make = (random) => {
  const content = payload(random, 0)
  const text = latin1(
    random.pick([
      'BEGIN:VCARD\n',
      '{"a": "',
      '<html><body>',
      '%PDF-1.4: x\n',
      'dn: cn=x\n',
      'GIF89a',
    ]),
  )
  return Buffer.concat([text, words(random, 0), content, words(random, 0)])
}

const both: Make = (random, depth) =>
  Buffer.concat([any(random, depth - 1), any(random, depth - 1)])
const gzip: Make = (random, depth) => gzipSync(any(random, depth - 1))
const belowField: Make = (random, depth) =>
  Buffer.concat([latin1(random.pick(FIELDS)), any(random, depth - 1)])
const damaged: Make = (random, depth) => {
  const bytes = Buffer.from(any(random, depth - 1))
  if (bytes.length > 0) bytes[random.below(bytes.length)] = random.below(256)
  return bytes.subarray(0, random.once(3) ? random.below(bytes.length + 1) : bytes.length)
}

const leaves: readonly Make[] = [payload, placed, words, noise, pieces]
const nodes: readonly Make[] = [tar, tar, zip, mail, mail, both, gzip, belowField, damaged]

const any: Make = (random, depth) =>
  random.pick(depth <= 0 ? leaves : [...leaves, ...nodes, ...nodes])(random, depth)

/** The same contents for the same seed. */
export function randomContents(seed: number, count: number): Buffer[] {
  const random = createRandom(seed)
  return Array.from({ length: count }, () => any(random, 4))
}
