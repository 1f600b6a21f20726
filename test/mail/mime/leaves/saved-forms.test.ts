import { createHash } from 'node:crypto'
import t from 'tap'
import { Bytes } from '../../../../src/mail/message/bytes.ts'
import { contentsOf } from '../../../../src/mail/mime/contents.ts'
import type { PartNames } from '../../../../src/mail/mime/traits/part-names.ts'
import { uuencode } from '../../../scan/scanners/evasions/compose.ts'
import { inChunksOf } from '../../message/bytes.ts'
import { multipartBy } from '../nested-mail.ts'
import { readMail } from '../read-mail.ts'

const TYPE = 'Content-Type: '
const ENCODING = 'Content-Transfer-Encoding: '
/** For mail that stays in memory. */
const options = {
  openFile: (): number => {
    throw new Error('small contents stay in memory')
  },
}

/** The contents of a message, each as text; `mail:` is before one that is to be taken for a message. */
function contentsIn(mail: string): readonly string[] {
  const { texts, over } = readMail(mail, options)
  if (over) throw new Error(over)
  return texts
}

const sizesIn = (mail: Parameters<typeof readMail>[0]) =>
  readMail(mail).contents.map(({ length }) => length)

const inBase64 = (text: string) => Buffer.from(text).toString('base64').replace(/.{76}/g, '$&\n')

/** The header of a text that is a file, in a character set. */
const inCharset = (charset: string) => `${TYPE}text/plain; name=a; charset=${charset}`

/** A part behind the text of a message. */
const behindText = (part: string) =>
  `${TYPE}multipart/mixed; boundary=b\n\n--b\n${TYPE}text/plain\n\nx\n--b\n${part}\n--b--\n`

const inMultipart = (kind: string, part: string) =>
  `${TYPE}multipart/${kind}; boundary=b\n\n--b\n${part}\n--b--\n`

/** A field of more than 512 bytes, in a line that libclamav cuts. */
const LONG = `A: ${'b'.repeat(1000)}`

/** A text of whole groups in each encoding and character set below; of `?`, base64 makes `/`. */
const TEXT = '<a text of eighteen times three bytes in all: ???????>'

/** Fields and lines of what only some readers decode as it was meant. */
const oddWays: Readonly<Record<string, (bytes: Buffer) => string>> = {
  'base64 that goes on behind padding'(bytes) {
    const [first, second] = [bytes.subarray(0, 25), bytes.subarray(25)]
    return `${ENCODING}base64\n\n${first.toString('base64')}\n${second.toString('base64')}\n`
  },
  'base64 of URLs': (bytes) => `${ENCODING}base64\n\n${bytes.toString('base64url')}\n`,
  'quoted-printable with blanks in a soft line break': (bytes) =>
    `${ENCODING}quoted-printable\n\n${bytes.toString('hex').replace(/../g, '=$&').replace('=', '= \n=')}=\n`,
  'x-uuencode'(bytes) {
    return `${ENCODING}x-uuencode\n\n${uuencode(bytes)}\n`
  },
}

type Row = readonly [mail: string, forms: readonly string[]]

