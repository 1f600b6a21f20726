import { createHash } from 'node:crypto'

/** A message made of one run, that is meant to cost more than its size is worth. */
export interface HostileShape {
  readonly name: string
  /** About this many bytes of mail, latin1, lines end in LF. */
  make(size: number): string
}

/** What the run is made of: characters that mean something somewhere. */
const runs: Readonly<Record<string, string>> = {
  blanks: ' ',
  tabs: '\t',
  NULs: '\0',
  CRs: '\r',
  'opening parentheses': '(',
  'closing parentheses': ')',
  quotes: '"',
  backslashes: '\\',
  semicolons: ';',
  'equals signs': '=',
  'question marks': '?',
  'less-than signs': '<',
  commas: ',',
  colons: ':',
  dashes: '-',
  asterisks: '*',
  'percent signs': '%',
  apostrophes: "'",
  slashes: '/',
  letters: 'a',
  'bytes of eight bits': '\xff',
  'blanks and semicolons': ' ;',
  'folded lines': 'a\n ',
  'lines of one blank': '\n ',
  'beginnings of encoded words': '=?',
  'empty encoded words': '=?a?q??= ',
  'parameters without value': ';a=',
  'boundary parameters': '; boundary=a',
  'quoted pairs': '\\"',
  'comments in one another': '(a',
}

/** Where it stands. */
const places: Readonly<Record<string, (run: string) => string>> = {
  'the name of a field': (run) => `Content${run}-Type: text/plain\n\nx\n`,
  'the value of an unknown field': (run) => `X-Any: ${run}x\n\nx\n`,
  'a Content-Type before its type': (run) =>
    `Content-Type: ${run}multipart/mixed; boundary=b\n${BODY}`,
  'a Content-Type behind its type': (run) =>
    `Content-Type: multipart/mixed${run}; boundary=b\n${BODY}`,
  'the name of a parameter': (run) => `Content-Type: multipart/mixed; bound${run}ary=b\n${BODY}`,
  'the value of a boundary': (run) => `Content-Type: multipart/mixed; boundary=b${run}\n${BODY}`,
  'a quoted boundary': (run) => `Content-Type: multipart/mixed; boundary="b${run}"\n${BODY}`,
  'a quoted name that is not closed': (run) => `Content-Type: a/b; name="${run}\n\nx\n`,
  'a file name': (run) => `Content-Disposition: attachment; filename=a${run}.exe\n\nx\n`,
  'an encoding': (run) => `Content-Transfer-Encoding: ${run}base64\n\nQUJD\n`,
  'an encoded word': (run) => `Subject: =?utf-8?q?${run}?=\n\nx\n`,
  'the character set of an encoded word': (run) => `Subject: =?${run}?b?QUJD?=\n\nx\n`,
  'a From_ line': (run) => `From ${run} Mon\nSubject: x\n\nx\n`,
  'a line of text': (run) => `Subject: x\n\n${run}\n`,
  'a delimiter': (run) => `Content-Type: multipart/mixed; boundary=b\n\n--b${run}\n\nx\n--b--\n`,
  'a preamble': (run) => `Content-Type: multipart/mixed; boundary=b\n\n${run}\n--b\n\nx\n--b--\n`,
  'the fields of a part': (run) => `${MULTIPART}--b\nContent-Type: ${run}\n\nx\n--b--\n`,
  base64: (run) => `${part('base64')}QUJD${run}REVG\n--b--\n`,
  'quoted-printable': (run) => `${part('quoted-printable')}a=${run}\n--b--\n`,
  uuencode: (run) => `${part('x-uuencode')}begin 644 a\n#86)C${run}\n\`\nend\n--b--\n`,
  'the line that begins uuencode': (run) => `Subject: x\n\nbegin 644 ${run}a\n#86)C\n\`\nend\n`,
  'the line that begins yEnc': (run) => `Subject: x\n\n=ybegin line=128 ${run}name=a\nabc\n=yend\n`,
  yEnc: (run) => `Subject: x\n\n=ybegin line=128 size=3 name=a\n${run}\n=yend size=3\n`,
}

