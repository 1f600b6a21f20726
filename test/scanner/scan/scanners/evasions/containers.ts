import { execFileSync } from 'node:child_process'
import { deflateRawSync, deflateSync } from 'node:zlib'
import {
  ATTACHED,
  alone,
  BASE64,
  base64,
  cut,
  type Evasion,
  FILE_TYPE,
  filePart,
  inPart,
  mail,
  mixed,
  multipart,
  named,
  part,
  QUOTED,
  quotedPrintable,
  quotedPrintableText,
  ZIP_TYPE,
} from './compose.ts'
import { binaryFile, zip } from './files.ts'

// S/MIME

const hex = (digits: string) => Buffer.from(digits, 'hex')
const SIGNED = hex('06092a864886f70d010702')
const DATA = hex('06092a864886f70d010701')
const COMPRESSED = hex('060b2a864886f70d0109100109')
const SHA256 = hex('0609608648016503040201')

/** An element of BER, whose length takes this many bytes, or as few as may be. */
function element(tag: number, content: Buffer, lengthBytes = 0): Buffer {
  const length = Buffer.alloc(6)
  length.writeUIntBE(content.length, 0, 6)
  const least = length.subarray(
    Math.max(
      0,
      length.findIndex((byte) => byte > 0),
    ),
  )
  const bytes = Math.max(lengthBytes, least.length)
  const padded = Buffer.concat([Buffer.alloc(bytes - least.length), least])
  return Buffer.concat([Buffer.from([tag, 0x80 | bytes]), padded, content])
}

const INDEFINITE_END = Buffer.alloc(2)
const indefinite = (tag: number, content: Buffer) =>
  Buffer.concat([Buffer.from([tag, 0x80]), content, INDEFINITE_END])

interface SignedForm {
  /** What is behind the name of the digest's algorithm. */
  readonly parameter?: Buffer
  readonly lengthBytes?: number
  readonly isIndefinite?: boolean
  /** The content is in pieces of this many bytes, as openssl streams it. */
  readonly piece?: number
}

/** SignedData (RFC 5652) around a message, without a signature, which readers show all the same. */
export function signedData(content: Buffer, form: SignedForm = {}): Buffer {
  const { parameter = hex('0500'), lengthBytes, isIndefinite, piece } = form
  const around = (tag: number, ...inside: Buffer[]) =>
    isIndefinite
      ? indefinite(tag, Buffer.concat(inside))
      : element(tag, Buffer.concat(inside), lengthBytes)
  const algorithms = element(0x31, element(0x30, Buffer.concat([SHA256, parameter])))
  const octets = (from: number, to?: number) =>
    element(0x04, content.subarray(from, to), lengthBytes)
  const pieces: Buffer[] = []
  for (let at = 0; piece && at < content.length; at += piece) pieces.push(octets(at, at + piece))
  const whole = piece ? indefinite(0x24, Buffer.concat(pieces)) : octets(0)
  const inner = around(0x30, DATA, around(0xa0, whole))
  return around(
    0x30,
    SIGNED,
    around(0xa0, around(0x30, hex('020101'), algorithms, inner, hex('3100'))),
  )
}

/** As openssl streams it. */
const STREAMED = { piece: 50, isIndefinite: true, lengthBytes: 4 }

/** CompressedData (RFC 3274). */
export function compressedData(content: Buffer): Buffer {
  const algorithm = element(0x30, hex('060b2a864886f70d0109100308'))
  const inner = element(
    0x30,
    Buffer.concat([DATA, element(0xa0, element(4, deflateSync(content)))]),
  )
  const data = element(0x30, Buffer.concat([hex('020100'), algorithm, inner]))
  return element(0x30, Buffer.concat([COMPRESSED, element(0xa0, data)]))
}

const SMIME = [
  'Content-Type: application/pkcs7-mime; smime-type=signed-data; name="smime.p7m"',
  BASE64,
]
const SMIME_READERS = 'openssl cms -verify, and mail programs that know S/MIME'

