import t from 'tap'
import {
  MAIL_LINE_MAX,
  mayDescribeContent,
  whyBound,
} from '../../../src/mail/message/content-fields.ts'
import { Header } from '../../../src/mail/message/header-block.ts'

/** Which fields may state something about content; all fields of transport: verdicts/copies/readings.test.ts. */

t.test('a field describes content by its name or its value', async (t) => {
  const names = ['content-x', 'X-Encoded', 'mime', 'boundary', 'disposition', 'x-name', 'a b']
  for (const name of [...names, 'x'.repeat(201), '']) {
    t.equal(mayDescribeContent(name), true, name)
    t.equal(mayDescribeContent(name, ' a\n'), true, name)
  }
  for (const value of [
    ...['content-type', 'content: a', 'mime', 'Mime-Version', 'an encoding', 'boundary'],
    ...['base64', 'filename', 'printable', 'multipart', 'begin', '=ypart', '=yend'],
    ...['must be converted', 'attach', 'content . type', 'con"tent"-id'],
    ...['a\0', 'a\v', 'a\x7f', '=?x?q?=42oundary', '=?x?b?YmFzZTY0', 'h=content-type', 'mime_A'],
    ...['a\n --b', 'a\n\t \t:b', 'a\n--b', '; h=a; boundary', '; h=base64/', 'x h=base64'],
  ]) {
    t.equal(mayDescribeContent('X-A', ` ${value}\n`), true, JSON.stringify(value))
  }
  t.equal(mayDescribeContent('X-Signature', '; h=a; boundary'), true)
  t.equal(
    mayDescribeContent('DKIM-Signature', '; h=a:\n --b:c; b=d'),
    true,
    'a delimiter in a fold',
  )
})

t.test('other fields do not describe content', async (t) => {
  for (const name of ['Subject', 'Face', 'X-A', "!-'*-9;-<>@-~", 'x'.repeat(200)]) {
    t.equal(mayDescribeContent(name), false, name)
    t.equal(mayDescribeContent(name, ' a\n'), false, name)
  }
  for (const value of [
    ...['a -- b', 'a\n b--', 'a:\n b:', 'mime.example.org', 'mimecast', 'mime2', 'contents', ''],
    ...['content.example.org', 'content of', 'a\r\n\tb', 'é', 'MIME_VERSION', 'A_BASE64_1'],
    ...['=?x?q?=41', '=?x?b?YQ==', '=42oundary'],
  ]) {
    t.equal(mayDescribeContent('X-A', ` ${value}\n`), false, JSON.stringify(value))
  }
  for (const value of ['a; h=content-type', 'a;\n h =\n base64 :\tmime; b=c', ';h=boundary']) {
    t.equal(mayDescribeContent('DKIM-Signature', value), false, value)
    t.equal(mayDescribeContent('X-A', value), true, value)
  }
})

t.test('Content-Length is harmless if it is a length', async (t) => {
  for (const value of ['1', ' 100\r\n']) t.equal(mayDescribeContent('content-Length', value), false)
  for (const value of ['', ' a\n', '1 a', 'a 1'])
    t.equal(mayDescribeContent('Content-Length', value), true)
  t.equal(mayDescribeContent('X-Content-Length', '1'), true)
  t.equal(mayDescribeContent('Content-Length-X', '1'), true)
})

t.test('a line of a field is long above 998 bytes, without its end', async (t) => {
  const isLong = (field: string) => {
    const header = new Header(Buffer.from(field))
    return whyBound(header, header.fields[0]!) === 'long line'
  }
  const long = (more: number) => ` ${'x'.repeat(MAIL_LINE_MAX - 1 + more)}`
  for (const end of ['\n', '\r\n']) {
    t.equal(isLong(`A: b${end}${long(0)}${end} c${end}`), false)
    t.equal(isLong(`A: b${end}${long(0)}`), false)
    t.equal(isLong(`A: b${end}${long(1)}${end} c${end}`), true)
    t.equal(isLong(`A: b${end}${long(1)}`), true)
    t.equal(isLong(`A:${long(-2)}${end}`), false)
    t.equal(isLong(`A:${long(-1)}${end}`), true)
  }
})