/** Messages of a kind, and the forms in which readers save what each holds. */
const cases: Readonly<Record<string, readonly Row[]>> = {
  'plain text of the mail itself is left out if it is not encoded, unless a file may begin so': [
    ['Subject: x\n\ntext\n', []],
    [`${ENCODING}base64\n\nYWJj\n`, ['abc']],
    [`${ENCODING}quoted-printable\n\na=41\n`, ['aA\n']],
    [`${ENCODING}base64\n\nPGh0bWw=\n`, ['<html']],
    [`${TYPE}text/plain\nContent-Disposition: inline\n\ntext\n`, ['text\n', 'text']],
    [`${TYPE}text/plain\n${ENCODING}x-uuencode\n\n\`\n`, []],
    ['Subject: x\n\n<html\n', ['<html\n']],
    [`${ENCODING}8bit\n\n${LONG}\n`, []],
  ],
  'what libclamav does not look at in the whole is given': [
    [`${ENCODING}quoted-printable\n\n${LONG}\n`, [`${LONG}\n`]],
    [inMultipart('related', `${TYPE}text/plain\n\nx`), []],
    [inMultipart('signed', `${TYPE}text/plain\n\nx`), ['x\n']],
  ],
  'text that is shown has one form, that of libclamav: with LF unless it is in base64, and its last line end':
    [
      [`${TYPE}text/html\n\n<a\r\nb\r\n`, ['<a\nb\n']],
      [`${TYPE}text/html\n\n<a\r\nb`, ['<a\nb']],
      [`${TYPE}text/enriched; charset=utf-8\nContent-Disposition: inline\n\n<a\n`, ['<a\n']],
      [behindText(`${TYPE}text/html\n${ENCODING}quoted-printable\n\na=41\r\n\r`), ['aA\n\n']],
      [behindText(`${TYPE}text/html\n${ENCODING}quoted-printable\n\na=0D=0Ab`), ['a\nb\n']],
      [behindText(`${TYPE}text/html\n${ENCODING}quoted-printable\n\nab`), ['ab\n']],
      [behindText(`${TYPE}text/html\n${ENCODING}base64\n\nYQ0KYg==`), ['a\r\nb']],
      [behindText(`${TYPE}text/html\n${ENCODING}base64\n\nYQ0KYg0K`), ['a\r\nb\r\n']],
      [behindText(`${TYPE}text/html\n\na\r\nb`), ['a\nb\n']],
    ],
  'text that is not that of the mail itself is given as readers save it, too': [
    [
      `${TYPE}multipart/mixed; boundary=b\n\n--b y\n${TYPE}text/html\n\n<a\r\nb\n--b--\n`,
      ['<a\nb\n', '<a\r\nb', '<a\nb'],
    ],
  ],
  'what says that it is text, and is none, is a file': [
    [`${TYPE}text/html\n\na\x01\r\nb\n`, ['a\x01\r\nb', 'a\x01\nb', 'a\x01\r\nb\n', 'a\x01\nb\n']],
    [`${TYPE}text/plain\n${ENCODING}base64\n\nAQ0KYg0K\n`, ['\x01\r\nb\r\n']],
  ],
  'a file is saved with and without its last line end, and with the other kind of them': [
    [`${TYPE}text/html; name=a\n\nabc\n`, ['abc', 'abc\n', 'abc\r\n']],
    [
      `${TYPE}text/html\nContent-Disposition: attachment\n\na\r\nb\r\n`,
      ['a\r\nb', 'a\nb', 'a\r\nb\r\n', 'a\nb\n'],
    ],
    [`${TYPE}text/calendar\n\na\r\nb\r\n`, ['a\r\nb', 'a\nb', 'a\r\nb\r\n', 'a\nb\n']],
    [`${TYPE}a/b\n\na\nb\n`, ['a\nb', 'a\r\nb', 'a\nb\n', 'a\r\nb\r\n']],
    [`${TYPE}a/b\n\na\r\nb`, ['a\r\nb', 'a\nb']],
    [
      `${TYPE}a/b\n\na\r\r\nb\r\r\n`,
      ['a\r\r\nb\r', 'a\r\nb\r', 'a\nb', 'a\r\r\nb\r\r\n', 'a\r\nb\r\n', 'a\nb\n'],
    ],
    [`${TYPE}text/plain; name=a\n\na\nb\n`, ['a\nb', 'a\r\nb', 'a\nb\n', 'a\r\nb\r\n']],
  ],
  'empty lines in front are saved': [
    [`${TYPE}a/b\n\n\na\n`, ['\na', '\r\na', '\na\n', '\r\na\r\n']],
  ],
  'an attached message is given as a mail and as a file, with the line ends that it has': [
    [`${TYPE}message/rfc822\n\nA: b\n\nc\n`, ['mail:A: b\n\nc', 'A: b\n\nc', 'c\n', 'c']],
    [`${TYPE}message/rfc822\n\n${LONG}\n\nc\n`, [`mail:${LONG}\n\nc`, `${LONG}\n\nc`, 'c\n', 'c']],
  ],
  'a file of mail, and a part of a digest, is a mail whatever its first lines are': [
    [`${TYPE}a/b; name=a.eml\n\nabc\n`, ['abc', 'mail:abc', 'abc\n', 'abc\r\n']],
    [
      inMultipart('digest', `${ENCODING}base64\n\nYWJj`),
      ['abc', 'mail:abc', 'YWJj', 'YWJj\n', 'YWJj\r\n'],
    ],
  ],
  'an attached message below empty lines is a mail, and to some readers a text': [
    [`${TYPE}message/rfc822\n\n\nA: b\n`, ['mail:\nA: b', '\nA: b', 'A: b\n', 'A: b']],
  ],
  'a file that begins as a mail is a file all the same': [
    [`${TYPE}a/b\n\nDate: b\n`, ['Date: b', 'Date: b\n', 'Date: b\r\n']],
  ],
  'an attached message that scanners know for mail as it stands is given once': [
    [`${TYPE}message/rfc822\n\nDate: b\n\nc\n`, ['Date: b\n\nc', 'c\n', 'c']],
  ],
  'what does not begin as a mail is a file like any other, whatever its type says': [
    [`${TYPE}message/rfc822\n\nc\n`, ['mail:c', 'c', 'c\n', 'c\r\n']],
  ],
  'flowed lines are joined or not': [
    [`${TYPE}text/plain; delsp=yes\n\na \nb\n`, ['ab\n']],
    [behindText(`${TYPE}text/html; delsp=yes\n\na \nb`), ['ab\n', 'a \nb\n']],
    [
      `${TYPE}a/b; delsp=yes\n${ENCODING}quoted-printable\n\na=20\nb\n`,
      ['a \nb', 'ab', 'a \r\nb', 'a \nb\n', 'a \r\nb\r\n'],
    ],
    [
      `${TYPE}a/b\n${ENCODING}quoted-printable\n\na=20\nb\n`,
      ['a \nb', 'a \r\nb', 'a \nb\n', 'a \r\nb\r\n'],
    ],
    [`${TYPE}a/b; delsp=yes\n\na \nb\n`, ['a \nb', 'ab', 'a \r\nb', 'a \nb\n', 'a \r\nb\r\n']],
    [`${TYPE}a/b; delsp=yes\n${ENCODING}base64\n\nYSAKYg==\n`, ['a \nb', 'ab']],
    [`${TYPE}a/b\n${ENCODING}base64\n\nYSAKYg==\n`, ['a \nb']],
  ],
  'base64 is decoded': [[`${TYPE}a/b\n${ENCODING}base64\n\nYWJj\n`, ['abc']]],
  'base64 is read as it stands by those that do not know the word': [
    [
      `${TYPE}a/b\n${ENCODING}base64 \n\nYT00MQ==\n`,
      ['YT00MQ==', 'YT00MQ==\n', 'YT00MQ==\r\n', 'a=41'],
    ],
  ],
  'uuencode below a word for it is decoded, and is a file to readers that do not know the word': [
    [`${ENCODING}x-uuencode\n\n#86)C\n`, ['#86)C\n', 'abc']],
    [`${TYPE}a/b\n${ENCODING}x-uuencode\n\n#86)C\n`, ['#86)C', '#86)C\n', '#86)C\r\n', 'abc']],
  ],
  'a decoded mail in a file is opened, and one in a text is not': [
    [behindText(`${TYPE}text/html\n${ENCODING}base64\n\nQTogYgoKYw==`), ['A: b\n\nc']],
    [`${TYPE}a/b\n${ENCODING}base64\n\nQTogYgoKYw==\n`, ['A: b\n\nc', 'mail:A: b\n\nc', 'c']],
    [
      `${TYPE}a/b\n${ENCODING}base64\n\n${inBase64(`${ENCODING}quoted-printable\n\na= \nb`)}\n`,
      [
        `${ENCODING}quoted-printable\n\na= \nb`,
        `mail:${ENCODING}quoted-printable\n\na= \nb`,
        'ab',
        'a\0b',
        'a= \nb',
      ],
    ],
  ],
  'a file in quoted-printable is decoded, and in other ways, too, if something is odd': [
    [`${TYPE}a/b\n${ENCODING}quoted-printable\n\na=41\n`, ['aA', 'aA\n']],
    [
      `${TYPE}a/b\n${ENCODING}quoted-printable\n\na\nb\n`,
      ['a\nb', 'a\r\nb', 'a\nb\n', 'a\r\nb\r\n'],
    ],
    [`${TYPE}a/b\n${ENCODING}quoted-printable\n\na=0Db\n`, ['a\rb', 'ab', 'a\rb\n', 'ab\n']],
    [
      `${TYPE}a/b\n${ENCODING}quoted-printable\n\n=0A=00a=0D=0Ab\n`,
      ['\n\0a\r\nb', '\n\0a\nb', '\r\n\0a\r\nb', '\n\0a\r\nb\n', '\n\0a\nb\n', '\r\n\0a\r\nb\r\n'],
    ],
    [`${TYPE}a/b\n${ENCODING}quoted-printable\n\n=zz \n`, ['=zz ', '=zz \n', '\0 ', 'zz ', '=zz']],
    [
      `${TYPE}a/b\n${ENCODING}quoted-printable\n\n\xe2\x82\xbd41\n`,
      ['\xe2\x82\xbd41', '\xe2\x82\xbd41\n', '\xbd41'],
    ],
  ],
  'a file in quoted-printable is saved with and without the line end that it ends in': [
    [
      `${TYPE}a/b\n${ENCODING}quoted-printable\n\na=41\n\n`,
      ['aA\n', 'aA\r\n', 'aA\n\n', 'aA', 'aA\r\n\r\n'],
    ],
    [
      `${TYPE}a/b\n${ENCODING}quoted-printable\n\na\r\n=41=0D=0A\n`,
      ['a\r\nA\r\n', 'a\nA\n', 'a\r\nA\r\n\n', 'a\r\nA', 'a\nA\n\n', 'a\nA'],
    ],
    [
      `${TYPE}a/b\n${ENCODING}quoted-printable\n\na\n\n`,
      ['a\n', 'a\r\n', 'a\n\n', 'a', 'a\r\n\r\n'],
    ],
  ],
  'a text in another character set is saved as it is, and in UTF-8': [
    [
      `${inCharset('iso-8859-1')}\n\n\xe9\n`,
      ['\xc3\xa9', '\xc3\xa9\n', '\xe9', '\xe9\n', '\xe9\r\n'],
    ],
    [`${inCharset('iso-8859-1')}\n\ne\n`, ['e', 'e\n', 'e\r\n']],
    [`${inCharset('iso-8859-1')}\n${ENCODING}base64\n\n6Q==\n`, ['\xc3\xa9', '\xe9']],
    [`${inCharset('iso-8859-1')}\n${ENCODING}base64\n\n6Q\n`, ['\xc3\xa9', '\xe9']],
    [
      `${inCharset('iso-8859-1')}\n${ENCODING}quoted-printable\n\n=e9\n`,
      ['\xc3\xa9', '\xc3\xa9\n', '\xe9', '\xe9\n'],
    ],
    [
      `${inCharset('iso-8859-1')}\n\n\x80=41\n`,
      ['\xc2\x80=41', '\xc2\x80=41\n', '\x80=41', '\x80=41\n', '\x80=41\r\n'],
    ],
    [
      `${inCharset('iso-8859-1')}\n\n \xe9\n`,
      [' \xc3\xa9', ' \xc3\xa9\n', ' \xe9', ' \xe9\n', ' \xe9\r\n'],
    ],
    [`${inCharset('utf-8')}\n\n\xc3\xa9\n`, ['\xc3\xa9', '\xc3\xa9\n', '\xc3\xa9\r\n']],
    [`${inCharset('x-unknown-to-all')}\n\n\xe9\n`, ['\xe9', '\xe9\n', '\xe9\r\n']],
  ],
  'a text in UTF-16 is saved in both orders of bytes': [
    [
      `${inCharset('utf-16')}\n${ENCODING}base64\n\nYQBiAA==\n`,
      ['ab', '\xe6\x84\x80\xe6\x88\x80', 'a\0b\0'],
    ],
  ],
  'text that is shown is given in UTF-8 only if its bytes mean another text': [
    [`${TYPE}text/plain; charset=iso-8859-1\n\n\xe9\n`, []],
    [`${TYPE}text/plain; charset=utf-16le\n\na\0\n`, ['a', 'a\0', 'a\0\n']],
    [behindText(`${TYPE}text/html; charset=iso-8859-1\n${ENCODING}base64\n\n6Q==`), ['\xe9']],
    [`${TYPE}text/plain; charset=utf-7\n${ENCODING}base64\n\nK0FEdy0=\n`, ['<', '+ADw-']],
    [behindText(`${TYPE}text/html; charset=utf-7\n${ENCODING}base64\n\nK0FEdy0=`), ['<', '+ADw-']],
  ],
  'a text whose lines are stuffed with blanks is saved with and without them': [
    [
      `${inCharset('us-ascii; format=flowed')}\n\n a\nb\n`,
      [' a\nb', 'a\nb', ' a\r\nb', ' a\nb\n', ' a\r\nb\r\n'],
    ],
    [
      `${inCharset('us-ascii; format=flowed')}\n\na\n b\n`,
      ['a\n b', 'a\nb', 'a\r\n b', 'a\n b\n', 'a\r\n b\r\n'],
    ],
    [`${inCharset('us-ascii; format=flowed')}\n\na b\n`, ['a b', 'a b\n', 'a b\r\n']],
    [`${inCharset('us-ascii; format=flowed')}\n${ENCODING}base64\n\nIGE=\n`, [' a', 'a']],
    [
      `${inCharset('us-ascii; format=flowed')}\n${ENCODING}quoted-printable\n\n=20a\n`,
      [' a', 'a', ' a\n'],
    ],
    [
      `${inCharset('iso-8859-1; format=flowed')}\n\n \xe9\n`,
      [' \xc3\xa9', '\xc3\xa9', ' \xc3\xa9\n', ' \xe9', '\xe9', ' \xe9\n', ' \xe9\r\n'],
    ],
  ],
  'lines with a NUL are saved whole, and cut there': [
    [
      `${TYPE}a/b\n\na\0b\nc\n`,
      ['a\0b\nc', 'a\0b\r\nc', 'a\0b\nc\n', 'a\0b\r\nc\r\n', 'ac', 'ac\n', 'ac\r\n'],
    ],
    [`${ENCODING}base64\n\nYW\0Jj\nZGVm\n`, ['abcdef', 'afFV', 'afF']],
  ],
  'each part of a multipart is saved, and what stands around the parts is text': [
    [
      `${TYPE}multipart/mixed; boundary=b\n\npre\n--b\n\nx\n--b\n\n\ny\n--b--\nz\n`,
      ['x', 'x\n', 'x\r\n', '\ny', '\r\ny', '\ny\n', '\r\ny\r\n'],
    ],
  ],
  'a text behind the first one is given, and a part without fields is the first text': [
    [
      `${TYPE}multipart/mixed; boundary=b\n\n--b\n${TYPE}text/plain\n\nx\n--b\n${TYPE}text/plain\n\ny\n--b--\n`,
      ['y\n', 'y'],
    ],
    [
      `${TYPE}multipart/mixed; boundary=b\n\n--b\n\nx\n--b\n${TYPE}text/plain\n\ny\n--b--\n`,
      ['x', 'x\n', 'x\r\n', 'y\n', 'y'],
    ],
  ],
  'a file that ends in a bare CR is saved with and without it, and to some readers goes on': [
    [
      `${TYPE}multipart/mixed; boundary=b\n\n--b\n${TYPE}a/b\n\nx\r--b--\n`,
      ['x\r--b--', 'x--b--', 'x\r--b--\n', 'x\r--b--\r\n', 'x--b--\n', 'x--b--\r\n', 'x', 'x\r'],
    ],
  ],
  'encoded data is found by its looks': [
    ['X: y\n\nbegin 644 a\n#86)C\n`\nend\n', ['abc']],
    ['X: y\n\n=ybegin line=128 name=a\n\x8b\x8c\n=yend size=2\n', ['ab']],
    [
      `${TYPE}text/plain\n${ENCODING}base64\n\n${inBase64('x\nbegin 644 a\n#86)C\nend\n')}`,
      ['x\nbegin 644 a\n#86)C\nend\n', 'abc'],
    ],
  ],
  'so is data below fields, but not base64 by itself': [
    ['X: y\n\nYWJjYWJjYWJjYWJjYQ\n', []],
    [`X: y\n\n${TYPE}a/b\n${ENCODING}base64\n\nYWJj\n`, ['abc']],
    [
      `${TYPE}text/plain\n${ENCODING}base64\n\n${inBase64(`${ENCODING}base64\n \nYWJj\n`)}`,
      [`${ENCODING}base64\n \nYWJj\n`, 'abc'],
    ],
    [
      `${TYPE}a/b\n${ENCODING}base64\n\n${inBase64(`x\n${ENCODING}base64\n\nYWJj\n`)}`,
      [`x\n${ENCODING}base64\n\nYWJj\n`], // it is in a file
    ],
  ],
}

