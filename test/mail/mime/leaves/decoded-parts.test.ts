import t from 'tap'
import { readMail } from '../read-mail.ts'
import { behindText, contentsIn, ENCODING, inBase64, inCharset, TYPE } from './one-part.ts'

/** Parts in an encoding that readers decode in more than one way, or find in a text. */

t.test('a part with two encodings is decoded by each of them alone', async (t) => {
  const found = contentsIn(`${ENCODING}base64\n${ENCODING}quoted-printable\n\nYT00MQ==\n`)
  t.ok(found.includes('a=41'), 'base64')
  t.notOk(found.includes('aA'), 'not quoted-printable in base64')
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

t.test('base64 with data after padding is decoded as one, and up to its padding', async (t) => {
  const found = contentsIn(`${ENCODING}base64\n\nYWJjZGVmZ2hpamts\nYWI= YWJjZGVmZ2hpamtsbW5v\n`)
  t.ok(found.includes('abcdefghijklababcdefghijklmno'), 'readers that begin a new group')
  t.ok(found.includes('abcdefghijklab'), 'readers that end there')
  t.notOk(found.includes('abcdefghijklmno'), 'no reader begins there')
})

t.test('a line of encoded data is read to its end, and up to its first NUL', async (t) => {
  const data = '\x8b\x8c\0\x8d\r\n\x8e\x8f'
  const found = contentsIn(`X: y\r\n\r\n=ybegin line=128 name=a\r\n${data}\r\n=yend size=5\r\n`)
  t.ok(found.includes('abcde'), 'readers that drop the NUL')
  t.ok(found.includes('abde'), 'readers in C')
})

t.test(
  'the text of an encoded mail is emitted as programs show it, and as they save it',
  async (t) => {
    const inner = `${TYPE}text/plain; charset=iso-8859-1\n\n\xe9\r\n`
    const encoded = Buffer.from(inner, 'latin1').toString('base64')
    const [, , ...text] = contentsIn(`${TYPE}a/b\n${ENCODING}base64\n\n${encoded}\n`)
    t.same(text, ['\xe9\n', '\xe9'])
    const behind = inBase64(`${TYPE}multipart/mixed; boundary=b\n\n--b--\nz\n`)
    t.same(contentsIn(`${TYPE}a/b\n${ENCODING}base64\n\n${behind}\n`).slice(2), ['z\n', 'z'])
  },
)

t.test('uuencode is not read as a text in a character set', async (t) => {
  const found = contentsIn(`${inCharset('iso-8859-1')}\n${ENCODING}x-uuencode\n\n\xe9=41\n`)
  t.ok(found.includes('\xc3\xa9=41'), 'readers that do not know the encoding')
  t.notOk(found.includes('\xc3\xa9A'))
})

t.test('a text with control characters in quoted-printable keeps its last line end', async (t) => {
  const header = `${TYPE}text/html\n${ENCODING}quoted-printable\n`
  const mail = `${TYPE}multipart/mixed; boundary=c\n\n--c\n${header}\nx=01y\n--c--\n`
  const contents = contentsIn(mail)
  t.ok(contents.includes('x\x01y\n'), 'as libclamav extracts it')
  t.ok(contents.includes('x\x01y'))
})