const inner = Buffer.from(part([FILE_TYPE, BASE64], `${base64(binaryFile)}\n`))

function smime(name: string, p7m: () => Buffer): Evasion {
  return {
    name: `S/MIME ${name}`,
    text: () => alone(SMIME, base64(p7m())),
    openedBy: SMIME_READERS,
  }
}

const pem = (label: string, bytes: Buffer) =>
  `-----BEGIN ${label}-----\n${base64(bytes, 64)}\n-----END ${label}-----\n`

/** Changes each line of data in armour. */
const inLines = (armour: string, change: (line: string) => string) =>
  armour.replace(/^[A-Za-z0-9+/=]{4,}$/gm, change)

/** Armour from which GnuPG and gpgsm leave out what is not base64. */
const strangeArmour: Readonly<Record<string, (armour: string) => string>> = {
  'blanks in its lines': (armour) => inLines(armour, (line) => line.replace(/^.{9}/, '$& ')),
  'other characters in its lines': (armour) =>
    inLines(armour, (line) => line.replace(/^.{9}/, '$&.*\xe4')),
  'a mark of a quotation before its lines': (armour) => inLines(armour, (line) => `> ${line}`),
  'dashes before its lines': (armour) => inLines(armour, (line) => `- ${line}`),
  'a NUL in its lines': (armour) => inLines(armour, (line) => line.replace(/^.{9}/, '$&\0')),
  'many other lines among its lines': (armour) =>
    inLines(armour, (line) => `${line}\n${'***\n'.repeat(9)}`),
}

// OpenPGP

/** A packet (RFC 9580 4.2.1), with its length in five bytes, or in pieces of 512 bytes. */
export function packet(tag: number, body: Buffer, inPieces = false): Buffer {
  const front = Buffer.from([0xc0 | tag])
  const length = (bytes: number) => {
    const length = Buffer.from([0xff, 0, 0, 0, 0])
    length.writeUInt32BE(bytes, 1)
    return length
  }
  if (!inPieces) return Buffer.concat([front, length(body.length), body])
  const pieces: Buffer[] = [front]
  let at = 0
  for (; body.length - at > 512; at += 512) {
    pieces.push(Buffer.from([0xe9]), body.subarray(at, at + 512))
  }
  return Buffer.concat([...pieces, length(body.length - at), body.subarray(at)])
}

export function literal(file: Buffer, inPieces = false, name = 'report.zip'): Buffer {
  const front = Buffer.from(`b${String.fromCharCode(name.length)}${name}\0\0\0\0`, 'latin1')
  return packet(11, Buffer.concat([front, file]), inPieces)
}

export function compressed(inside: Buffer, by: 'none' | 'zip' | 'zlib' | 'bzip2'): Buffer {
  const forms = {
    none: [0, () => inside],
    zip: [1, () => deflateRawSync(inside)],
    zlib: [2, () => deflateSync(inside)],
    bzip2: [3, () => execFileSync('bzip2', ['-c'], { input: inside })],
  } as const
  const [algorithm, pack] = forms[by]
  const body = pack()
  return packet(8, Buffer.concat([Buffer.from([algorithm]), body]))
}

const PGP_TYPE = 'Content-Type: application/octet-stream; name="report.pgp"'
const PGP_READERS = 'gpg, and mail programs that know OpenPGP'

const armour = (message: Buffer) => pem('PGP MESSAGE', message).replace('-----\n', '-----\n\n')

const VERSION = part(['Content-Type: application/pgp-encrypted'], 'Version: 1\n')

