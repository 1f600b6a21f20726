import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { zipSync } from 'fflate'
import { EICAR } from '../../../../src/scanner/scan/scanners/eicar/eicar.ts'
import { createRandom, type Random } from '../../../run/random.ts'
import { tarMember } from '../../scan/scanners/attachments/archives.ts'

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
/** A date in archives, for the same bytes each time. */
const DAY = '2026-06-01'
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
    return tarMember(`${random.pick([...FIELDS, ''])}${random.pick(NAMES)}`, '0', content)
  })
  return Buffer.concat([...members, Buffer.alloc(1024)])
}

const zip: Make = (random, depth) => {
  const content = any(random, depth - 1)
  const name = random.pick(NAMES)
  return Buffer.from(zipSync({ [name]: content }, { level: random.once(2) ? 0 : 6, mtime: DAY }))
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
