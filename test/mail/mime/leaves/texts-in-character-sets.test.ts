import t from 'tap'
import { uuencode } from '../../../scanner/scan/scanners/evasions/compose.ts'
import { readMail } from '../read-mail.ts'
import {
  behindText,
  contentsIn,
  ENCODING,
  inBase64,
  inCharset,
  inMultipart,
  showForms,
  TYPE,
} from './one-part.ts'

/** Texts in a character set, and with flowed lines: what readers save of them. */

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

const LATIN1 = inCharset('iso-8859-1')
const FLOWED = inCharset('us-ascii; format=flowed')

showForms({
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
  'a text in another character set is saved as it is, and in UTF-8': [
    [`${LATIN1}\n\n\xe9\n`, ['\xc3\xa9', '\xc3\xa9\n', '\xe9', '\xe9\n', '\xe9\r\n']],
    [`${LATIN1}\n\ne\n`, ['e', 'e\n', 'e\r\n']],
    [`${LATIN1}\n${ENCODING}base64\n\n6Q==\n`, ['\xc3\xa9', '\xe9']],
    [`${LATIN1}\n${ENCODING}base64\n\n6Q\n`, ['\xc3\xa9', '\xe9']],
    [
      `${LATIN1}\n${ENCODING}quoted-printable\n\n=e9\n`,
      ['\xc3\xa9', '\xc3\xa9\n', '\xe9', '\xe9\n'],
    ],
    [
      `${LATIN1}\n\n\x80=41\n`,
      ['\xc2\x80=41', '\xc2\x80=41\n', '\x80=41', '\x80=41\n', '\x80=41\r\n'],
    ],
    [`${LATIN1}\n\n \xe9\n`, [' \xc3\xa9', ' \xc3\xa9\n', ' \xe9', ' \xe9\n', ' \xe9\r\n']],
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
    [`${FLOWED}\n\n a\nb\n`, [' a\nb', 'a\nb', ' a\r\nb', ' a\nb\n', ' a\r\nb\r\n']],
    [`${FLOWED}\n\na\n b\n`, ['a\n b', 'a\nb', 'a\r\n b', 'a\n b\n', 'a\r\n b\r\n']],
    [`${FLOWED}\n\na b\n`, ['a b', 'a b\n', 'a b\r\n']],
    [`${FLOWED}\n${ENCODING}base64\n\nIGE=\n`, [' a', 'a']],
    [`${FLOWED}\n${ENCODING}quoted-printable\n\n=20a\n`, [' a', 'a', ' a\n']],
    [
      `${inCharset('iso-8859-1; format=flowed')}\n\n \xe9\n`,
      [' \xc3\xa9', '\xc3\xa9', ' \xc3\xa9\n', ' \xe9', '\xe9', ' \xe9\n', ' \xe9\r\n'],
    ],
  ],
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

t.test('content that only some readers decode is unstuffed', async (t) => {
  for (const [way, write] of Object.entries(oddWays)) {
    const mail = `${TYPE}a/b; format=flowed\n${write(Buffer.from(` ${TEXT}`))}`
    t.ok(contentsIn(behindText(mail)).includes(TEXT), way)
  }
})
