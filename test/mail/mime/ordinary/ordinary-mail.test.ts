import t from 'tap'
import { Bytes } from '../../../../src/mail/message/bytes.ts'
import { budgetOf, limits } from '../../../../src/mail/mime/budget/limits.ts'
import { ordinaryMails } from '../../../cases/ordinary/all.ts'
import { lacks } from '../../../needs.mjs'
import { base64, multipart, part } from '../../../scanner/scan/scanners/evasions/compose.ts'
import {
  compressed,
  literal,
  signedData,
} from '../../../scanner/scan/scanners/evasions/containers.ts'
import { isNested } from '../nested-mail.ts'
import { readMail } from '../read-mail.ts'

/**
 * What ordinary programs send is read to its end, by few contents. The table has the smallest messages of
 * the kinds that were not: each is a message of a program without all that did not matter.
 */

const QUOTED = 'Content-Transfer-Encoding: quoted-printable'
const BASE64 = 'Content-Transfer-Encoding: base64'

/** More than the leaves of each message in the table, each as it stands and as it is saved. */
const CONTENTS_MAX = 20

const html = (charset: string, body: string) =>
  part([`Content-Type: text/html; charset=${charset}`, QUOTED], body)
const meta = (charset: string) =>
  `<meta http-equiv=3D"Content-Type" content=3D"text/html; charset=3D${charset}">\n`

const letter = part(['From: a@example.org', 'Content-Type: text/plain', QUOTED], 'x\n')
const received = 'Received: by mx.example.org; Mon, 6 Oct 2025 09:12:01 +0000\n'.repeat(2)
const mboxLine = 'From a@example.org Mon Oct  6 09:12:00 2025\n'

function file(bytes: Buffer, type = 'application/octet-stream; name=a.bin'): string {
  return part([`Content-Type: ${type}`, BASE64], base64(bytes))
}
const fileOf = (text: string) => file(Buffer.from(text, 'latin1'))

/** A file in OpenPGP that is compressed and not encrypted. */
const inOpenPgp = (text: string) => file(compressed(literal(Buffer.from(text, 'latin1')), 'zip'))
const inSmime = (text: string) =>
  file(signedData(Buffer.from(text, 'latin1')), 'application/pkcs7-mime; smime-type=signed-data')

const euro = html('utf-8', `${meta('utf-8')}=E2=82=AC\n`)
const pdf = (size: number) => {
  const bytes = Buffer.from(`%PDF-1.4\n${'stream '.repeat(size / 7)}\n`)
  return part(['Content-Type: application/pdf; name=a.pdf', BASE64], base64(bytes))
}
const withPdf = (size: number) => multipart('mixed', [euro, pdf(size)])

const smallest: Readonly<Record<string, string>> = {
  'HTML whose whole text is that it is in ISO-8859-1, across a soft line break': part(
    ['Content-Type: text/html', QUOTED],
    'Content-charset=3Diso8859=\n1<=',
  ),
  'the same under a header that declares it': html('iso-8859-1', 'Content-charset=3Diso8859=\n1='),
  'HTML that declares windows-1252 across a soft line break': html(
    'windows-1252',
    `${meta('windows-1=\n252')}=80\n`,
  ),
  'HTML that declares GB2312': html('gb2312', `${meta('gb2312')}=C4=FA\n`),
  'HTML whose whole text is that it is in GB2312': html('gb2312', 'Content-charset=3Dgb2312='),
  'HTML that declares KOI8-R': html(
    'koi8-r',
    `${meta('koi8-r')}=FA=C4=D2=C1=D7=D3=D4=D7=D5=CA=D4=C5\n`,
  ),
  'HTML with a field, and three letters of KOI8-R': html('koi8-r', 'Content-charset=koi=D4=D1=C2'),

  'a text below the line of an mbox': part(['From a', QUOTED], 'x\n'),
  'an empty text below the line of an mbox': part(['From a', QUOTED], ''),
  'a mail below the line of an mbox': `${mboxLine}${letter}`,
  'a mail below the quoted line of an mbox': `>${mboxLine}${letter}`,
  'an attached mail below the line of an mbox': part(
    ['Content-Type: message/rfc822'],
    `${mboxLine}${letter}`,
  ),
  'a mail below the lines of Thunderbird': `From - Mon Oct  6 09:12:00 2025\nX-Mozilla-Status: 0001\n${letter}`,
  'a mail in quoted-printable, the line of an mbox among its fields': `${received}${mboxLine}${part(
    ['From: a@example.org', 'Content-Type: text/html', QUOTED],
    '<p>a =3D b =\n</p>\n'.repeat(40),
  )}`,
  'lines of dashes below the line of an mbox among the fields': `${received}${mboxLine}${multipart(
    'alternative',
    [
      letter,
      Array.from({ length: 30 }, (_, n) => `${'-'.repeat(n + 9)}\n${'A word. '.repeat(8)}\n`).join(
        '',
      ),
    ],
  )}`,
  'an mbox of one mail': fileOf(`${mboxLine}${letter}`),
  'an mbox of two mails': fileOf(`${mboxLine}${letter}\n${mboxLine}${letter}`),
  'an .emlx': fileOf(`${letter.length}\n${letter}<?xml version="1.0"?>\n<plist/>\n`),
  'the sources of mails with HTML in a text': part(
    ['Content-Type: text/plain'],
    `${letter}\n${multipart('alternative', [html('utf-8', '<meta charset=3Dutf-8>')])}`.repeat(4),
  ),

  'the obsolete syntax of RFC 2822 A.6.3': `From : John Doe <jdoe@machine(comment).  example>
To    : Mary Smith
\u0020
          <mary@example.net>
Subject     : Saying Hello
Date  : Fri, 21 Nov 1997 09(comment):   55  :  06 -0600
Message-ID  : <1234   @   local(blah)  .machine .example>

This is a message just to say hello.
So, "Hello".
`,
  'blanks before colons':
    'From : a@example.org\nTo : b@example.net\nSubject : x\nMIME-Version : 1.0\nContent-Type : text/plain\n\nHello\n',

  'HTML in S/MIME': inSmime(euro),
  'a text in S/MIME': inSmime(letter),
  'a text and HTML in S/MIME': inSmime(multipart('alternative', [letter, euro])),
  'HTML and a PDF in S/MIME': inSmime(withPdf(700)),
  'HTML and a PDF in OpenPGP': inOpenPgp(withPdf(700)),
  'HTML and a PDF of 7 KB in OpenPGP': inOpenPgp(withPdf(7000)),
}