for (const [name, mails] of Object.entries(cases)) {
  t.test(name, async (t) => {
    for (const [mail, forms] of mails) t.same(contentsIn(mail), forms, mail)
  })
}

t.test('a part with two encodings is decoded by both, one after the other', async (t) => {
  const both = `${ENCODING}base64\n${ENCODING}quoted-printable\n\n`
  t.ok(contentsIn(`${both}YT00MQ==\n`).includes('aA'), 'base64 first')
  t.ok(contentsIn(`${both}=59WJj\n`).includes('abc'), 'quoted-printable first')
})

t.test('content that only some readers decode is converted from its character set', async (t) => {
  const sets: Readonly<Record<string, (text: string) => Buffer>> = {
    'utf-16be': (text) => Buffer.from(text, 'utf16le').swap16(),
    'utf-16le': (text) => Buffer.from(text, 'utf16le'),
    'utf-16': (text) => Buffer.from(text, 'utf16le').swap16(),
    'utf-7': (text) => Buffer.from(text.replaceAll('<', '+ADw-')),
    'utf-32be': (text) =>
      Buffer.from([...Buffer.from(text, 'latin1')].flatMap((byte) => [0, 0, 0, byte])),
    'isiri-3342': (text) =>
      Buffer.from(text.replaceAll('<', '\xbc').replaceAll('>', '\xbe'), 'latin1'),
  }
  for (const [charset, encode] of Object.entries(sets))
    for (const [way, write] of Object.entries(oddWays))
      for (const type of ['text/html', 'text/html; format=flowed', 'a/b; name=a']) {
        const mail = `${TYPE}${type}; charset=${charset}\n${write(encode(TEXT))}`
        t.ok(contentsIn(behindText(mail)).includes(TEXT), `${type} in ${charset} by ${way}`)
      }
})