function pgp(name: string, message: () => Buffer): readonly Evasion[] {
  const forms: Readonly<Record<string, () => string>> = {
    'in a text': () => alone(['Content-Type: text/plain'], armour(message())),
    'as PGP/MIME': () =>
      mail(
        multipart('encrypted', [VERSION, part([PGP_TYPE], armour(message()))], {
          field: `Content-Type: multipart/encrypted; protocol="application/pgp-encrypted"; boundary="b1"`,
        }),
      ),
    'in a file': () => mixed(filePart(message(), [PGP_TYPE, BASE64])),
    'in an armoured file in base64': () =>
      mixed(filePart(Buffer.from(armour(message())), [PGP_TYPE, BASE64])),
  }
  return Object.entries(forms).map(([where, text]) => ({
    name: `OpenPGP ${name}, ${where}`,
    text,
    openedBy: PGP_READERS,
  }))
}

// TNEF

const littleEndian = (value: number, bytes: number) => {
  const buffer = Buffer.alloc(bytes)
  buffer.writeUIntLE(value, 0, bytes)
  return buffer
}

/** The checksum of MS-OXRTFCP 2.1.3.2: CRC-32 without its complements. */
function rtfChecksum(data: Buffer): number {
  let checksum = 0
  for (const byte of data) {
    checksum ^= byte
    for (let bit = 0; bit < 8; bit++) checksum = (checksum >>> 1) ^ (checksum & 1 ? 0xedb88320 : 0)
  }
  return checksum >>> 0
}

const RTF_FRONT = Buffer.from('{\\rtf1\\ansi')

/** Compresses RTF (MS-OXRTFCP): its first characters, which every dictionary has, and all others one by one. */
export function compressedRtf(text: Buffer): Buffer {
  const words = [Buffer.from([0, RTF_FRONT.length - 2])]
  for (const byte of text.subarray(RTF_FRONT.length)) words.push(Buffer.from([byte]))
  const end = (207 + text.length) % 4096
  words.push(Buffer.from([end >> 4, (end & 15) << 4]))
  const groups: Buffer[] = []
  for (let at = 0; at < words.length; at += 8) {
    const group = words.slice(at, at + 8)
    const control = group.reduce((all, word, bit) => all | (word.length === 2 ? 1 << bit : 0), 0)
    groups.push(Buffer.from([control]), ...group)
  }
  const data = Buffer.concat(groups)
  const lengths = [littleEndian(data.length + 12, 4), littleEndian(text.length, 4)]
  return Buffer.concat([...lengths, Buffer.from('LZFu'), littleEndian(rtfChecksum(data), 4), data])
}

/** RTF that is not compressed, in the same property. */
export function plainRtf(text: Buffer): Buffer {
  const lengths = [littleEndian(text.length + 12, 4), littleEndian(text.length, 4)]
  return Buffer.concat([...lengths, Buffer.from('MELA'), littleEndian(0, 4), text])
}

/** A winmail.dat that is only the text of a message, as Outlook shows it. */
export function winmail(rtf: Buffer): Buffer {
  const padded = Buffer.concat([rtf, Buffer.alloc(-rtf.length & 3)])
  const numbers = [1, 0x10090102, 1, rtf.length].map((value) => littleEndian(value, 4))
  const list = Buffer.concat([...numbers, padded])
  const sum = list.reduce((all, byte) => (all + byte) & 0xffff, 0)
  const front = [littleEndian(0x223e9f78, 4), littleEndian(1, 2), littleEndian(1, 1)]
  const attribute = [littleEndian(0x69003, 4), littleEndian(list.length, 4), list]
  return Buffer.concat([...front, ...attribute, littleEndian(sum, 2)])
}

/** A document with an embedded object, the shape of exploits for Outlook's preview. */
const rtfWithObject = Buffer.concat([
  RTF_FRONT,
  Buffer.from(`{\\object\\objocx{\\*\\objdata\\bin${zip.length} `),
  zip,
  Buffer.from('}}\\par}'),
])

const TNEF = 'Content-Type: application/ms-tnef; name="winmail.dat"'

const ofTnef: readonly Evasion[] = named(
  {
    'an object in the text of winmail.dat, which is compressed RTF': () =>
      mixed(filePart(winmail(compressedRtf(rtfWithObject)), [TNEF, BASE64])),
  },
  'Outlook, tnef',
)

// Calendars and cards

