import type { Oddity } from '../../../../src/mail/mime/reports/oddities.ts'

/** Messages that have an oddity and messages that have it not; the latter may have others. */
export interface Examples {
  readonly has: readonly string[]
  readonly hasNot: readonly string[]
}

const from = 'From: a@example.org\n'
const text = 'Content-Type: text/plain\n\nhello\n'
const file =
  'Content-Type: image/png; name="a.png"\nContent-Transfer-Encoding: base64\n\niVBORw0KGgo=\n'
const mailWith = (fields: string, body = 'hello\n') => `${from}${fields}\n${body}`

function many(parts: readonly string[], { kind = 'mixed', boundary = 'b1' } = {}) {
  const all = parts.map((part) => `--${boundary}\n${part}`).join('')
  return `Content-Type: multipart/${kind}; boundary="${boundary}"\n\n${all}--${boundary}--\n`
}
const mixed = (...parts: string[]) => from + many(parts)
const as = (encoding: string, body: string) =>
  mailWith(`Content-Type: text/plain\nContent-Transfer-Encoding: ${encoding}\n`, body)
const attached = (message: string) => mixed(text, `Content-Type: message/rfc822\n\n${message}`)

const encoded = 'Content-Type: multipart/mixed; boundary=x\nContent-Transfer-Encoding: base64\n'

/** The usual, and what is rare but no mistake: none of it is odd. */
export const ordinary: readonly string[] = [
  '',
  'A: b\n\n',
  mailWith(''),
  mailWith('Content-Type: text/plain; charset=us-ascii\n', '-- \nme\n'),
  mailWith('Content-Type: text/plain; format=flowed; delsp=yes; charset="utf-8"\n'),
  mixed(text, file),
  mixed(text, file).replaceAll('\n', '\r\n'),
  mixed(many([text, text], { kind: 'alternative', boundary: 'in' }), file),
  attached(mixed(text, file).replaceAll('b1', 'x2')),
  from +
    many([text, 'Content-Type: message/delivery-status\n\nAction: failed\n'], { kind: 'report' }),
  mixed('\nno field at all\n', file),
  mixed(text, file).replace('--b1', 'This is a multi-part message in MIME format.\n--b1'),
  mixed(text, 'Content-Disposition: attachment;\n filename="a b.txt"\n\nx\n'),
  mixed(text, "Content-Disposition: attachment; filename*=utf-8''a%20b.txt\n\nx\n"),
  as('quoted-printable', 'a=3Db =\nand more=20\n'),
  as('8bit', 'gr\xfc\xdfe\n'),
  as('base64', 'aGVsbG8=\n'),
  from,
  mixed('X: y\n'),
  mixed(),
  mixed(text).replace('--b1--\n', ''),
  mixed(many([text], { boundary: 'b1x' })),
  mixed(many([text], { boundary: 'x' }), many([text], { boundary: 'x' })),
  from + many([text], { kind: 'parallel' }),
  mailWith('Content-Type: text\n'),
  mailWith('Content-Type: text/plain; name=a b;\n'),
  mailWith('Content-Type: text/plain (c)\n'),
  mailWith('Content-Disposition: attachment; filename=a b\n'),
  mailWith('X-Content-Transfer-Encoding: base64\n'),
  mailWith('X: =?utf-8?Q?a=0Ab?=\n'),
  mailWith('', 'a\rb\0c\n'),
  mailWith('', 'see\nContent-Transfer-Encoding: base64\n\nQUI=\nQUI=\n'),
  mailWith('', '> Content-Type: multipart/mixed\n> Content-Type: multipart/mixed\n'),
  mailWith('', 'begin 644 a.txt\n#86)C\nno uuencode\n'),
  mailWith('', '=ybegin line=1\n'),
  mixed('Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nQTogYgoK\n'),
  mixed('Content-Type: message/rfc822\n\n\nA: b\n\nx\n'),
  mixed('\n--\nme\n'),
]