t.test('a large text that only some readers decode is converted, in any container', async (t) => {
  const text = `${'A line of a text. '.repeat(2000)}${TEXT}`
  const utf16 = Buffer.from(text, 'utf16le').swap16()
  for (const [way, write] of Object.entries(oddWays)) {
    const part = `${TYPE}text/html; charset=utf-16be\n${write(utf16)}`
    const filler = `${TYPE}text/plain\n\n${'begin 6\n#AB\n'.repeat(44)}`
    const attached = `${TYPE}message/rfc822\n\nSubject: a\n${part}`
    const inFile = `${TYPE}application/octet-stream\n${ENCODING}base64\n\n${inBase64(`Received: a\n${part}`)}`
    for (const [where, mail] of Object.entries({
      'by itself': part,
      'behind a text': behindText(part),
      'behind a filler': inMultipart('mixed', `${filler}--b\n${part}`),
      'in an attached mail': behindText(attached),
      'in a file': behindText(inFile),
    })) {
      const { texts, over, odd } = readMail(mail)
      // What begins in the filler goes on in the file for some readers, and may be more than is read.
      if (where === 'behind a filler' && over !== '') continue
      t.ok(texts.includes(text), `${way}, ${where}`)
      t.same([over, odd.includes('unread')], ['', false], `${way}, ${where}`)
    }
  }
})