const BODY = '\n--b\n\nx\n--b--\n'
const MULTIPART = 'Content-Type: multipart/mixed; boundary=b\n\n'

function part(encoding: string): string {
  return `${MULTIPART}--b\nContent-Type: application/zip\nContent-Transfer-Encoding: ${encoding}\n\n`
}

const TOP = 'From: a@example.org\nMIME-Version: 1.0\n'

const inEachPlace: HostileShape[] = Object.entries(places).flatMap(([place, put]) =>
  Object.entries(runs).map(([run, piece]) => ({
    name: `${run} in ${place}`,
    make: (size: number) => TOP + put(piece.repeat(size / piece.length)),
  })),
)

/** What stands again and again in a multipart, with a number that differs. */
const inMultipart: Readonly<Record<string, (n: number) => string>> = {
  'lines of text': (n) => `some line of text number ${n} that says nothing at all\n`,
  'delimiters alone': () => '--b\n',
  'delimiters that close': () => '--b--\n',
  'lines that are nearly the delimiter': (n) => `--b${n}\n`,
  'parts of no fields': () => '--b\n\n',
  'parts of one field': (n) => `--b\nA${n}: b\n\n`,
  'parts in base64 of one byte': () => '--b\nContent-Transfer-Encoding: base64\n\nQQ==\n',
  'multiparts in one another': (n) =>
    `--b${n || ''}\nContent-Type: multipart/mixed; boundary=b${n + 1}\n\n`,
  'multiparts beside one another': (n) =>
    `--b\nContent-Type: multipart/mixed; boundary=c${n}\n\n--c${n}--\n`,
  'multiparts beside one another that are not closed': (n) =>
    `--b\nContent-Type: multipart/mixed; boundary=c${n}\n\n--c${n}\n\nx\n`,
  'attached messages of multiparts that are not closed': (n) =>
    `--b\nContent-Type: message/rfc822\n\nContent-Type: multipart/mixed; boundary=c${n}\n\n--c${n}\n\nx\n`,
  'uuencode that delimiters stand in': () => `--b\n\nbegin 644 a\n${'#86)C\n'.repeat(20)}`,
  'attached messages beside one another': () => '--b\nContent-Type: message/rfc822\n\nA: b\n\nx\n',
  'boundaries that begin with one another': (n) =>
    `--b${'b'.repeat(n % 60)}\nContent-Type: multipart/mixed; boundary=bb${'b'.repeat(n % 60)}\n\n`,
  'fields in the text': (n) => `Content-Type: text/plain; n=${n}\n\nx\n`,
  'fields that begin data': (n) => `Content-Transfer-Encoding: base64\n\nQUJD${n}\n`,
  'fields that begin data and have none': () => 'Content-Transfer-Encoding:a\n',
  'fields of quoted-printable that begin data': () =>
    'Content-Transfer-Encoding: quoted-printable\n\n=\n',
  'begin lines': (n) => `begin 644 a${n}\n#86)C\n`,
  'begin lines without data': (n) => `begin 644 a${n}\n`,
  'beginnings of armour': (n) => `-----BEGIN ${n}-----\nQUJDQUJDQUJDQUJD${n}\n`,
  'armour, with and without its end': (n) =>
    `-----BEGIN ${n}-----\nQUJDQUJDQUJDQUJD${n}\n${n % 9 ? '-----END\n' : ''}`,
  'beginnings of yEnc': (n) => `=ybegin line=128 size=3 name=${n}\nabc\n`,
  'beginnings of BinHex': () => '(This file must be converted with BinHex 4.0)\n:abc:\n',
  'runs of base64': (n) => `QUJDREVGR0hJSktMTU5PUA==\nnot ${n}!\n`,
  'From_ lines': (n) => `\nFrom a Mon Jun ${n}\nA: b\n\nx\n`,
  'lines of one dot': () => '.\n',
  'empty lines': () => '\n',
}

