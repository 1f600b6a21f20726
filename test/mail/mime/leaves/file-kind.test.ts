import t from 'tap'
import { Bytes } from '../../../../src/mail/message/bytes.ts'
import { fileKindOf, hasContentField } from '../../../../src/mail/mime/leaves/file-kind.ts'
import { inChunksOf } from '../../message/bytes.ts'

const bytes = (text: string) => Buffer.from(text, 'latin1')
const kind = (text: string) => fileKindOf(Bytes.of(bytes(text)))
const head = 'From: a@b\nTo: c@d\nSubject: x\n\nhello\n'

t.test(
  'a message begins with a field, and has one about content or two others of mail',
  async (t) => {
    const long = `X: ${'x'.repeat(70)}\n`.repeat(1000)
    for (const text of [
      head,
      head.replaceAll('\n', '\r\n'),
      `\r\n\n ${head}`,
      `From a@b\n${head}`,
      'A: b\nContent-Type: text/plain\n\nx',
      'A: b\nMIME-Version : 1.0\n\nx',
      `A: b\nno field\n${'x'.repeat(5000)}\ncontent-type: x\n`,
      `${long}Content-Type: text/plain\n\nx`,
      `\n \n\n${long}Content-Type: text/plain\n\nx`,
      `\r\n\r\n${long.replaceAll('\n', '\r\n')}Content-Type: text/plain\r\n\r\nx`,
      `A: b\n\r\n${long}Content-Type: text/plain\n\nx`,
    ]) {
      t.equal(kind(text), 'mail', text.slice(0, 60))
      t.equal(fileKindOf(inChunksOf(3, bytes(text))), 'mail', 'in pieces')
    }
  },
)

t.test('a text whose lines look like fields is no message', async (t) => {
  for (const text of [
    'Date: 1.1.2026\na chat of two\n\nAnn: hello\n\nBob: hello\n',
    'Q: what?\nA: nothing\n\n'.repeat(20),
    'kind: Pod\nname: p\n\n'.repeat(20),
    'From: dump\n-- row\n-- row\n',
    'msgid ""\nmsgstr ""\n"MIME-Version: 1.0\\n"\n"Content-Type: text/plain\\n"\n\n#: a.c:1\nmsgid "a"\n',
    'BEGIN:VCARD\nVERSION:3.0\nFN:a\n\n',
    '',
  ])
    t.equal(kind(text), 'unknown', text.slice(0, 60))
})

t.test('a mailbox has several messages', async (t) => {
  const mail = `From a@b Mon Sep 17 00:00:00 2001\n${head}\n`
  t.equal(kind(mail.repeat(20)), 'mailbox')
  t.equal(kind(mail.repeat(2).replaceAll('\n', '\r\n')), 'mailbox')
  const long = mail.replace('hello', 'hello\n'.repeat(5000)) + mail
  for (const text of [long, long.replaceAll('\n', '\r\n')]) t.equal(kind(text), 'mailbox')
  t.equal(kind(mail), 'mail')
  t.equal(kind(`>${mail}${mail}`), 'mail')
})

t.test(
  'a file of a known type is no mail, also with a field about content further down',
  async (t) => {
    for (const text of ['\x89PNG\r\n\x1a\n', '%PDF-1.4\n', 'PK\x03\x04'])
      t.equal(kind(`${text}\nContent-Type: x\n`), 'file')
    t.ok(hasContentField(Bytes.of(bytes('PK\x03\x04\nContent-Type: x\n'))))
    t.notOk(hasContentField(Bytes.of(bytes('PK\x03\x04\n"Content-Type: x\n'))))
  },
)