t.test('ordinary base64 in UTF-16 with a footer is read to its end, however large', async (t) => {
  const footer = '\n____\nList mailing list\nList@example.org\nhttps://lists.example.org/list\n'
  const front = `${TYPE}text/plain; name=a; charset=utf-16\n${ENCODING}base64\n\n`
  for (const size of [7_000, 400_000, 3_000_000]) {
    const { over, odd, work } = readMail(
      behindText(`${front}${inBase64('a\0'.repeat(size / 2 - 10))}${footer}`),
    )
    t.equal(over, '', `${size} bytes`)
    t.comment(
      `${size} bytes: ${odd.includes('unread') ? 'some texts are not converted' : 'all converted'}, ${Math.round(work / size)} units a byte`,
    )
  }
})

t.test(
  'content that only some readers decode is yielded without the blanks of stuffed lines',
  async (t) => {
    for (const [way, write] of Object.entries(oddWays)) {
      const mail = `${TYPE}a/b; format=flowed\n${write(Buffer.from(` ${TEXT}`))}`
      t.ok(contentsIn(behindText(mail)).includes(TEXT), way)
    }
  },
)

t.test('base64 with data after padding is decoded as one, and piece by piece', async (t) => {
  const found = contentsIn(`${ENCODING}base64\n\nYWJjZGVmZ2hpamts\nYWI= YWJjZGVmZ2hpamtsbW5v\n`)
  t.ok(found.includes('abcdefghijklababcdefghijklmno'), 'readers that begin a new group')
  t.ok(found.includes('abcdefghijklab'), 'readers that end there')
  t.ok(found.includes('abcdefghijklmno'), 'readers that begin there')
  const short = contentsIn(`${ENCODING}base64\n\nYWJjZGVmZ2hpamtsYWI=YWJjZGVmZ2hpamts\n`)
  t.ok(short.includes('abcdefghijkl'), 'a piece of sixteen characters')
  t.ok(contentsIn(`${ENCODING}base64\n\nYWI=\nYWJjZGVmZ2hpamts`).includes('abcdefghijkl'))
  const amid = contentsIn(`${ENCODING}base64\n\nYWI=YWJjZGVmZ2hpYQ==YWJj\n`)
  t.ok(amid.includes('abcdefghia'), 'sixteen characters with their padding')
  t.notOk(contentsIn(`${ENCODING}base64\n\nYWJjZGVmZ2hpYQ==YWJjZGVmZ2hp\n`).includes('abcdefghi'))
  const fifteen = contentsIn(`${ENCODING}base64\n\nYWI=\nYWJjZGVmZ2hpamt`)
  t.notOk(fifteen.includes('abcdefghijk'), 'a line end is no character of a piece')
})

