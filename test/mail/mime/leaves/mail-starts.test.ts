import t from 'tap'
import { Bytes } from '../../../../src/mail/message/bytes.ts'
import { fileKindOf } from '../../../../src/mail/mime/leaves/file-kind.ts'
import * as mailStarts from '../../../../src/mail/mime/leaves/mail-starts.ts'
import { doneUnlimited } from '../unlimited-work.ts'

const bytes = (text: string) => Buffer.from(text, 'latin1')
const source = (text: string) => Bytes.of(bytes(text))
const isMailToLibclamav = (file: Bytes) =>
  doneUnlimited((work) => mailStarts.isMailToLibclamav(file, work)).result
const beginsAsMail = (file: Bytes) =>
  doneUnlimited((work) => mailStarts.beginsAsMail(file, work)).result

t.test('a file that begins with one of eight fields is mail to every scanner', async (t) => {
  for (const name of [
    ...['Received', 'Return-Path', 'Delivered-To', 'Message-ID', 'Date', 'From', 'To', 'Subject'],
  ]) {
    t.equal(isMailToLibclamav(source(`${name}: a`)), true, name)
  }
  for (const text of ['', ': a', 'Cc: a', 'date: a', 'Date:a', ' Date: a', 'x\nDate: a']) {
    t.equal(isMailToLibclamav(source(text)), false, text)
  }
})

t.test('a file that begins with a field may be mail', async (t) => {
  for (const text of ['A: b', '\r\n a:b', 'a \t: b', 'From x', '>From x', 'a.b!c:']) {
    t.equal(beginsAsMail(source(text)), true, text)
  }
  for (const text of ['', 'a b: c', ': a', 'from x', 'x From y', '\xe9: b']) {
    t.equal(beginsAsMail(source(text)), false, text)
  }
  t.equal(beginsAsMail(source(`${'a'.repeat(511)}:`)), true)
  t.equal(beginsAsMail(source(`${'a'.repeat(512)}:`)), false)
})

t.test('each rule for how mail begins is for another reader', async (t) => {
  const rules = {
    known: isMailToLibclamav,
    mail: (file: Bytes) => fileKindOf(file) === 'mail',
    begins: beginsAsMail,
  }
  for (const [text, expected] of Object.entries({
    'Date: a\nTo: b\n': ['known', 'mail', 'begins'],
    'Date: a\n': ['known', 'begins'],
    'Content-Type: a/b\n': ['mail', 'begins'],
    'Two words: a\nDate: b\nTo: c\n': ['mail'],
    'A: b\n': ['begins'],
    'no field\n': [],
  })) {
    const accepting = Object.entries(rules).filter(([, accepts]) => accepts(source(text)))
    t.same(
      accepting.map(([name]) => name),
      expected,
      text,
    )
  }
})