/** The same below other lines. */
const below: Readonly<Record<string, readonly [front: string, piece: (n: number) => string]>> = {
  'lines of base64 and delimiters by turns, below a message': [
    `Content-Type: message/rfc822\n\n${MULTIPART}`,
    () => '--b\n\nQUJDQUJDQUJDQUJD\n',
  ],
  'lines of base64 with a NUL and more behind each': [
    `${MULTIPART}--b\nContent-Transfer-Encoding: base64\n\n`,
    () => 'QUJD\0QUJD\n',
  ],
  'attached messages in one another': ['', () => 'Content-Type: message/rfc822\n\n'],
  'fields of the mail': ['', (n) => `X-${n}: y\n`],
  'MIME fields of the mail': ['', (n) => `Content-Type: text/plain; n=${n}\n`],
  'lines of the mail that are no fields': ['', (n) => `no field ${n}\n`],
  'fields and lines that are none, in turn': ['', (n) => `X: ${n}\nno field\n`],
  'runs of base64 below a line that is no field': [
    'X: y\nno field\n\n',
    (n) => `QUJDREVGR0hJSktMTU5PUA==\nnot ${n}!\n`,
  ],
  'paddings of base64': [part('base64'), () => 'QQ==\n'],
  'base64 of one character a line': [part('base64'), () => 'Q\n'],
  'base64 with junk behind each character': [part('base64'), () => 'Q!'],
  'base64 in one line': [part('base64'), () => 'QUJD'],
  'base64 of bytes of eight bits and others': [part('base64'), () => 'QUJD\xd1\xd5'],
  'soft line breaks': [part('quoted-printable'), () => '=\n'],
  'soft line breaks with blanks behind': [part('quoted-printable'), () => `=${' '.repeat(90)}\n`],
  'escapes that are none': [part('quoted-printable'), (n) => `=${n % 2 ? 'Z' : '4'} =`],
  'short lines below an escape that is none': [`${part('quoted-printable')}=Z\n`, () => 'abc\n'],
  'escapes that lines cut': [part('quoted-printable'), () => '=4=\n1'],
  'escapes behind escapes': [part('quoted-printable'), () => '==3D'],
  'lines of uuencode of one byte': [`${part('x-uuencode')}begin 644 a\n`, () => '!80``\n'],
  'lines of uuencode that are too short': [`${part('x-uuencode')}begin 644 a\n`, () => 'M8\n'],
  'lines that begin uuencode, in uuencode': [part('x-uuencode'), (n) => `begin 644 a${n}\n`],
  'lines with begin alone, in uuencode': [part('x-uuencode'), () => 'begin \n'],
  'a word like begin in a file': [part('8bit'), () => 'begin-x '],
  'fields of armour': ['\n-----BEGIN PGP MESSAGE-----\n', () => 'a:\n'],
  'lines that are no uuencode': [`${part('x-uuencode')}begin 644 a\n`, () => 'zz\n'],
  'continuations of one field': ['Content-Type: a/b;\n', (n) => ` x${n}=y;\n`],
  'parameters in pieces (RFC 2231)': [
    'Content-Disposition: attachment;\n',
    (n) => ` filename*${n}=a;\n`,
  ],
  'pieces of a boundary (RFC 2231)': [
    'Content-Type: multipart/mixed;\n',
    (n) => ` boundary*${n}=a;\n`,
  ],
  'percent signs in a file name (RFC 2231)': [
    "Content-Disposition: attachment; filename*=utf-8''",
    () => '%41',
  ],
  'encoded words in a subject': ['Subject: ', () => '=?utf-8?q?a?= '],
  'encoded words that are not closed': ['Subject: ', () => '=?utf-8?q?a'],
  'encoded words in encoded words': ['Subject: ', () => '=?x?q?=3D=3Fx=3Fq=3F'],
  'an encoded word in base64': ['Subject: =?x?b?', () => 'QUJD'],
  'encoded words in file names': [
    'Content-Disposition: attachment; filename="',
    () => '=?utf-8?b?QQ==?= ',
  ],
  'comments beside one another': ['Content-Type: ', () => '(a) '],
  'lines of CR alone': ['Subject: x\n\n', () => '\r'],
  'lines of blanks in a header': ['Subject: x\n', () => ' \n'],
  'lines of base64': [part('base64'), line64],
  'dashes below a field that begins data': [
    `${MULTIPART}Content-Transfer-Encoding: base64\n\n`,
    () => '--\n',
  ],
  'fields that begin data, in base64': [
    part('base64'),
    (n) => `${Buffer.from(`Content-Transfer-Encoding: a\n\nQUJD${n % 10}\n`).toString('base64')}\n`,
  ],
  'delimiters and boundaries in the header of a part': [
    `${MULTIPART}--b\n`,
    (n) => `--b\nContent-Type: x/y; boundary=b${n % 900}\n`,
  ],
  'delimiters and boundaries in the header of an attached message': [
    'Content-Type: message/rfc822\n\n',
    (n) => `--b\nContent-Type: x/y; boundary=b${n % 900}\n`,
  ],
  'lines below many multiparts in attached messages': [
    `${multiparts(0)}${[1, 2, 3, 4].map((n) => `Content-Type: message/rfc822\n\nSubject: x\n${multiparts(n)}`).join('')}\n`,
    () => 'some line of text that says nothing\n',
  ],
  'lines below many multiparts, of which some end': [
    `${multiparts(0)}--m0n40yyyyyyy--\n`,
    () => 'some line of text that says nothing\n',
  ],
  'sections of character sets': [
    MULTIPART,
    (n) => `--b\nContent-Type: text/plain${sections(n)}\n\nx\n`,
  ],
  'mails of a mailbox': [
    `${MULTIPART}--b\nContent-Type: application/mbox\n\n`,
    (n) => `From a\n\nmail ${n}\n\n`,
  ],
}