t.test('the smallest messages of their kinds', async (t) => {
  for (const [name, mail] of Object.entries(smallest)) {
    t.test(`${name}: is read to its end, with few parts`, async (t) => {
      const message = Buffer.from(mail, 'latin1')
      const { contents, over } = readMail(message, { maxDepth: limits.nesting })
      t.equal(over, '')
      t.notOk(isNested(Bytes.of(message), limits.nesting), 'it is not nested')
      t.ok(contents.length <= CONTENTS_MAX, `${contents.length} contents`)
    })
  }
})

t.test('mail of ordinary programs', { skip: lacks('openssl') }, async (t) => {
  for (const { what, message } of ordinaryMails) {
    t.test(`${what}: is read to its end, far below the limits`, async (t) => {
      const mail = message()
      const { contents, over, odd } = readMail(mail)
      t.same([over, odd.includes('unread')], ['', false])
      t.notOk(isNested(Bytes.of(mail), limits.nesting), 'it is not nested')
      const budget = budgetOf(mail.length)
      t.ok(contents.length <= budget.contents / 2, `${contents.length} contents`)
      const bytes = Buffer.concat(contents).length
      t.ok(bytes <= budget.bytes / 10, `${bytes} bytes`)
    })
  }
})

const numbered = (count: number, line: (n: number) => string) =>
  Array.from({ length: count }, (_, n) => line(n)).join('')

/** Texts in which lines begin data for some reader, and how often each byte may be looked at. */
const withBegin: Readonly<Record<string, readonly [text: string, times: number]>> = {
  'the log of a server': [
    numbered(3000, (n) => `09:12:${n % 60} host put[${n}]: begin 644 /var/spool/${n} done\n`),
    32,
  ],
  'words that lines begin with': [
    numbered(300, (n) => `begin with step ${n} of the plan,\nand go on as it says below.\n\n`),
    64,
  ],
  'a program with blocks': [
    numbered(200, (n) => `procedure p${n};\nbegin \n  write(${n});\nend\n`),
    520,
  ],
  'a text about such lines': [
    numbered(20, (n) => `begin 644 report${n}.pdf\nThe line above begins file ${n}.\n`),
    600,
  ],
  'a list of files': [numbered(2000, (n) => `begin 644 report${n}.pdf\n`), 100],
}

t.test('texts in which lines begin data', async (t) => {
  for (const [name, [text, times]] of Object.entries(withBegin)) {
    for (const [how, mail] of Object.entries({
      'as it stands': part(['Content-Type: text/plain'], text),
      'in quoted-printable': part(['Content-Type: text/plain', QUOTED], text),
      attached: multipart('mixed', [letter, fileOf(text)]),
    })) {
      t.test(`${name}, ${how}: is read to its end, by work in proportion`, async (t) => {
        const { over, odd, work } = readMail(mail)
        t.same([over, odd], ['', []])
        t.ok(work <= times * mail.length, `${work / mail.length} times`)
      })
    }
  }
})
