import { createHash } from 'node:crypto'
import t from 'tap'
import { describeMail } from '../../../tools/readings/describe-mail.ts'

/** What `npm run readings` prints about a message. */

const linesAbout = (mail: string) => [...describeMail(Buffer.from(mail, 'latin1'))]

t.test('a message that is not ordinary has the reason, and what is carved', async (t) => {
  const file =
    'Content-Type: application/zip; name=a.zip\nContent-Transfer-Encoding: base64\n\nUEsDBA==\n'
  const mail = `Content-Type: multipart/mixed; boundary=b\n\n--b\n${file}--b junk\n\nx\n--b--\n`
  const from = mail.indexOf('UEsDBA')
  const lines = linesAbout(mail)
  t.same(lines.slice(0, 3), [
    'carved, because it has a delimiter that goes on',
    `  ${from}-${mail.indexOf('--b junk')} application/zip base64: carved, "a.zip"`,
    `  ${from}-${mail.indexOf('--b--')} application/zip base64: carved, "a.zip"`,
  ])
  const digest = createHash('sha256').update('PK\x03\x04').digest('hex')
  t.equal(lines[3], `content of 4 bytes, sha256 ${digest}, "a.zip"`)
  t.equal(lines.at(-1), 'odd: delimiter')
})

t.test(
  'a content shows which scanner gets it, and whether scanners treat it as a message',
  async (t) => {
    const file = 'Content-Type: text/html\nContent-Transfer-Encoding: base64\n\nPHA+\n'
    const html = linesAbout(`From: a@example.org\nMIME-Version: 1.0\n${file}`)
    t.match(html[2], /^content of 3 bytes, sha256 [0-9a-f]{64}$/)
    const attached = linesAbout('Content-Type: message/rfc822\n\nX-Odd: x\n\nhello\n')
    t.equal(attached[0], 'ordinary')
    t.match(attached[2], /^ {2}\d+-\d+ no type identity: in 1 attached messages, own text$/)
    t.match(attached.join('\n'), /^content of 15 bytes, sha256 \w+, as a message$/m)
  },
)
