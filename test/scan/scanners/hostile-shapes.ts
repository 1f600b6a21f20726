/** A mail made of one run, that is meant to cost more than its size is worth. */
export interface HostileShape {
  readonly name: string
  /** About so many bytes of mail, latin1, lines end in LF. */
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

/** The same again and again, with a number that differs. */
function repeated(piece: (n: number) => string, front = MULTIPART): (size: number) => string {
  return (size) => {
    const pieces: string[] = []
    for (let n = 0, length = 0; length < size; n++) {
      pieces.push(piece(n))
      length += pieces.at(-1)!.length
    }
    return TOP + front + pieces.join('')
  }
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
  lookedAtAgain('a long Content-Type above delimiters', (n) => `; x="${'a'.repeat(n)}"`, '--b\n'),
  lookedAtAgain('a long boundary above lines of dashes', (n) => 'b'.repeat(n), '--bb\n'),
  lookedAtAgain(
    'many boundary parameters above lines of dashes',
    (n) => '; boundary=bbb'.repeat(n / 14),
    '--b\n',
  ),
  ...['--b\nX: y\n', '--bx\nContent-Y: y\n', '--b--\n--b\nX: y\n'].map((lines) =>
    shape(
      `a header that goes on behind each of ${JSON.stringify(lines)}`,
      (size) =>
        `${MULTIPART}--b\n${'Content-X: some words\n'.repeat(size / 44)}${lines.repeat(size / 2 / lines.length)}`,
    ),
  ),
  shape(
    'delimiters alone',
    repeated(() => '--b\n'),
  ),
  shape(
    'delimiters that close',
    repeated(() => '--b--\n'),
  ),
  shape(
    'lines that are nearly the delimiter',
    repeated((n) => `--b${n}\n`),
  ),
  shape(
    'parts of no fields',
    repeated(() => '--b\n\n'),
  ),
  shape(
    'parts of one field',
    repeated((n) => `--b\nA${n}: b\n\n`),
  ),
  shape(
    'parts in base64 of one byte',
    repeated(() => '--b\nContent-Transfer-Encoding: base64\n\nQQ==\n'),
  ),
  shape(
    'multiparts in one another',
    repeated((n) => `--b${n || ''}\nContent-Type: multipart/mixed; boundary=b${n + 1}\n\n`),
  ),
  shape(
    'multiparts beside one another',
    repeated((n) => `--b\nContent-Type: multipart/mixed; boundary=c${n}\n\n--c${n}--\n`),
  ),
  shape(
    'multiparts beside one another that are not closed',
    repeated((n) => `--b\nContent-Type: multipart/mixed; boundary=c${n}\n\n--c${n}\n\nx\n`),
  ),
  shape(
    'attached messages of multiparts that are not closed',
    repeated(
      (n) =>
        `--b\nContent-Type: message/rfc822\n\nContent-Type: multipart/mixed; boundary=c${n}\n\n--c${n}\n\nx\n`,
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
  shape(
    'uuencode that delimiters stand in',
    repeated(() => `--b\n\nbegin 644 a\n${'#86)C\n'.repeat(20)}`),
  ),
  shape(
    'lines of base64 and delimiters by turns, below a message',
    repeated(() => '--b\n\nQUJDQUJDQUJDQUJD\n', `Content-Type: message/rfc822\n\n${MULTIPART}`),
  ),
  shape(
    'lines of base64 with a NUL and more behind each',
    repeated(() => 'QUJD\0QUJD\n', `${MULTIPART}--b\nContent-Transfer-Encoding: base64\n\n`),
  ),
  shape(
    'attached messages in one another',
    repeated(() => 'Content-Type: message/rfc822\n\n', ''),
  ),
  shape(
    'attached messages beside one another',
    repeated(() => '--b\nContent-Type: message/rfc822\n\nA: b\n\nx\n'),
  ),
  shape(
    'boundaries that begin with one another',
    repeated(
      (n) =>
        `--b${'b'.repeat(n % 60)}\nContent-Type: multipart/mixed; boundary=bb${'b'.repeat(n % 60)}\n\n`,
    ),
  ),
  shape(
    'fields of the mail',
    repeated((n) => `X-${n}: y\n`, ''),
  ),
  shape(
    'MIME fields of the mail',
    repeated((n) => `Content-Type: text/plain; n=${n}\n`, ''),
  ),
  shape(
    'lines of the mail that are no fields',
    repeated((n) => `no field ${n}\n`, ''),
  ),
  shape(
    'fields and lines that are none, in turn',
    repeated((n) => `X: ${n}\nno field\n`, ''),
  ),
  shape(
    'fields in the text',
    repeated((n) => `Content-Type: text/plain; n=${n}\n\nx\n`),
  ),
  shape(
    'begin lines',
    repeated((n) => `begin 644 a${n}\n#86)C\n`),
  ),
  shape(
    'begin lines without data',
    repeated((n) => `begin 644 a${n}\n`),
  ),
  shape(
    'beginnings of armour',
    repeated((n) => `-----BEGIN ${n}-----\nQUJDQUJDQUJDQUJD${n}\n`),
  ),
  shape(
    'armour, with and without its end',
    repeated((n) => `-----BEGIN ${n}-----\nQUJDQUJDQUJDQUJD${n}\n${n % 9 ? '-----END\n' : ''}`),
  ),
  shape(
    'beginnings of yEnc',
    repeated((n) => `=ybegin line=128 size=3 name=${n}\nabc\n`),
  ),
  shape(
    'beginnings of BinHex',
    repeated(() => '(This file must be converted with BinHex 4.0)\n:abc:\n'),
  ),
  shape(
    'runs of base64',
    repeated((n) => `QUJDREVGR0hJSktMTU5PUA==\nnot ${n}!\n`),
  ),
  shape(
    'runs of base64 below a line that is no field',
    repeated((n) => `QUJDREVGR0hJSktMTU5PUA==\nnot ${n}!\n`, 'X: y\nno field\n\n'),
  ),
  shape(
    'paddings of base64',
    repeated(() => 'QQ==\n', part('base64')),
  ),
  shape(
    'base64 of one character a line',
    repeated(() => 'Q\n', part('base64')),
  ),
  shape(
    'base64 with junk behind each character',
    repeated(() => 'Q!', part('base64')),
  ),
  shape(
    'base64 in one line',
    repeated(() => 'QUJD', part('base64')),
  ),
  shape(
    'base64 of bytes of eight bits and others',
    repeated(() => 'QUJD\xd1\xd5', part('base64')),
  ),
  shape(
    'soft line breaks',
    repeated(() => '=\n', part('quoted-printable')),
  ),
  shape(
    'soft line breaks with blanks behind',
    repeated(() => `=${' '.repeat(90)}\n`, part('quoted-printable')),
  ),
  shape(
    'escapes that are none',
    repeated((n) => `=${n % 2 ? 'Z' : '4'} =`, part('quoted-printable')),
  ),
  shape(
    'escapes that lines cut',
    repeated(() => '=4=\n1', part('quoted-printable')),
  ),
  shape(
    'escapes behind escapes',
    repeated(() => '==3D', part('quoted-printable')),
  ),
  shape(
    'lines of uuencode of one byte',
    repeated(() => '!80``\n', `${part('x-uuencode')}begin 644 a\n`),
  ),
  shape(
    'lines of uuencode that are too short',
    repeated(() => 'M8\n', `${part('x-uuencode')}begin 644 a\n`),
  ),
  shape(
    'lines that are no uuencode',
    repeated(() => 'zz\n', `${part('x-uuencode')}begin 644 a\n`),
  ),
  shape(
    'continuations of one field',
    repeated((n) => ` x${n}=y;\n`, 'Content-Type: a/b;\n'),
  ),
  shape(
    'parameters in pieces (RFC 2231)',
    repeated((n) => ` filename*${n}=a;\n`, 'Content-Disposition: attachment;\n'),
  ),
  shape(
    'pieces of a boundary (RFC 2231)',
    repeated((n) => ` boundary*${n}=a;\n`, 'Content-Type: multipart/mixed;\n'),
  ),
  shape(
    'percent signs in a file name (RFC 2231)',
    repeated(() => '%41', "Content-Disposition: attachment; filename*=utf-8''"),
  ),
  shape(
    'encoded words in a subject',
    repeated(() => '=?utf-8?q?a?= ', 'Subject: '),
  ),
  shape(
    'encoded words that are not closed',
    repeated(() => '=?utf-8?q?a', 'Subject: '),
  ),
  shape(
    'encoded words in encoded words',
    repeated(() => '=?x?q?=3D=3Fx=3Fq=3F', 'Subject: '),
  ),
  shape(
    'an encoded word in base64',
    repeated(() => 'QUJD', 'Subject: =?x?b?'),
  ),
  shape(
    'encoded words in file names',
    repeated(() => '=?utf-8?b?QQ==?= ', 'Content-Disposition: attachment; filename="'),
  ),
  shape(
    'comments beside one another',
    repeated(() => '(a) ', 'Content-Type: '),
  ),
  shape(
    'From_ lines',
    repeated((n) => `\nFrom a Mon Jun ${n}\nA: b\n\nx\n`),
  ),
  shape(
    'lines of one dot',
    repeated(() => '.\n'),
  ),
  shape(
    'empty lines',
    repeated(() => '\n'),
  ),
  shape(
    'lines of CR alone',
    repeated(() => '\r', 'Subject: x\n\n'),
  ),
  shape(
    'lines of blanks in a header',
    repeated(() => ' \n', 'Subject: x\n'),
  ),
  shape('strings of octets of one byte (S/MIME)', (size) => {
    const pieces = Buffer.from('040141'.repeat(size / 4), 'hex')
    const front = Buffer.from(
      '308006092a864886f70d010702a08030800201013100308006092a864886f70d010701a0802480',
      'hex',
    )
    return `${TOP}Content-Type: application/pkcs7-mime\nContent-Transfer-Encoding: base64\n\n${base64(Buffer.concat([front, pieces]))}`
  }),
  shape('signatures in one another (S/MIME)', (size) => {
    const opened = Buffer.from('308006092a864886f70d010702'.repeat(size / 18), 'hex')
    return `${TOP}Content-Type: application/pkcs7-mime\nContent-Transfer-Encoding: base64\n\n${base64(opened)}`
  }),
  shape('mails in base64 in one another', (size) => {
    let mail = 'A: b\n\nx\n'
    while (mail.length < size / 2) mail = `${part('base64')}${base64(Buffer.from(mail))}\n`
    return `${TOP}${mail}`
  }),
  ...inEachPlace,
]