const base64Of = (text: string) => Buffer.from(text, 'latin1').toString('base64')
export const examples: Readonly<Record<Oddity, Examples>> = {
  header: {
    has: [
      ...[mailWith('X: a\0b\n'), mailWith('X: a\rb\n'), mailWith('\vX: y\n'), mailWith('X: y\f\n')],
      mailWith('word\n'),
      mailWith('two words: x\n').replace('two', 'now two'),
      mailWith('X: y\nFrom a@b Mon Jun 1\n'),
      mixed(`>From a@b Mon Jun 1\n${text}`),
      mixed(' folded\n\nx\n'),
      ...[mailWith('X: y\n \nZ: y\n'), mailWith('X: y\n\t\n'), mixed('X: y\n  \n\nx\n')],
      ...[mailWith('X : y\n'), mailWith('(c)X: y\n'), mailWith('Content-Type\t: text/plain\n')],
      attached('Subject: x\nword\n\nx\n'),
    ],
    hasNot: [
      `From a@b Mon Jun 1\n${mailWith('')}`,
      `>From a@b Mon Jun 1\n${mailWith('')}`,
      attached(`From a@b Mon Jun 1\n${mailWith('')}`),
      mailWith('X: a\tb\n'),
      mailWith('X: \xe9\n'),
      mailWith('', 'a\0b\f\n'),
      mailWith('X: y\n folded\n'),
      mailWith('', 'word\n \n'),
      mailWith('X-!#$: y\n'),
    ],
  },
  field: {
    has: [
      mailWith('Content-Type: text/plain\ncontent-type: text/html\n'),
      mixed('Content-Transfer-Encoding: 7bit\nContent-Transfer-Encoding: base64\n\nx\n'),
      mailWith('Content-Type:\n'),
      mailWith('Content-Disposition: \n'),
      mailWith('Content-Transfer-Encoding:\n \n'),
      mailWith('Content-Type: text/plain; name="a\n'),
      mailWith('Content-Type: text/plain; name="a\\" b"\n'),
      mailWith('Content-Type: text/plain; charset=x-any\n'),
      ...[as('base64;', 'x'), as('x-uuencode', 'x'), as('"base64"', 'x'), as('7bit (c)', 'x')],
    ],
    hasNot: [
      mailWith('Content-Type: text/plain\n'),
      // Not all readers see the header so.
      mailWith('X: y\nX: y\n'),
      mixed(text, text),
      mailWith('Subject:\n'),
      mailWith('Content-ID:\n'),
      mailWith('Content-Type: text/plain; name="a"\n'),
      mailWith('Content-Type: text/plain; charset=koi8-r\n'),
      mailWith('Subject: 12" disk\n'),
      ...[as('Base64', 'QUJD\n'), as('8BIT ', 'x'), as('binary', 'x'), as('\n base64', 'x')],
    ],
  },
  boundary: {
    has: [
      mailWith('Content-Type: multipart/mixed\n'),
      mailWith('Content-Type: multipart/mixed; boundary=""\n'),
      mailWith('Content-Type: multipart/mixed; boundary="a "\n'),
      mailWith('Content-Type: multipart/mixed; boundary=a; boundary=b\n'),
      mailWith(`Content-Type: multipart/mixed; boundary="${'x'.repeat(71)}"\n`),
      mailWith('Content-Type: multipart/mixed; boundary*0=a; boundary*1=b\n'),
      mailWith('Content-Type: text/plain; boundary=x\n'),
      mailWith('Content-Disposition: inline; boundary=x\n'),
    ],
    hasNot: [
      mixed(text),
      mailWith(`Content-Type: multipart/mixed; boundary="${'x'.repeat(70)}"\n`),
      mailWith('Content-Type: multipart/mixed; boundary="=_a.b/c?d"\n'),
      mailWith('Content-Type: multipart/mixed; boundary="a (b)\'c"\n'),
      mailWith('Content-Type: text/plain; name="the boundary.txt"\n'),
    ],
  },
  delimiter: {
    has: [
      mixed(text).replace('--b1\n', '--b1x\n'),
      mixed(text).replace('--b1--', '--b1--x'),
      mixed(text).replace('--b1--', '--b1-'),
      `${mixed(text)}--b1\n${text}`,
      `${mixed(text)}--b1--\n`,
    ],
    hasNot: [
      mixed(text),
      mixed(text).trimEnd(),
      mixed(text).replace('--b1\n', '--b1 \n'),
      `${mixed(text)}some list\n`,
      `${mixed(text)}--b\n`,
    ],
  },
  'encoded-multipart': {
    has: [
      mailWith(encoded),
      mailWith('Content-Type: multipart/mixed; boundary=x\nContent-Transfer-Encoding: base64 \n'),
    ],
    hasNot: [
      mailWith('Content-Type: multipart/mixed; boundary=x\nContent-Transfer-Encoding: 8bit\n'),
    ],
  },
  base64: {
    has: [as('base64', 'QUI=\nQUI=\n'), as('base64', 'QU=JD\n')],
    hasNot: [
      ...[as('base64', 'QUI=\n'), as('base64', 'QQ==\n\n'), as('base64', 'QU JD\n')],
      as('base64', base64Of(as('base64', 'QUI=\nQUI=\n'))),
      as('base64', base64Of(as('base64', 'QUI=\nQUI=\n'))).replace('text/plain', 'a/b'),
      // Not all readers see the base64 so.
      as('base64, x', 'QUI=\nQUI=\n'),
    ],
  },
  'quoted-printable': {
    has: [as('quoted-printable', 'a= \nb\n'), as('quoted-printable', 'a=\t \nb\n')],
    hasNot: [as('quoted-printable', 'a=\nb =20\n'), as('quoted-printable', 'a=b\n')],
  },
  encrypted: {
    has: [
      as('base64', base64Of('\xc1\x05\x03 key\xd2\x05\x01data')),
      as('7bit', `-----BEGIN PGP MESSAGE-----\n\n${base64Of('\xd2\x05\x01data and more')}\n`),
      as('base64', base64Of('\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03\xa0\x80')),
    ],
    hasNot: [
      as('base64', base64Of('\xcb\x09b\0\0\0\0\0text')),
      as('base64', base64Of('\xd2\x09\x01cut')),
      // GnuPG does not skip such a packet.
      as('base64', base64Of('\xff\x01x\xd2\x05\x01data')),
      as('base64', base64Of('\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01')),
      as('7bit', '-----BEGIN PGP SIGNATURE-----\n\niQ==\n'),
    ],
  },
  unread: {
    has: [
      mailWith('Content-Type: multipart/mixed; boundary=b\n', '--b\n'.repeat(20_001)),
      mailWith(`Content-Type: text/plain; x="${'x'.repeat(1_100_000)}"\n`),
    ],
    hasNot: [mailWith('Content-Type: multipart/mixed; boundary=b\n', '--b\n'.repeat(20_000))],
  },
}
