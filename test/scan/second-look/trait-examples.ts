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
const one = (fields: string, body = 'hello\n') => `${from}${fields}\n${body}`

function many(parts: readonly string[], { kind = 'mixed', boundary = 'b1', end = '' } = {}) {
  const all = parts.map((part) => `--${boundary}\n${part}`).join('')
  return `Content-Type: multipart/${kind}; boundary="${boundary}"\n\n${all}--${boundary}--\n${end}`
}
const mixed = (...parts: string[]) => from + many(parts)
const as = (encoding: string, body: string) =>
  one(`Content-Type: text/plain\nContent-Transfer-Encoding: ${encoding}\n`, body)

/** The usual: none of it has any trait. */
export const ordinary: readonly string[] = [
  '',
  'A: b\n\n',
  one(''),
  one('Content-Type: text/plain; charset=us-ascii\n', '-- \nme\n'),
  one('Content-Type: text/plain; format=flowed; delsp=yes; charset="utf-8"\n'),
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
    has: [one('X: a\0b\n'), one('X: a\rb\n'), one('\vX: y\n'), one('X: y\f\n')],
    hasNot: [one('X: a\tb\n'), one('X: \xe9\n'), one('', 'a\0b\f\n')],
  },
  'encoded-line-end': {
    has: [
      one('X: =?utf-8?Q?a=0Ab?=\n'),
      one('X: =?utf-8?q?=0d?=\n'),
      one('X: =?utf-8?Q?a\n =00?=\n'),
      one('X: =?utf-8?B?YQpi?=\n'),
      one('X: =?utf-8?b?DQo\n'),
      one('X: =?utf-8?X?=0A?=\n'),
      one('X: =?utf-8? B?YQpi\n'),
      one('X: =?=0a\n'),
    ],
    hasNot: [
      one('X: =?utf-8?Q?a=20b?= =?utf-8?Q?=C3=A9?=\n'),
      one('X: =?iso-2022-jp?B?GyRCJCIbKEI=?=\n'),
      one('X: a=0Ab\n'),
      one('X: =?utf-8?Q?a?=\nY: b=0Ab\n'),
      one('', '=?utf-8?Q?a=0Ab?=\n'),
    ],
  },
  'line-ends': {
    has: [`${from}\na\r\nb\n`, `A: b\r\n\r\na\nb\r\n`, as('base64', 'aGVs\r\nbG8=\n')],
    hasNot: ['A: b\r\n\r\na\r\n', one('')],
  },
  'carriage-return': {
    has: [one('', 'a\rb\n'), 'A: b\r\n\r\na\rb\r\n'],
    hasNot: ['A: b\r\n\r\na\r\n', one('X: a\rb\n')],
  },
  nul: { has: [one('', 'a\0b\n')], hasNot: [one('X: a\0b\n')] },
  'no-field': {
    has: [
      one('word\n'),
      one('two words: x\n'),
      `From a@b Mon Jun 1\n${one('')}`,
      mixed(' folded\n\nx\n'),
    ],
    hasNot: [one('X: y\n folded\n'), one('', 'word\n')],
  },
  'blank-line': {
    has: [one('X: y\n \nZ: y\n'), one('X: y\n\t\n'), mixed('X: y\n  \n\nx\n')],
    hasNot: [one('', ' \n')],
  },
  'field-name': {
    has: [one('X : y\n'), one('(c)X: y\n'), one('Content-Type\t: text/plain\n')],
    hasNot: [one('X-!#$: y\n')],
  },
  'cut-header': { has: [from, mixed('X: y\n')], hasNot: [one('')] },
  'long-header': {
    has: [
      one(`Content-Type: text/plain; x="${'x'.repeat(3000)}"\n`),
      one(`X: ${'x'.repeat(200_000)}\n`),
    ],
    hasNot: [one(`X: ${'x'.repeat(5000)}\n`)],
  },
  'field-twice': {
    has: [one('Content-Type: text/plain\ncontent-type: text/html\n')],
    hasNot: [one('Content-Type: text/plain\n'), one('X: y\nX: y\n'), mixed(text, text)],
  },
  'empty-field': {
    has: [
      one('Content-Type:\n'),
      one('Content-Disposition: \n'),
      one('Content-Transfer-Encoding:\n \n'),
    ],
    hasNot: [one('Subject:\n'), one('Content-ID:\n')],
  },
  'semicolon-end': {
    has: [
      one('Content-Type: text/plain;\n'),
      mixed('Content-Disposition: inline; \n\nx\n'),
      mixed(`X: y; \n${text}`),
      mixed(`Content-Type: message/rfc822\n\nSubject: x\nX: y;\nZ: a\n\nx\n`),
    ],
    hasNot: [
      one('Content-Type: text/plain; charset=x\n'),
      one('Subject: a;\n'),
      mixed('Content-Type: text/plain;\n charset=x\n\nx\n'),
    ],
  },
  'odd-quotes': {
    has: [
      one('Content-Type: text/plain; name="a\n'),
      one('Content-Type: text/plain; name="a\\" b"\n'),
    ],
    hasNot: [one('Content-Type: text/plain; name="a"\n'), one('Subject: 12" disk\n')],
  },
  backslash: {
    has: [one('Content-Disposition: inline; filename="a\\b"\n')],
    hasNot: [one('Subject: a\\b\n')],
  },
  'type-form': {
    has: [
      one('Content-Type: text\n'),
      one('Content-Type: text/plain charset=x\n'),
      one('Content-Type: text/plain; name=a b\n'),
      one('Content-Type: text/plain (c)\n'),
      one('Content-Type: text/plain; x="a" b\n'),
    ],
    hasNot: [
      one('Content-Type:text/plain;charset=x\n'),
      one('Content-Type: text/plain;\n\tx="a b"\n'),
    ],
  },
  'disposition-form': {
    has: [
      one('Content-Disposition: attachment; filename=a b\n'),
      one('Content-Disposition: a/b\n'),
    ],
    hasNot: [one('Content-Disposition: attachment; filename="a b"; size=1\n')],
  },
  'parameter-twice': {
    has: [one('Content-Type: text/plain; x=a; X=b\n')],
    hasNot: [one('Content-Type: text/plain; x=a; y=b\n')],
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
      one('Content-Type: multipart/mixed\n'),
      one('Content-Type: multipart/mixed; boundary=""\n'),
      one('Content-Type: multipart/mixed; boundary="a  b"\n'),
      one('Content-Type: multipart/mixed; boundary="a "\n'),
      one(`Content-Type: multipart/mixed; boundary="${'x'.repeat(71)}"\n`),
      one('Content-Type: multipart/mixed; boundary*0=a; boundary*1=b\n'),
    ],
    hasNot: [
      one('Content-Type: multipart/mixed; boundary="=_a.b/c?d"\n'),
      one('Content-Type: multipart/mixed; boundary="a b"\n'),
    ],
  },
  'boundary-elsewhere': {
    has: [
      one('Content-Type: text/plain; boundary=x\n'),
      one('Content-Disposition: inline; boundary=x\n'),
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
    has: [one('Content-Type: multipart/mixed; boundary=x\nContent-Transfer-Encoding: base64\n')],
    hasNot: [one('Content-Type: multipart/mixed; boundary=x\nContent-Transfer-Encoding: 8bit\n')],
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
      one('X: y\n'),
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
      one('', 'see\nContent-Transfer-Encoding: base64\n\nQUJD\n'),
      one('', '> content-type : text/plain\n'),
    ],
    hasNot: [one('', 'the Content-Type: field\n'), one('', 'Content-free: \n'.replace(':', ''))],
  },
  'field-alike': {
    has: [one('X-Content-Transfer-Encoding: base64\n'), one('Content_Type: text/plain\n')],
    hasNot: [one('Content-ID: <x>\n'), one('Content-Language: en\n')],
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
      one('Content-Type: application/x-pkcs7-mime; smime-type=signed-data\n'),
      one('Content-Type: application/octet-stream; name="smime.p7m"\n'),
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
    hasNot: [as('quoted-printable', 'a=3db=\n'), one('', 'a=b\n')],
  },
  dashes: {
    has: [mixed(text).replace('--b1', '--other\n--b1'), `${mixed(text)}--\n`],
    hasNot: [one('', '--\n'), mixed('\n--\nme\n')],
  },
  'long-line': {
    has: [
      as('quoted-printable', `${'x'.repeat(995)}=41=42=43\n`),
      as('quoted-printable', `${'x'.repeat(9950)}=41=42=43\n`),
      one('', `${'x'.repeat(999)}begin 644 a\n`),
      one('', `${'x '.repeat(9990)}begin 644 a\n`),
      one(`X: ${'x'.repeat(996)}begin 644 a\n`),
      one(`X: ${'x'.repeat(996)}\n`),
      mixed(`X: ${'x'.repeat(950)}\n${text}`),
      one(`X: ${'x'.repeat(1995)}\n`).replaceAll('\n', '\r\n'),
    ],
    hasNot: [
      as('quoted-printable', `${'x'.repeat(800)}=41=42=43\n`.repeat(3)),
      one('', `${'x'.repeat(2000)}\nit may begin 644 times\n`),
      as('base64', `${'QUJD'.repeat(500)}\n`),
      one(`X: ${'x'.repeat(997)}\n`),
    ],
  },
  'begin-line': {
    has: [
      one('', 'begin 644 a.txt\n'),
      one('', 'see:\nbegin 0644\n'),
      one('', 'BEGIN 644 a\n'),
      as('quoted-printable', 'begin 666 x\n'),
      mixed(text).replace('--b1', 'begin 644 x\n--b1'),
    ],
    hasNot: [one('', 'begin with this\n'), one('', 'to begin 644 times\n'), one('', 'beginning\n')],
  },
  'coded-text': {
    has: [one('', '=ybegin line=1\n'), one('', '(This file must be converted with BinHex 4.0)\n')],
    hasNot: [one('', 'of =ybegin\n')],
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
      one('', `${'x'.repeat(32_740)}CD001\n`),
    ],
    hasNot: [`X: ${'x'.repeat(600)}ustar\n\n`, one('', `${'x'.repeat(40_000)}CD001\n`)],
  },
  unread: {
    has: [
      one(`Content-Type: multipart/mixed; boundary="${'x'.repeat(1001)}"\n`),
      one(`Content-Type: text/plain; x="${'x'.repeat(1_100_000)}"\n`),
    ],
    hasNot: [one(`Content-Type: multipart/mixed; boundary="${'x'.repeat(1000)}"\n`)],
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
