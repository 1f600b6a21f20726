import t from 'tap'
import { Bytes } from '../../../../src/mail/message/bytes.ts'
import { type Steps, Work } from '../../../../src/mail/mime/budget/work.ts'
import {
  beginsAsMail,
  beginsAsMailbox,
  hasHeader,
  isKnownAsMail,
} from '../../../../src/mail/mime/leaves/mail-starts.ts'
import { inChunksOf } from '../../message/bytes.ts'

const bytes = (text: string) => Buffer.from(text, 'latin1')
const source = (text: string) => Bytes.of(bytes(text))

/** The outcome of a check that takes steps. */
function outcomeOf(check: (content: Bytes, work: Work) => Steps<boolean>, content: Bytes): boolean {
  const steps = check(content, new Work(content, { openFile: () => 0 }))
  let step = steps.next()
  while (!step.done) step = steps.next()
  return step.value
}
const doesHaveHeader = (content: Bytes) => outcomeOf(hasHeader, content)

const inPieces = (text: string, length: number) => inChunksOf(length, bytes(text))

t.test('a file that begins with one of eight fields is mail to every scanner', async (t) => {
  for (const name of [
    ...['Received', 'Return-Path', 'Delivered-To', 'Message-ID', 'Date', 'From', 'To', 'Subject'],
  ]) {
    t.equal(isKnownAsMail(source(`${name}: a`)), true, name)
  }
  for (const text of ['', ': a', 'Cc: a', 'date: a', 'Date:a', ' Date: a', 'x\nDate: a']) {
    t.equal(isKnownAsMail(source(text)), false, text)
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
  t.equal(doesHaveHeader(inPieces('A: b\n\nc', 2)), true)
  t.equal(doesHaveHeader(source('A: b\r\n\r\nc')), true)
  for (const text of ['A: b\nc', 'a b\n\nc', 'A: b\r\nC: d\r\n']) {
    t.equal(doesHaveHeader(source(text)), false, text)
  }
  t.equal(doesHaveHeader(source(`A: ${'b'.repeat(507)}\n\n`)), true)
  const field = `A: ${'b'.repeat(70)}\n`
  for (const lines of [
    field,
    field.repeat(9000),
    `${field} c\n`,
    `${'a line\n'.repeat(8)}${field}`,
  ]) {
    t.equal(doesHaveHeader(source(`${field.repeat(8)}${lines}\n`)), true)
  }
  t.equal(doesHaveHeader(source(`${field.repeat(8)}${' fold\n'.repeat(9)}\n`)), true)
  t.equal(doesHaveHeader(source(`\n${field.repeat(8)}`)), false)
  for (const lines of ['', 'a line\n'.repeat(9), field.repeat(15_000)]) {
    t.equal(doesHaveHeader(source(`${field.repeat(8)}${lines}${lines && '\n'}`)), false)
  }
})

t.test('a mailbox begins with the line of an mbox', async (t) => {
  for (const text of ['From a', 'From ', 'From a@b\nA: b\n\nc']) {
    t.equal(beginsAsMailbox(source(text)), true, text)
  }
  for (const text of ['', 'From', 'From: a', '>From a', ' From a', '\nFrom a', 'from a']) {
    t.equal(beginsAsMailbox(source(text)), false, text)
  }
})
