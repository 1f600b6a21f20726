import t from 'tap'
import { fateOf } from './fate.ts'

/** Files that some program opens although lines like delimiters, bare CRs or other lines are between their parts. */

const FILE = Buffer.from(
  'X5O!P%@AP[4\\PZX54(P^)7CC)7}$' + 'EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*',
)
const base64 = FILE.toString('base64')
const top = 'From: a@example.org\nTo: b@example.org\nSubject: x\nMIME-Version: 1.0\n'
const odd = `${top}X\0: y\n`
const mail = (text: string) => fateOf(Buffer.from(text, 'latin1'))

t.test('three lines like delimiters among the fields of a part', async (t) => {
  const half = base64.length / 2
  const text = `${odd}Content-Type: multipart/mixed; boundary="B"

--B
Content-Type: application/octet-stream; name=x.com
--.
--.
--.
Content-Transfer-Encoding: base64

${base64.slice(0, half)}
--.
${base64.slice(half)}
--B--
`
  t.equal(mail(text).file, 'found')
})

t.test('a line like the delimiter that a bare CR ends', async (t) => {
  const text = `${odd}Content-Type: multipart/mixed; boundary="B"

--B
Content-Type: application/octet-stream; name=x.com
Content-Transfer-Encoding: base64

${base64.slice(0, 20)}
--..
${base64.slice(20, 40)}
--B\r!
${base64.slice(40)}
--B--
`
  t.equal(mail(text).file, 'found')
})

t.test('headers in a row, one of them below a bare CR, are as deep as they declare', async (t) => {
  const message = 'Content-Type: message/rfc822\n\n'
  const row = `${message}X: z\r${message}${message.repeat(14)}`
  t.match(mail(`${top}${row}${top}\nhello\n`).unread, /too deep/)
})

t.test('a line that closes what was not opened ends no multipart', async (t) => {
  const multipart = (number: number) =>
    `Content-Type: multipart/mixed; boundary="B${number}x"\n\n--a--\n\ntext\n--B${number}x\n`
  const nested = Array.from({ length: 20 }, (_, number) => multipart(number)).join('')
  t.match(mail(`${odd}${nested}\nhello\n`).unread, /too deep/)
})