t.test('a part of more than 1 MB is given once, with the line ends that it has', async (t) => {
  const front = `${TYPE}a/b\n${ENCODING}quoted-printable\n\n`
  const last = 1024 * 1024 - 3
  t.same(sizesIn(`${front}=41\r\n${'b'.repeat(last)}`), [last + 3, last + 2], '1 MB')
  t.same(sizesIn(`${front}=41\r\n${'b'.repeat(last + 1)}`), [last + 4], 'a byte more')
})

t.test('a line of encoded data is read to its end, and up to its first NUL', async (t) => {
  const data = '\x8b\x8c\0\x8d\r\n\x8e\x8f'
  const found = contentsIn(`X: y\r\n\r\n=ybegin line=128 name=a\r\n${data}\r\n=yend size=5\r\n`)
  t.ok(found.includes('abcde'), 'readers that drop the NUL')
  t.ok(found.includes('abde'), 'readers in C')
})

t.test('the text of an encoded mail is given as it is shown, and saved', async (t) => {
  const inner = `${TYPE}text/plain; charset=iso-8859-1\n\n\xe9\r\n`
  const encoded = Buffer.from(inner, 'latin1').toString('base64')
  const [, , ...text] = contentsIn(`${TYPE}a/b\n${ENCODING}base64\n\n${encoded}\n`)
  t.same(text, ['\xe9\n', '\xe9'])
  const behind = inBase64(`${TYPE}multipart/mixed; boundary=b\n\n--b--\nz\n`)
  t.same(contentsIn(`${TYPE}a/b\n${ENCODING}base64\n\n${behind}\n`).slice(2), ['z\n', 'z'])
})