const calendar = (lines: string) =>
  `BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\nBEGIN:VEVENT\nUID:1\nSUMMARY:x\n${lines}\nEND:VEVENT\nEND:VCALENDAR\n`
const card = (lines: string, version = '3.0') =>
  `BEGIN:VCARD\nVERSION:${version}\nN:a\nFN:a\n${lines}\nEND:VCARD\n`
const folded = (line: string) => line.replace(/.{74}(?!$)/g, '$&\n ')
const CALENDAR = 'Content-Type: text/calendar; method=REQUEST; charset=utf-8'
const CARD = 'Content-Type: text/vcard; name="a.vcf"'
const CALENDAR_READERS = 'Evolution, KOrganizer, and calendars of libical'
const CARD_READERS = 'Evolution, which saves the keys and certificates of a contact'

const encoded = zip.toString('base64')

const WITH_FILE = calendar(folded(`ATTACH;ENCODING=BASE64:${encoded}`))
const BIN = ['Content-Type: application/octet-stream; name="a.bin"', BASE64]

/** What is in calendars, by what it plays with. */
const calendars: Readonly<Record<string, string>> = {
  'in one line': `ATTACH;ENCODING=BASE64;VALUE=BINARY:${encoded}`,
  'in folded lines': folded(`ATTACH;ENCODING=BASE64;VALUE=BINARY:${encoded}`),
  'whose parameters are folded': folded(
    `ATTACH;FMTTYPE=application/zip;\n X-NAME="a: b";ENCODING=\n BASE64;VALUE=BINARY:${encoded}`,
  ),
  'in small letters': folded(`attach;encoding=base64;value=binary:${encoded}`),
  'whose name is folded': folded(`ATT\n ACH;ENCODING=BASE64;VALUE=BINARY:${encoded}`),
  'whose name is folded letter by letter': `A\n T\n T\n A\n C\n H;ENCODING=BASE64:${encoded}`,
  'that is folded after each letter': `ATTACH;ENCODING=BASE64:${encoded}`.replace(/./g, '$&\n '),
  'whose quotes are folded': folded(`ATTACH;X-A="b:\n c";ENCODING="BASE\n 64":${encoded}`),
  'that is binary, and declares no encoding': folded(`ATTACH;VALUE=BINARY:${encoded}`),
  'as an image': folded(`IMAGE;VALUE=BINARY;ENCODING=BASE64;DISPLAY=BADGE:${encoded}`),
  'in a property of its own': folded(`X-ANY;VALUE=BINARY;ENCODING=BASE64:${encoded}`),
  'behind many parameters': `ATTACH${';X-A=b'.repeat(2000)};ENCODING=BASE64:${encoded}`,
  'with a CR in a parameter': folded(`ATTACH;X-A=b\r;ENCODING=BASE64:${encoded}`),
  'behind an empty line and a blank': folded(`X-A:b\n\n ATTACH;ENCODING=BASE64:${encoded}`),
  'behind a soft line break': folded(
    `DESCRIPTION;ENCODING=QUOTED-PRINTABLE:a=\nATTACH;ENCODING=BASE64:${encoded}`,
  ),
  'as a URL of data': folded(`ATTACH:data:application/zip;base64,${encoded}`),
  'as a URL of data in percent signs': folded(
    `ATTACH:data:application/zip,${[...zip].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('')}`,
  ),
}

