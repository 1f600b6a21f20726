import { createHash } from 'node:crypto'
import { tmpdir } from 'node:os'
import t from 'tap'
import { Bytes } from '../../../../src/mail/message/bytes.ts'
import { openAnonymousFile } from '../../../../src/mail/message/spool.ts'
import { contentsOf } from '../../../../src/mail/mime/contents.ts'
import type { ContentsOptions } from '../../../../src/mail/mime/leaves/extraction.ts'

const mixed = (part: string) => `Content-Type: multipart/mixed; boundary=b\n\n--b\n${part}\n--b--\n`

/** Returns the contents of a mail that are yielded: those that the scan of the whole covers, and all. */
function read(mail: string, more?: Partial<ContentsOptions>) {
  const openFile = () => openAnonymousFile(tmpdir())
  const options = { createHash, findsCovered: true, openFile, ...more }
  const covered: string[] = []
  const all: string[] = []
  for (const step of contentsOf(Bytes.of(Buffer.from(mail, 'latin1')), options)) {
    if (step.kind !== 'content') continue
    const text = step.bytes.gather().toString('latin1')
    all.push(text)
    if (step.coveredBy) covered.push(text)
  }
  return { covered, all }
}

const isCovered = (mail: string) => read(mail).covered.length > 0

t.test('a file is covered as it was decoded, not as some program saves it', async (t) => {
  const file = ' a \n b\n'
  for (const flowed of ['flowed', 'flowed; delsp=yes']) {
    const type = `Content-Type: application/x; format=${flowed}`
    const encoded = `${type}\nContent-Transfer-Encoding: base64\n\n${btoa(file)}\n`
    const mail = `A: b\n${mixed(`Content-Type: text/plain\n\nx\n--b\n${encoded}`)}`
    t.same(read(mail).covered, [file])
  }
})

t.test('a part left to the scan of the whole is not yielded; files in it are', async (t) => {
  const text = '<p>\nbegin 644 x\n#86)C\n`\nend\n'
  const parts = {
    'text/html quoted-printable': text.replace('begin', '=62egin'),
    'file base64': `${btoa(text)}\n`,
  }
  for (const [content, encoded] of Object.entries(parts)) {
    const [type, encoding] = content.replace('file', 'application/x').split(' ')
    const mail = `A: b\nContent-Type: ${type}\nContent-Transfer-Encoding: ${encoding}\n\n${encoded}`
    t.same(read(mail), { covered: [text], all: [text, 'abc'] })
    let left = 0
    const onCovered = () => left++
    t.same(read(mail, { onCovered }), { covered: [], all: ['abc'] })
    t.equal(left, 1)
  }
})

t.test('a part is covered unless a line of its mail is too long', async (t) => {
  const base64 = 'Content-Type: application/x\nContent-Transfer-Encoding: base64\n\n'
  const withLines = (length: number) =>
    `A: b\n${mixed(`${base64}${`${'YWJj'.repeat(length / 4)}\n`.repeat(4000 / length)}`)}`
  const withHeader = (length: number) => `A: ${'b'.repeat(length - 3)}\n${withLines(76)}`
  t.equal(isCovered(withLines(76)), true)
  t.equal(isCovered(withLines(996)), true, 'lines of 996 bytes')
  t.equal(isCovered(withHeader(998)), true, 'a line of 998 bytes')
  t.equal(isCovered(withHeader(999)), false, 'a line of 999 bytes')
  t.equal(isCovered(`${withLines(76)}\n--b x\n`), false, 'an odd delimiter')
})

t.test('a text is covered unless libclamav changes more than white space', async (t) => {
  const withText = (text: string) =>
    `A: b\n${mixed(`Content-Type: text/html\n\n${text}`)}`.replaceAll('\n', '\r\n')
  for (const text of [
    ...['<p>\n', '<p>\n\nb\n', '<p>\n\nb\n\nc\n', `<p>\n${'b\n'.repeat(9000)}`],
    ...['\n<p>\n', '<p>\n\n\nb\n', '<p>\n=0D\n', `<p>\n${'b\n'.repeat(9000)}\n\n`],
  ])
    t.equal(isCovered(withText(text)), true, JSON.stringify(text))
  for (const text of ['<p>\n ; \nb\n', '<p>\rb\n', '<p>\nContent-Transfer-Encoding: x\n'])
    t.equal(isCovered(withText(text)), false, JSON.stringify(text))
})
