import t from 'tap'
import { multipartBy } from '../nested-mail.ts'
import { readMail } from '../read-mail.ts'
import {
  behindText,
  contentsIn,
  ENCODING,
  inBase64,
  inCharset,
  inMultipart,
  showForms,
  sizesIn,
  TYPE,
} from './one-part.ts'

/** The forms in which readers show and save a part. */

/** A field of more than 512 bytes, in a line that libclamav cuts. */
const LONG = `A: ${'b'.repeat(1000)}`

const QUOTED_FILE = `${TYPE}a/b\n${ENCODING}quoted-printable\n\n`
const ENCODED_FILE = `${TYPE}a/b\n${ENCODING}base64\n\n`
const FILE = `${TYPE}a/b\n\n`
const QUOTED_HTML = `${TYPE}text/html\n${ENCODING}quoted-printable\n\n`
const ENCODED_HTML = `${TYPE}text/html\n${ENCODING}base64\n\n`
const HTML = `${TYPE}text/html\n\n`

showForms({
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
      [`${HTML}<a\r\nb\r\n`, ['<a\nb\n']],
      [`${HTML}<a\r\nb`, ['<a\nb']],
      [`${TYPE}text/enriched; charset=utf-8\nContent-Disposition: inline\n\n<a\n`, ['<a\n']],
      [behindText(`${QUOTED_HTML}a=41\r\n\r`), ['aA\n\n']],
      [behindText(`${QUOTED_HTML}a=0D=0Ab`), ['a\nb\n']],
      [behindText(`${QUOTED_HTML}ab`), ['ab\n']],
      [behindText(`${ENCODED_HTML}YQ0KYg==`), ['a\r\nb']],
      [behindText(`${ENCODED_HTML}YQ0KYg0K`), ['a\r\nb\r\n']],
      [behindText(`${HTML}a\r\nb`), ['a\nb\n']],
    ],
  'text that is not that of the mail itself is given as readers save it, too': [
    [
      `${TYPE}multipart/mixed; boundary=b\n\n--b y\n${HTML}<a\r\nb\n--b--\n`,
      ['<a\nb\n', '<a\r\nb', '<a\nb'],
    ],
  ],
  'what declares that it is text, and is none, is a file': [
    [`${HTML}a\x01\r\nb\n`, ['a\x01\r\nb', 'a\x01\nb', 'a\x01\r\nb\n', 'a\x01\nb\n']],
    [`${TYPE}text/plain\n${ENCODING}base64\n\nAQ0KYg0K\n`, ['\x01\r\nb\r\n']],
  ],
  'a file is saved with and without its last line end, and with the other kind of them': [
    [`${TYPE}text/html; name=a\n\nabc\n`, ['abc', 'abc\n', 'abc\r\n']],
    [
      `${TYPE}text/html\nContent-Disposition: attachment\n\na\r\nb\r\n`,
      ['a\r\nb', 'a\nb', 'a\r\nb\r\n', 'a\nb\n'],
    ],
    [`${TYPE}text/calendar\n\na\r\nb\r\n`, ['a\r\nb', 'a\nb', 'a\r\nb\r\n', 'a\nb\n']],
    [`${FILE}a\nb\n`, ['a\nb', 'a\r\nb', 'a\nb\n', 'a\r\nb\r\n']],
    [`${FILE}a\r\nb`, ['a\r\nb', 'a\nb']],
    [
      `${FILE}a\r\r\nb\r\r\n`,
      ['a\r\r\nb\r', 'a\r\nb\r', 'a\nb', 'a\r\r\nb\r\r\n', 'a\r\nb\r\n', 'a\nb\n'],
    ],
    [`${TYPE}text/plain; name=a\n\na\nb\n`, ['a\nb', 'a\r\nb', 'a\nb\n', 'a\r\nb\r\n']],
  ],
  'empty lines in front are saved': [[`${FILE}\na\n`, ['\na', '\r\na', '\na\n', '\r\na\r\n']]],
  'an attached message is given as a mail and as a file, with the line ends that it has': [
    [`${TYPE}message/rfc822\n\nA: b\n\nc\n`, ['mail:A: b\n\nc', 'A: b\n\nc', 'c\n']],
    [`${TYPE}message/rfc822\n\n${LONG}\n\nc\n`, [`mail:${LONG}\n\nc`, `${LONG}\n\nc`, 'c\n']],
  ],
  'a file of mail, and a part of a digest, is a mail whatever its first lines are': [
    [`${TYPE}a/b; name=a.eml\n\nabc\n`, ['abc', 'mail:abc', 'abc\n', 'abc\r\n']],
    [inMultipart('digest', `${ENCODING}base64\n\nYWJj`), ['abc', 'mail:abc']],
  ],
  'an attached message below empty lines is a mail': [
    [`${TYPE}message/rfc822\n\n\nA: b\n`, ['mail:\nA: b', '\nA: b']],
  ],
  'a file that begins as a mail is a file all the same': [
    [`${FILE}Date: b\n`, ['Date: b', 'Date: b\n', 'Date: b\r\n']],
  ],
  'an attached message that scanners know for mail as it stands is given once': [
    [`${TYPE}message/rfc822\n\nDate: b\n\nc\n`, ['Date: b\n\nc', 'c\n']],
  ],
  'what does not begin as a mail is a file like any other, whatever its type': [
    [`${TYPE}message/rfc822\n\nc\n`, ['mail:c', 'c', 'c\n', 'c\r\n']],
  ],
  'base64 is decoded': [[`${ENCODED_FILE}YWJj\n`, ['abc']]],
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
    [behindText(`${ENCODED_HTML}QTogYgoKYw==`), ['A: b\n\nc']],
    [`${ENCODED_FILE}QTogYgoKYw==\n`, ['A: b\n\nc']],
    [
      `${ENCODED_FILE}${inBase64('To: b\nFrom: d\n\nc')}\n`,
      ['To: b\nFrom: d\n\nc', 'mail:To: b\nFrom: d\n\nc', 'c'],
    ],
    [
      `${ENCODED_FILE}${inBase64(`${ENCODING}quoted-printable\n\na= \nb`)}\n`,
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
    [`${QUOTED_FILE}a=41\n`, ['aA', 'aA\n']],
    [`${QUOTED_FILE}a\nb\n`, ['a\nb', 'a\r\nb', 'a\nb\n', 'a\r\nb\r\n']],
    [`${QUOTED_FILE}a=0Db\n`, ['a\rb', 'ab', 'a\rb\n', 'ab\n']],
    [
      `${QUOTED_FILE}=0A=00a=0D=0Ab\n`,
      ['\n\0a\r\nb', '\n\0a\nb', '\r\n\0a\r\nb', '\n\0a\r\nb\n', '\n\0a\nb\n', '\r\n\0a\r\nb\r\n'],
    ],
    [`${QUOTED_FILE}=zz \n`, ['=zz ', '=zz \n', '=zz', 'zz', '\0 ', '\0', 'zz ']],
    [`${QUOTED_FILE}\xe2\x82\xbd41\n`, ['\xe2\x82\xbd41', '\xe2\x82\xbd41\n', '\xbd41']],
  ],
  'a file in quoted-printable is saved with and without the line end that it ends in': [
    [`${QUOTED_FILE}a=41\n\n`, ['aA\n', 'aA\r\n', 'aA\n\n', 'aA\r\n\r\n', 'aA']],
    [
      `${QUOTED_FILE}a\r\n=41=0D=0A\n`,
      ['a\r\nA\r\n', 'a\nA\n', 'a\r\nA\r\n\n', 'a\nA\n\n', 'a\r\nA'],
    ],
    [`${QUOTED_FILE}a\n\n`, ['a\n', 'a\r\n', 'a\n\n', 'a\r\n\r\n', 'a']],
  ],
  'lines with a NUL are saved whole, and cut there': [
    [
      `${FILE}a\0b\nc\n`,
      ['a\0b\nc', 'a\0b\r\nc', 'a\0b\nc\n', 'a\0b\r\nc\r\n', 'ac', 'ac\n', 'ac\r\n'],
    ],
    [`${ENCODING}base64\n\nYW\0Jj\nZGVm\n`, ['abcdef', 'a', '\xffa', 'afFV', 'afF']],
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
  'a file that ends in a bare CR is saved with and without it': [
    [`${TYPE}multipart/mixed; boundary=b\n\n--b\n${FILE}x\r--b--\n`, ['x', 'x\r']],
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
    [`X: y\n\n${ENCODED_FILE}YWJj\n`, ['abc']],
    [
      `${TYPE}text/plain\n${ENCODING}base64\n\n${inBase64(`${ENCODING}base64\n \nYWJj\n`)}`,
      [`${ENCODING}base64\n \nYWJj\n`, 'abc'],
    ],
    [
      `${ENCODED_FILE}${inBase64(`x\n${ENCODING}base64\n\nYWJj\n`)}`,
      [`x\n${ENCODING}base64\n\nYWJj\n`], // it is in a file
    ],
  ],
})

t.test('a part of more than 1 MB is given once, with the line ends that it has', async (t) => {
  const front = QUOTED_FILE
  const last = 1024 * 1024 - 3
  t.same(sizesIn(`${front}=41\r\n${'b'.repeat(last)}`), [last + 3, last + 2], '1 MB')
  t.same(sizesIn(`${front}=41\r\n${'b'.repeat(last + 1)}`), [last + 4], 'a byte more')
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
    const html = `${HTML}${text}`
    const printable = `${QUOTED_HTML}=3D${text}`
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
})