const cards: Readonly<Record<string, string>> = {
  'as a key': card(folded(`KEY;TYPE=X509;ENCODING=b:${encoded}`)),
  'as a key of version 4': card(folded(`KEY:data:application/pgp-keys;base64,${encoded}`), '4.0'),
  'as a key of a group': card(folded(`item1.KEY;ENCODING=b:${encoded}`)),
  'as a key whose name is folded': card(folded(`K\n EY;ENCODING=b:${encoded}`)),
  'as a key whose group is folded': card(folded(`item1\n .\n KEY;ENCODING=b:${encoded}`)),
  'as a key in small letters': card(folded(`key;encoding=b:${encoded}`)),
  'as a key without a type': card(folded(`KEY;ENCODING=B:${encoded}`)),
  'as a key below a photo': card(folded(`PHOTO;ENCODING=b:QUJD\nKEY;ENCODING=b:${encoded}`)),
  'as a key of version 2.1': card(
    `KEY;ENCODING=BASE64;X509:\n    ${base64(zip, 72).replaceAll('\n', '\n    ')}\n`,
    '2.1',
  ),
  'as a key of version 2.1 without blanks': card(`KEY;BASE64:\n${base64(zip, 72)}\n`, '2.1'),
  'as a key in quoted-printable': card(
    `KEY;ENCODING=QUOTED-PRINTABLE:${quotedPrintable(zip)}`,
    '2.1',
  ),
  'as a key with escapes': card(
    folded(`KEY;ENCODING=b:${cut(encoded, 60).replaceAll('\n', '\\n')}`),
  ),
  'as a key with a quote in a word': card(folded(`KEY;X-A=b"c;ENCODING=b:${encoded}`)),
  'behind other cards': card('NOTE:x').repeat(9) + card(folded(`KEY;ENCODING=b:${encoded}`)),
}

/** A part with these fields, and behind its delimiter a calendar, of the same bytes. */
function twice(fields: readonly string[], bytes: Buffer): string {
  const encodedBytes = base64(bytes)
  return `${part(fields, encodedBytes)}\n--b1\n${part([CALENDAR, BASE64], encodedBytes)}`
}

const ofCalendars: readonly Evasion[] = [
  ...Object.entries(calendars).map(([name, lines]) => ({
    name: `a file in a calendar ${name}`,
    text: () => inPart([CALENDAR], calendar(lines)),
    openedBy: CALENDAR_READERS,
  })),
  ...Object.entries(cards).map(([name, text]) => ({
    name: `a file in a card ${name}`,
    text: () => inPart([CARD], text),
    openedBy: CARD_READERS,
  })),
  ...Object.entries({
    'that is in base64': part([CALENDAR, BASE64], base64(Buffer.from(WITH_FILE))),
    'that is in quoted-printable': part(
      [CALENDAR, QUOTED],
      quotedPrintableText(Buffer.from(WITH_FILE)),
    ),
    'in UTF-16': part(
      ['Content-Type: text/calendar; charset=utf-16', BASE64],
      base64(Buffer.from(`\ufeff${WITH_FILE}`, 'utf16le')),
    ),
    'in UTF-16 that nobody announced': filePart(Buffer.from(`\ufeff${WITH_FILE}`, 'utf16le'), BIN),
    'that claims to be an archive': filePart(Buffer.from(WITH_FILE), [ZIP_TYPE, BASE64]),
    'behind a text that is shown, of the same bytes': twice(
      ['Content-Type: text/plain', BASE64],
      Buffer.from(WITH_FILE),
    ),
    'that begins with other lines, behind a file of the same bytes': twice(
      BIN,
      Buffer.from(`x\n${WITH_FILE}`),
    ),
    'whose lines end in CR': part(
      [CALENDAR, BASE64],
      base64(Buffer.from(WITH_FILE.replaceAll('\n', '\r'))),
    ),
    'that begins with other lines': part([CALENDAR], `x\n${WITH_FILE}`),
  }).map(([name, text]) => ({
    name: `a file in a calendar ${name}`,
    text: () => mixed(text),
    openedBy: CALENDAR_READERS,
  })),
]

