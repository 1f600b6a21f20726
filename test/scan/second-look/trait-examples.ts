import type { Trait } from '../../../src/scan/second-look/trait-names.ts'

/** Mails that have a trait and mails that have it not; the latter may have others. */
export interface Examples {
  readonly has: readonly string[]
  readonly hasNot: readonly string[]
}

const from = 'From: a@example.org\n'
const text = 'Content-Type: text/plain\n\nhello\n'
const file =
  'Content-Type: image/png; name="a.png"\nContent-Transfer-Encoding: base64\n\niVBORw0KGgo=\n'
const mailWith = (fields: string, body = 'hello\n') => `${from}${fields}\n${body}`

function many(parts: readonly string[], { kind = 'mixed', boundary = 'b1', end = '' } = {}) {
  const all = parts.map((part) => `--${boundary}\n${part}`).join('')
  return `Content-Type: multipart/${kind}; boundary="${boundary}"\n\n${all}--${boundary}--\n${end}`
}
const mixed = (...parts: string[]) => from + many(parts)
const as = (encoding: string, body: string) =>
  mailWith(`Content-Type: text/plain\nContent-Transfer-Encoding: ${encoding}\n`, body)

/** The usual: none of it has any trait. */
export const ordinary: readonly string[] = [
  '',
  'A: b\n\n',
  mailWith(''),
  mailWith('Content-Type: text/plain; charset=us-ascii\n', '-- \nme\n'),
  mailWith('Content-Type: text/plain; format=flowed; delsp=yes; charset="utf-8"\n'),
  mixed(text, file),
  mixed(text, file).replaceAll('\n', '\r\n'),
  mixed(many([text, text], { kind: 'alternative', boundary: 'in' }), file),
  mixed(text, `Content-Type: message/rfc822\n\n${mixed(text, file).replaceAll('b1', 'x2')}`),
  from +
    many([text, 'Content-Type: message/delivery-status\n\nAction: failed\n'], { kind: 'report' }),
  mixed('\nno field at all\n', file),
  mixed(text, file).replace('--b1', 'This is a multi-part message in MIME format.\n--b1'),
  mixed(text, 'Content-Disposition: attachment;\n filename="a b.txt"\n\nx\n'),
  mixed(text, "Content-Disposition: attachment; filename*=utf-8''a%20b.txt\n\nx\n"),
  as('quoted-printable', 'a=3Db =\nand more=20\n'),
  as('8bit', 'gr\xfc\xdfe\n'),
  as('base64', 'aGVsbG8=\n'),
]