t.test('encoded data is found in the lines of a text that are stuffed with blanks', async (t) => {
  const found = contentsIn(`${TYPE}text/plain; format=flowed\n\n begin 644 a\n #86)C\n end\n`)
  t.ok(found.includes('abc'))
})

t.test('uuencode is not read as a text in a character set', async (t) => {
  const found = contentsIn(`${inCharset('iso-8859-1')}\n${ENCODING}x-uuencode\n\n\xe9=41\n`)
  t.ok(found.includes('\xc3\xa9=41'), 'readers that do not know the encoding')
  t.notOk(found.includes('\xc3\xa9A'))
})

t.test('a line that begins with a blank is found where two chunks meet', async (t) => {
  const mail = Buffer.from(`${inCharset('us-ascii; format=flowed')}\n\na\n b`)
  const source = inChunksOf(2, mail)
  const sizes = sizesIn(source)
  t.same(sizes, [4, 3, 5], 'with the blank, without it, and with a CR')
})

t.test('a text of more than 1 MB is given once if every reader saves the same', async (t) => {
  const text = `${'a line of text \xe9\n'.repeat(80_000)}the end`
  const ascii = text.replaceAll('\xe9', 'e')
  for (const mail of [
    `${inCharset('iso-8859-1')}\n\n${ascii}`,
    `${inCharset('us-ascii; format=flowed')}\n\n${text}`,
  ]) {
    t.equal(sizesIn(mail).length, 1, mail.slice(0, 80))
  }
})

/** The parts of a message of which it is told that all of each is in one content. */
function givenIn(mail: string): readonly string[] {
  const given: string[] = []
  const onGiven = ({ from, to }: { from: number; to: number }) =>
    void given.push(mail.slice(from, to))
  readMail(mail, { ...options, onGiven })
  return given
}

t.test('parts that are complete in one piece are reported', async (t) => {
  const told: readonly (readonly [mail: string, parts: readonly string[]])[] = [
    [`${TYPE}a/b\n\na b\n`, ['a b\n']],
    [`${TYPE}a/b\n${ENCODING}base64\n\nYWJj\n`, ['YWJj\n']],
    [behindText(`${TYPE}text/html\n${ENCODING}quoted-printable\n\na=41`), ['a=41\n']],
    [behindText(`${TYPE}text/html\n${ENCODING}quoted-printable\n\na \nb`), ['a \nb\n']],
    [behindText(`${TYPE}text/html\n${ENCODING}quoted-printable\n\na=`), ['a=\n']],
    [
      `${TYPE}multipart/mixed; boundary=b\n\n--b\n${TYPE}a/b\n\nx\n--b\n${TYPE}c/d\n\ny\n--b--\n`,
      ['x\n', 'y\n'],
    ],
  ]
  for (const [mail, parts] of told) t.same(givenIn(mail), parts, mail)
})

t.test('a part that readers read in more than one way is not reported as complete', async (t) => {
  const inner = `${inBase64(`${TYPE}a/b\n${ENCODING}base64\n\nYWJj\n`)}\n`
  const told: readonly (readonly [mail: string, parts: readonly string[]])[] = [
    ['A: b\n\nthe text of the mail\n', []],
    [`${TYPE}message/rfc822\n\nA: b\n\n<c\n`, ['<c\n']],
    [`${TYPE}a/b\n${ENCODING}base64\n\nYWJj=YWJj\n`, []],
    [`${TYPE}a/b\n${ENCODING}quoted-printable\n\na=zz\n`, []],
    [`${TYPE}a/b\n${ENCODING}quoted-printable\n\na \nb\n`, []],
    [`${TYPE}a/b\n${ENCODING}x-uuencode\n\n#86)C\n`, []],
    [`${TYPE}a/b\n\nabc\0def\n`, []],
    [`${TYPE}a/b\nno field\n\nabc\n`, []],
    [`${TYPE}multipart/mixed; boundary=b\n\n--b\n${TYPE}a/b\n\nx\n--b y\n\n--b--\n`, []],
    // What is in an encoded mail has no place in this one.
    [`${TYPE}a/b\n${ENCODING}base64\n\n${inner}`, [inner]],
  ]
  for (const [mail, parts] of told) t.same(givenIn(mail), parts, mail)
})