/** Sixty multiparts in one another, none of which is closed. */
function multiparts(message: number): string {
  const boundaries = Array.from({ length: 60 }, (_, n) => `m${message}n${n}yyyyyyy`)
  return boundaries
    .map((name) => `Content-Type: multipart/mixed; boundary="${name}"\n\n--${name}\n`)
    .join('')
}

/** Sections of a parameter, each of which names a character set. */
const sections = (part: number): string =>
  Array.from({ length: 30 }, (_, n) => `; charset*${n}*=x${part}y${n}`).join('')

/** A line of a file that nobody has seen. */
function line64(n: number): string {
  return `${createHash('sha512').update(String(n)).digest('base64').slice(0, 76)}\n`
}

/** About this many bytes of it. */
function repeated(front: string, piece: (n: number) => string, size: number): string {
  const pieces: string[] = []
  for (let n = 0, length = 0; length < size; n++) {
    pieces.push(piece(n))
    length += pieces.at(-1)!.length
  }
  return TOP + front + pieces.join('')
}

const shape = (name: string, make: (size: number) => string): HostileShape => ({ name, make })
const base64 = (bytes: Buffer) => bytes.toString('base64').replace(/.{76}/g, '$&\n')

/** Half of it is the run, the other half lines that make a reader look at it again. */
function lookedAtAgain(name: string, run: (length: number) => string, line: string): HostileShape {
  return shape(name, (size) => {
    const lines = line.repeat(size / 2 / line.length)
    return `${TOP}Content-Type: multipart/mixed; boundary=b${run(size / 2)}\n\n${lines}`
  })
}

/** SignedData of an indefinite length, up to its content, in hexadecimal (RFC 5652). */
export const SIGNED =
  '308006092a864886f70d010702a08030800201013100308006092a864886f70d010701a0802480'

/** The same, up to an element that no program reads. */
const SKIPPED = '308006092a864886f70d010702a08030800201013180'

/** Elements in S/MIME, in hexadecimal, so many for each byte of the mail. */
function smime(name: string, front: string, element: string, share: number): HostileShape {
  return shape(name, (size) => {
    const bytes = Buffer.from(front + element.repeat(size * share), 'hex')
    return `${TOP}Content-Type: application/pkcs7-mime\nContent-Transfer-Encoding: base64\n\n${base64(bytes)}`
  })
}