export const examples: Readonly<Record<Trait, Examples>> = {
  'control-in-header': {
    has: [mailWith('X: a\0b\n'), mailWith('X: a\rb\n'), mailWith('\vX: y\n'), mailWith('X: y\f\n')],
    hasNot: [mailWith('X: a\tb\n'), mailWith('X: \xe9\n'), mailWith('', 'a\0b\f\n')],
  },
  'encoded-line-end': {
    has: [
      mailWith('X: =?utf-8?Q?a=0Ab?=\n'),
      mailWith('X: =?utf-8?q?=0d?=\n'),
      mailWith('X: =?utf-8?Q?a\n =00?=\n'),
      mailWith('X: =?utf-8?B?YQpi?=\n'),
      mailWith('X: =?utf-8?b?DQo\n'),
      mailWith('X: =?utf-8?X?=0A?=\n'),
      mailWith('X: =?utf-8? B?YQpi\n'),
      mailWith('X: =?=0a\n'),
    ],
    hasNot: [
      mailWith('X: =?utf-8?Q?a=20b?= =?utf-8?Q?=C3=A9?=\n'),
      mailWith('X: =?iso-2022-jp?B?GyRCJCIbKEI=?=\n'),
      mailWith('X: a=0Ab\n'),
      mailWith('X: =?utf-8?Q?a?=\nY: b=0Ab\n'),
      mailWith('', '=?utf-8?Q?a=0Ab?=\n'),
    ],
  },
  'line-ends': {
    has: [`${from}\na\r\nb\n`, `A: b\r\n\r\na\nb\r\n`, as('base64', 'aGVs\r\nbG8=\n')],
    hasNot: ['A: b\r\n\r\na\r\n', mailWith('')],
  },
  'carriage-return': {
    has: [mailWith('', 'a\rb\n'), 'A: b\r\n\r\na\rb\r\n'],
    hasNot: ['A: b\r\n\r\na\r\n', mailWith('X: a\rb\n')],
  },
  nul: { has: [mailWith('', 'a\0b\n')], hasNot: [mailWith('X: a\0b\n')] },
  'no-field': {
    has: [
      mailWith('word\n'),
      mailWith('two words: x\n'),
      `From a@b Mon Jun 1\n${mailWith('')}`,
      mixed(' folded\n\nx\n'),
    ],
    hasNot: [mailWith('X: y\n folded\n'), mailWith('', 'word\n')],
  },
  'blank-line': {
    has: [mailWith('X: y\n \nZ: y\n'), mailWith('X: y\n\t\n'), mixed('X: y\n  \n\nx\n')],
    hasNot: [mailWith('', ' \n')],
  },
  'field-name': {
    has: [mailWith('X : y\n'), mailWith('(c)X: y\n'), mailWith('Content-Type\t: text/plain\n')],
    hasNot: [mailWith('X-!#$: y\n')],
  },
  'cut-header': { has: [from, mixed('X: y\n')], hasNot: [mailWith('')] },
  'long-header': {
    has: [
      mailWith(`Content-Type: text/plain; x="${'x'.repeat(3000)}"\n`),
      mailWith(`X: ${'x'.repeat(200_000)}\n`),
    ],
    hasNot: [mailWith(`X: ${'x'.repeat(5000)}\n`)],
  },
  'field-twice': {
    has: [mailWith('Content-Type: text/plain\ncontent-type: text/html\n')],
    hasNot: [mailWith('Content-Type: text/plain\n'), mailWith('X: y\nX: y\n'), mixed(text, text)],
  },
  'empty-field': {
    has: [
      mailWith('Content-Type:\n'),
      mailWith('Content-Disposition: \n'),
      mailWith('Content-Transfer-Encoding:\n \n'),
    ],
    hasNot: [mailWith('Subject:\n'), mailWith('Content-ID:\n')],
  },
  'semicolon-end': {
    has: [
      mailWith('Content-Type: text/plain;\n'),
      mixed('Content-Disposition: inline; \n\nx\n'),
      mixed(`X: y; \n${text}`),
      mixed(`Content-Type: message/rfc822\n\nSubject: x\nX: y;\nZ: a\n\nx\n`),
    ],
    hasNot: [
      mailWith('Content-Type: text/plain; charset=x\n'),
      mailWith('Subject: a;\n'),
      mixed('Content-Type: text/plain;\n charset=x\n\nx\n'),
    ],
  },
  'odd-quotes': {
    has: [
      mailWith('Content-Type: text/plain; name="a\n'),
      mailWith('Content-Type: text/plain; name="a\\" b"\n'),
    ],
    hasNot: [mailWith('Content-Type: text/plain; name="a"\n'), mailWith('Subject: 12" disk\n')],
  },
  backslash: {
    has: [mailWith('Content-Disposition: inline; filename="a\\b"\n')],
    hasNot: [mailWith('Subject: a\\b\n')],
  },
  'type-form': {
    has: [
      mailWith('Content-Type: text\n'),
      mailWith('Content-Type: text/plain charset=x\n'),
      mailWith('Content-Type: text/plain; name=a b\n'),
      mailWith('Content-Type: text/plain (c)\n'),
      mailWith('Content-Type: text/plain; x="a" b\n'),
    ],
    hasNot: [
      mailWith('Content-Type:text/plain;charset=x\n'),
      mailWith('Content-Type: text/plain;\n\tx="a b"\n'),
    ],
  },
  'disposition-form': {
    has: [
      mailWith('Content-Disposition: attachment; filename=a b\n'),
      mailWith('Content-Disposition: a/b\n'),
    ],
    hasNot: [mailWith('Content-Disposition: attachment; filename="a b"; size=1\n')],
  },
  'parameter-twice': {
    has: [mailWith('Content-Type: text/plain; x=a; X=b\n')],
    hasNot: [mailWith('Content-Type: text/plain; x=a; y=b\n')],
  },
  'encoding-word': {
    has: [
      as('base64;', 'x'),
      as('x-uuencode', 'x'),
      as('"base64"', 'x'),
      as('7bit (c)', 'x'),
      as('\n base64', 'x'),
    ],
    hasNot: [as('Base64', 'QUJD\n'), as('8BIT ', 'x'), as('binary', 'x')],
  },
  'boundary-form': {
    has: [
      mailWith('Content-Type: multipart/mixed\n'),
      mailWith('Content-Type: multipart/mixed; boundary=""\n'),
      mailWith('Content-Type: multipart/mixed; boundary="a  b"\n'),
      mailWith('Content-Type: multipart/mixed; boundary="a "\n'),
      mailWith(`Content-Type: multipart/mixed; boundary="${'x'.repeat(71)}"\n`),
      mailWith('Content-Type: multipart/mixed; boundary*0=a; boundary*1=b\n'),
    ],
    hasNot: [
      mailWith('Content-Type: multipart/mixed; boundary="=_a.b/c?d"\n'),
      mailWith('Content-Type: multipart/mixed; boundary="a b"\n'),
    ],
  },
  'boundary-elsewhere': {
    has: [
      mailWith('Content-Type: text/plain; boundary=x\n'),
      mailWith('Content-Disposition: inline; boundary=x\n'),
    ],
    hasNot: [mixed(text)],
  },
  'boundaries-alike': {
    has: [
      mixed(many([text], { boundary: 'b1x' })),
      mixed(many([text], { boundary: 'b' })),
      mixed(many([text], { boundary: 'B1' })),
      mixed(many([text], { boundary: 'x' }), many([text], { boundary: 'x' })),
    ],
    hasNot: [mixed(many([text], { boundary: 'c1' }))],
  },
  'multipart-kind': {
    has: [from + many([text], { kind: 'signed' }), from + many([text], { kind: 'parallel' })],
    hasNot: [from + many([text], { kind: 'related' })],
  },
  'encoded-multipart': {
    has: [
      mailWith('Content-Type: multipart/mixed; boundary=x\nContent-Transfer-Encoding: base64\n'),
    ],
    hasNot: [
      mailWith('Content-Type: multipart/mixed; boundary=x\nContent-Transfer-Encoding: 8bit\n'),
    ],
  },
  'encoded-message': {
    has: [mixed('Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nQTogYgoK\n')],
    hasNot: [mixed('Content-Type: message/rfc822\nContent-Transfer-Encoding: 7bit\n\nA: b\n\nx\n')],
  },
  'message-kind': {
    has: [
      mixed('Content-Type: message/partial; id=x\n\nx\n'),
      mixed('Content-Type: message/global\n\nA: b\n\n'),
    ],
    hasNot: [mixed('Content-Type: message/rfc822\n\nA: b\n\n')],
  },
  'message-start': {
    has: [mixed('Content-Type: message/rfc822\n\n\nA: b\n\nx\n')],
    hasNot: [mixed('Content-Type: message/rfc822\n\nA: b\n\nx\n')],
  },
  'message-first': {
    has: [
      mixed('Content-Type: message/rfc822\n\nX: b\nSubject: x\n\nx\n'),
      mixed('Content-Type: message/rfc822\n\nsubject: x\n\nx\n'),
    ],
    hasNot: [
      mailWith('X: y\n'),
      mixed('Content-Type: message/rfc822\n\nSubject: x\nX: b\n\nx\n'),
      mixed('Content-Type: message/rfc822\n\nReceived: from x\n\nx\n'),
    ],
  },
  'delimiter-form': {
    has: [
      mixed(text).replace('--b1\n', '--b1 \n'),
      mixed(text).replace('--b1\n', '--b1x\n'),
      mixed(text).replace('--b1\n', '--B1\n'),
      mixed(text).replace('--b1--', '--b1--x'),
      mixed(text).replace('--b1--', '--b1-'),
      mixed(text).replace('\n--b1--', '\n\r--b1--'),
    ],
    hasNot: [mixed(text), mixed(text).trimEnd()],
  },
  'no-parts': { has: [mixed()], hasNot: [mixed(text)] },
  'not-closed': {
    has: [
      mixed(text).replace('--b1--\n', ''),
      mixed(many([text], { boundary: 'c' }).replace('--c--\n', '')),
    ],
    hasNot: [mixed(many([text], { boundary: 'c' }))],
  },
  'behind-the-end': {
    has: [`${mixed(text)}--b1\n${text}`, `${mixed(text)}--b1--\n`],
    hasNot: [`${mixed(text)}some list\n`],
  },
  'field-in-text': {
    has: [
      mixed(text).replace('\n\n--b1', '\n\nContent-Type: text/plain\n\n--b1'),
      mailWith('', 'see\nContent-Transfer-Encoding: base64\n\nQUJD\n'),
      mailWith('', '> content-type : text/plain\n'),
    ],
    hasNot: [
      mailWith('', 'the Content-Type: field\n'),
      mailWith('', 'Content-free: \n'.replace(':', '')),
    ],
  },
  'field-alike': {
    has: [
      mailWith('X-Content-Transfer-Encoding: base64\n'),
      mailWith('Content_Type: text/plain\n'),
    ],
    hasNot: [mailWith('Content-ID: <x>\n'), mailWith('Content-Language: en\n')],
  },
  'encoding-missing': {
    has: [mixed(text, 'Content-Type: application/octet-stream; name=x\n\nQUJD\n')],
    hasNot: [mixed(text, file)],
  },
  'mail-file': {
    has: [
      mixed(
        'Content-Type: application/octet-stream; name="a.eml"\nContent-Transfer-Encoding: base64\n\nQUJD\n',
      ),
      as('base64', `${Buffer.from(mixed(text)).toString('base64')}\n`),
      mailWith('Content-Type: application/x-pkcs7-mime; smime-type=signed-data\n'),
      mailWith('Content-Type: application/octet-stream; name="smime.p7m"\n'),
      as('quoted-printable', 'Subject: x\nMIME-Version: 1.0\n\n'),
      as('base64', `${Buffer.from(`Dear all\n\n${file}`).toString('base64')}\n`),
      as('quoted-printable', 'Dear all\n\nContent=2DType: text/plain\n\n'),
    ],
    hasNot: [
      as('base64', `${Buffer.from('Dear all: hello\n').toString('base64')}\n`),
      mixed(text, file.replace('image/png', 'application/pkcs7-signature')),
    ],
  },
  'strange-escape': {
    has: [
      as('quoted-printable', 'a=b\n'),
      as('quoted-printable', 'a= b\n'),
      as('quoted-printable', '==41\n'),
    ],
    hasNot: [as('quoted-printable', 'a=3db=\n'), mailWith('', 'a=b\n')],
  },
  dashes: {
    has: [mixed(text).replace('--b1', '--other\n--b1'), `${mixed(text)}--\n`],
    hasNot: [mailWith('', '--\n'), mixed('\n--\nme\n')],
  },
  'long-line': {
    has: [
      as('quoted-printable', `${'x'.repeat(995)}=41=42=43\n`),
      as('quoted-printable', `${'x'.repeat(9950)}=41=42=43\n`),
      mailWith('', `${'x'.repeat(999)}begin 644 a\n`),
      mailWith('', `${'x '.repeat(9990)}begin 644 a\n`),
      mailWith(`X: ${'x'.repeat(996)}begin 644 a\n`),
      mailWith(`X: ${'x'.repeat(996)}\n`),
      mixed(`X: ${'x'.repeat(950)}\n${text}`),
      mailWith(`X: ${'x'.repeat(1995)}\n`).replaceAll('\n', '\r\n'),
    ],
    hasNot: [
      as('quoted-printable', `${'x'.repeat(800)}=41=42=43\n`.repeat(3)),
      mailWith('', `${'x'.repeat(2000)}\nit may begin 644 times\n`),
      as('base64', `${'QUJD'.repeat(500)}\n`),
      mailWith(`X: ${'x'.repeat(997)}\n`),
    ],
  },
  'begin-line': {
    has: [
      mailWith('', 'begin 644 a.txt\n'),
      mailWith('', 'see:\nbegin 0644\n'),
      mailWith('', 'BEGIN 644 a\n'),
      as('quoted-printable', 'begin 666 x\n'),
      mixed(text).replace('--b1', 'begin 644 x\n--b1'),
    ],
    hasNot: [
      mailWith('', 'begin with this\n'),
      mailWith('', 'to begin 644 times\n'),
      mailWith('', 'beginning\n'),
    ],
  },
  'coded-text': {
    has: [
      mailWith('', '=ybegin line=1\n'),
      mailWith('', '(This file must be converted with BinHex 4.0)\n'),
    ],
    hasNot: [mailWith('', 'of =ybegin\n')],
  },
  'base64-padding': {
    has: [as('base64', 'QUI=\nQUI=\n'), as('base64', 'QU=JD\n')],
    hasNot: [as('base64', 'QUI=\n'), as('base64', 'QQ==\n\n')],
  },
  'base64-junk': {
    has: [as('base64', 'QU JD\n'), as('base64', 'QUJD\n-- \nlist\n'), as('base64', 'QU-JD\n')],
    hasNot: [as('base64', 'QUJD\nQUJD\n')],
  },
  'soft-break': {
    has: [as('quoted-printable', 'a= \nb\n'), as('quoted-printable', 'a=\t \nb\n')],
    hasNot: [as('quoted-printable', 'a=\nb =20\n')],
  },
  'many-parts': {
    has: [mixed(...Array.from({ length: 101 }, () => text))],
    hasNot: [mixed(...Array.from({ length: 20 }, () => text))],
  },
  deep: {
    has: [from + around(7), from + wrapped(4)],
    hasNot: [from + around(6), from + wrapped(3)],
  },
  magic: {
    has: [
      `X: ${'x'.repeat(250)}ustar\n\n`,
      `X: ${'x'.repeat(500)}EFI PART\n\n`,
      mailWith('', `${'x'.repeat(32_740)}CD001\n`),
    ],
    hasNot: [`X: ${'x'.repeat(600)}ustar\n\n`, mailWith('', `${'x'.repeat(40_000)}CD001\n`)],
  },
  unread: {
    has: [
      mailWith(`Content-Type: multipart/mixed; boundary="${'x'.repeat(1001)}"\n`),
      mailWith(`Content-Type: text/plain; x="${'x'.repeat(1_100_000)}"\n`),
    ],
    hasNot: [mailWith(`Content-Type: multipart/mixed; boundary="${'x'.repeat(1000)}"\n`)],
  },
}

function around(depth: number): string {
  let part = text
  for (let at = depth; at > 0; at--) part = many([part], { boundary: `n${at}x` })
  return part
}

function wrapped(depth: number): string {
  let part = text
  for (let at = 0; at < depth; at++) part = `Content-Type: message/rfc822\n\n${from}${part}`
  return part
}