t.test('headers and names of encoded files are reported while contents are read', async (t) => {
  const told = new Set<string>()
  const mail = `${TYPE}message/rfc822\n\n${TYPE}a/b\n\nbegin 644 a.exe\n#86)C\nend\n`
  const onPart = ({ names, types, containers }: PartNames) => {
    told.add([...names, ...types, ...containers].join())
    return []
  }
  readMail(mail, { ...options, onPart })
  t.same([...told], ['message/rfc822', 'a/b', 'a.exe,uuencode'])
})

t.test('a calendar is opened, even if its header may be that of a multipart', async (t) => {
  const calendar = 'BEGIN:VCALENDAR\nATTACH;VALUE=BINARY;ENCODING=BASE64:YWJj\nEND:VCALENDAR\n'
  for (const type of ['text/calendar', 'text/calendar; x=boundary', 'a/b; x=multipart']) {
    const { texts } = readMail(`${TYPE}${type}\n\n${calendar}`, options)
    t.ok(texts.includes('abc'), type)
  }
})

t.test('a content has the names of its own part, and the containers around that', async (t) => {
  const inner = `${TYPE}a/b; name="c:\\b.exe"\n${ENCODING}base64\n\nYWJj\n`
  const mail = `${TYPE}x/y; name=outer\n\n${uuencode(Buffer.from(inner), 'begin 644 a.eml')}`
  const partsOf = (listener: { readonly onPart?: () => [] }) => {
    const parts: PartNames[] = []
    const all = { ...options, createHash, ...listener }
    for (const step of contentsOf(Bytes.of(Buffer.from(mail)), all)) {
      if (step.kind !== 'content') continue
      if (step.bytes.gather().toString() === 'abc') parts.push(step.part)
    }
    return parts
  }
  t.match(partsOf({ onPart: () => [] }), [
    { names: ['b.exe'], types: ['a/b'], containers: ['uuencode'] },
  ])
  t.match(partsOf({}), [{ names: [], containers: ['uuencode'] }], 'nobody listens')
})

const lines = (size: number) =>
  'a line of text that has exactly 63 characters and its line end..\n'.repeat(size / 64)
/** The fields above a message, which are more than the bytes by which libclamav knows it for one. */
const FROM = `From: a@example.org\nMIME-Version: 1.0\nDKIM-Signature: v=1; b=${'a'.repeat(1000)}\n`
const multipart = (boundary: string, ...parts: string[]) =>
  multipartBy(`${TYPE}multipart/mixed; boundary=${boundary}\n`, boundary, parts)

t.test('scanners get at most four times the bytes of a message as programs write it', async (t) => {
  for (const size of [64 * 1024, 2 * 1024 * 1024]) {
    const text = lines(size)
    const file = `${TYPE}a/b; name=a\n${ENCODING}base64\n\n${inBase64(text)}`
    const withFile = FROM + multipart('b', `${TYPE}text/plain\n\nHello\n`, file)
    const html = `${TYPE}text/html\n\n${text}`
    const printable = `${TYPE}text/html\n${ENCODING}quoted-printable\n\n=3D${text}`
    const hello = `${TYPE}text/plain\n\nHello\n`
    const mails: Readonly<Record<string, string>> = {
      'a text': `${FROM}\n${text}`,
      HTML: FROM + multipart('b', hello, html),
      'HTML in quoted-printable': FROM + multipart('b', hello, printable),
      'a file': withFile,
      'a forward': FROM + multipart('f', `${TYPE}message/rfc822\n\n${withFile}`),
    }
    for (const [name, mail] of Object.entries(mails)) {
      for (const end of ['\n', '\r\n']) {
        const message = mail.replaceAll('\n', end)
        const { texts, over } = readMail(message)
        t.equal(over, '')
        const given = [message, ...texts].join('').length
        t.ok(given <= 4 * message.length, `${name}: ${given} of ${message.length}`)
      }
    }
  }
})

t.test('a text whose header may announce a multipart is saved as a file, too', async (t) => {
  const header = `${TYPE}application/octet-stream; boundary=b\n`
  const mail = `${TYPE}multipart/mixed; boundary=c\n\n--c\n${header}\nline\n--c--\n`
  t.ok(contentsIn(mail).includes('line'))
  t.ok(contentsIn(`${TYPE}multipart/mixed\n\nline\n`).includes('line'), 'or no multipart at all')
})

t.test('a text with control characters in quoted-printable keeps its last line end', async (t) => {
  const header = `${TYPE}text/html\n${ENCODING}quoted-printable\n`
  const mail = `${TYPE}multipart/mixed; boundary=c\n\n--c\n${header}\nx=01y\n--c--\n`
  const contents = contentsIn(mail)
  t.ok(contents.includes('x\x01y\n'), 'as libclamav extracts it')
  t.ok(contents.includes('x\x01y'))
})