export const containers: readonly Evasion[] = [
  smime('in DER', () => signedData(inner)),
  smime('whose algorithm has a parameter that is no element', () =>
    signedData(inner, { parameter: hex('ff1f8899') }),
  ),
  smime('whose lengths take 60 bytes', () => signedData(inner, { lengthBytes: 60 })),
  smime('whose lengths take 126 bytes', () => signedData(inner, { lengthBytes: 126 })),
  smime('of indefinite lengths', () => signedData(inner, { isIndefinite: true })),
  smime('in pieces', () => signedData(inner, STREAMED)),
  smime('in pieces whose tag is in the long form (X.690 8.1.2.4)', () => {
    const text = signedData(inner, STREAMED).toString('latin1')
    return Buffer.from(text.replaceAll('\x04\x84\0\0\0', '\x1f\x04\x84\0\0\0'), 'latin1')
  }),
  smime('that is compressed', () => compressedData(inner)),
  smime('in S/MIME', () => signedData(Buffer.from(part(SMIME, base64(signedData(inner)))))),
  smime('with more behind it', () => Buffer.concat([signedData(inner), zip])),
  smime('that is cut off', () => signedData(inner).subarray(0, -6)),
  ...['PKCS7', 'CMS'].map((label) =>
    smime(`as PEM inside of base64, ${label}`, () => Buffer.from(pem(label, signedData(inner)))),
  ),
  ...named(
    {
      'S/MIME in binary': () =>
        alone(
          [SMIME[0]!, 'Content-Transfer-Encoding: binary'],
          signedData(inner).toString('latin1'),
        ),
      'S/MIME in a part that claims to be an archive': () =>
        mixed(filePart(signedData(inner), [ZIP_TYPE, BASE64])),
      'S/MIME as an attachment': () => mixed(filePart(signedData(inner), [...SMIME, ATTACHED])),
    },
    SMIME_READERS,
  ),
  ...Object.entries(strangeArmour).flatMap(([name, change]) => [
    smime(`as PEM with ${name}`, () =>
      Buffer.from(change(pem('ANY', signedData(inner))), 'latin1'),
    ),
    {
      name: `OpenPGP in armour with ${name}`,
      text: () => alone(['Content-Type: text/plain'], change(armour(literal(zip)))),
      openedBy: PGP_READERS,
    },
  ]),
  smime('as PEM whose first line looks like a field', () =>
    Buffer.from(pem('ANY', signedData(inner)).replace('-----\n', '-----\n*: ')),
  ),
  ...named(
    {
      'OpenPGP in armour with fields, behind blanks in a file in base64': () =>
        mixed(
          filePart(
            Buffer.from(`Look:\n  ${armour(literal(zip)).replace('\n\n', '\nComment: any\n\n')}`),
            [PGP_TYPE, BASE64],
          ),
        ),
    },
    'rnp, Sequoia',
  ),
  ...pgp('that is literal', () => literal(zip)),
  ...pgp('that is literal, in pieces', () => literal(binaryFile, true)),
  ...pgp('that is compressed by deflate', () => compressed(literal(binaryFile), 'zip')),
  ...pgp('that is compressed by zlib', () => compressed(literal(zip), 'zlib')),
  ...pgp('in a literal packet of an unknown format', () => {
    const message = literal(zip)
    message[message.indexOf('b\x0areport')] = 0x78
    return message
  }),
  ...pgp('that is compressed twice', () => compressed(compressed(literal(zip), 'zip'), 'zlib')),
  ...pgp('that is compressed by nothing', () => compressed(literal(zip), 'none')),
  ...pgp('behind a marker', () =>
    Buffer.concat([packet(10, Buffer.from('PGP')), compressed(literal(zip), 'zip')]),
  ),
  ...pgp('behind a packet of a kind that nobody knows', () =>
    Buffer.concat([packet(61, Buffer.from('any')), compressed(literal(zip), 'zip')]),
  ),
  ...pgp('behind a session key, though nothing is encrypted', () =>
    Buffer.concat([
      packet(1, hex(`03${'01'.repeat(8)}010010ffff`)),
      compressed(literal(zip), 'zip'),
    ]),
  ),
  ...pgp('behind a signature of an unknown version', () =>
    Buffer.concat([packet(2, Buffer.from('any')), compressed(literal(zip), 'zip')]),
  ),
  ...ofTnef,
  ...ofCalendars,
]