export const hostileShapes: readonly HostileShape[] = [
  shape(
    'a Content-Type with blanks, then a field in the text and a line of dashes, ten times',
    (size) => `Content-Type: a/b;${' '.repeat(size)}\n\n${'content-a: b\n--x\n'.repeat(10)}`,
  ),
  lookedAtAgain(
    'a long Content-Type above fields in text',
    (n) => ' '.repeat(n),
    'content-a: b\n\n',
  ),
  lookedAtAgain('a long Content-Type above lines that are no fields', (n) => ' '.repeat(n), 'a\n'),
  lookedAtAgain(
    'a long Content-Type below a delimiter, above more of these',
    (n) => `; boundary=c\nno field\n\n--b\nContent-Type: multipart/x; y="${'a'.repeat(n)}"`,
    '--b\n',
  ),
  lookedAtAgain('a long Content-Type above delimiters', (n) => `; x="${'a'.repeat(n)}"`, '--b\n'),
  lookedAtAgain('a long boundary above lines of dashes', (n) => 'b'.repeat(n), '--bb\n'),
  lookedAtAgain(
    'many boundary parameters above lines of dashes',
    (n) => '; boundary=bbb'.repeat(n / 14),
    '--b\n',
  ),
  ...['-', '-- ', '--b--bb'].map((dashes) =>
    shape(
      `${JSON.stringify(dashes)} above the parts of a multipart with many boundaries`,
      (size) => {
        const boundaries = Array.from({ length: 60 }, (_, n) => `; boundary=${'b'.repeat(n + 1)}`)
        const type = `Content-Type: multipart/mixed${boundaries.join('')}`
        return `${TOP}${type}\n\n${dashes.repeat(size / dashes.length)}`
      },
    ),
  ),
  ...['--b\nX: y\n', '--bx\nContent-Y: y\n', '--b--\n--b\nX: y\n'].map((lines) =>
    shape(
      `a header that goes on behind each of ${JSON.stringify(lines)}`,
      (size) =>
        `${MULTIPART}--b\n${'Content-X: some words\n'.repeat(size / 44)}${lines.repeat(size / 2 / lines.length)}`,
    ),
  ),
  shape(
    'multiparts and attached messages by turns, each inside of the one before, none closed',
    (size) => {
      const count = Math.floor(size / 100)
      const numbers = Array.from({ length: count }, (_, n) => n)
      const message = (n: number) =>
        `Content-Type: multipart/mixed; boundary=c${n}\n\n--c${n}\nContent-Type: message/rfc822\n\n`
      const delimiter = (n: number) => `--c${n}\n\nx\n`
      return `${TOP}${numbers.map(message).join('')}${numbers.toReversed().map(delimiter).join('')}`
    },
  ),
  smime('strings of octets of one byte (S/MIME)', SIGNED, '040141', 1 / 4),
  smime('strings of octets of nothing (S/MIME)', SIGNED, '2400', 3 / 8),
  smime('sequences of nothing in a skipped set (S/MIME)', SKIPPED, '30800000', 3 / 16),
  smime('signatures in one another (S/MIME)', '', '308006092a864886f70d010702', 1 / 18),
  shape('mails in base64 in one another', (size) => {
    let mail = 'A: b\n\nx\n'
    while (mail.length < size / 2) mail = `${part('base64')}${base64(Buffer.from(mail))}\n`
    return `${TOP}${mail}`
  }),
  shape('a text in mails in base64, ten in one another', (size) => {
    let mail = repeated('', inMultipart['lines of text']!, size * 0.75 ** 10)
    for (let n = 0; n < 10; n++) mail = `${part('base64')}${base64(Buffer.from(mail))}\n`
    return `${TOP}${mail}`
  }),
  ...Object.entries(inMultipart).map(([name, piece]) =>
    shape(name, (size) => repeated(MULTIPART, piece, size)),
  ),
  ...Object.entries(below).map(([name, [front, piece]]) =>
    shape(name, (size) => repeated(front, piece, size)),
  ),
  ...inEachPlace,
]
