import t from 'tap'
import { Bytes } from '../../../../src/mail/message/bytes.ts'
import { PIECE, type Steps, Work } from '../../../../src/mail/mime/budget/work.ts'
import {
  beginsAsMail,
  beginsAsMailbox,
  hasHeader,
  isKnownAsMail,
  mailStarts,
  mayBeginFile,
  splitLineEnd,
  textPropertiesOf,
} from '../../../../src/mail/mime/leaves/content-checks.ts'
import { inChunksOf } from '../../message/bytes.ts'

const bytes = (text: string) => Buffer.from(text, 'latin1')
const source = (text: string) => Bytes.of(bytes(text))
const textOf = (from: Bytes) => Buffer.concat([...from.chunks()]).toString('latin1')

/** The outcome of a check that takes steps. */
function outcomeOf(check: (content: Bytes, work: Work) => Steps<boolean>, content: Bytes): boolean {
  const steps = check(content, new Work(content, { openFile: () => 0 }))
  let step = steps.next()
  while (!step.done) step = steps.next()
  return step.value
}
const doesHaveHeader = (content: Bytes) => outcomeOf(hasHeader, content)

const inPieces = (text: string, length: number) => inChunksOf(length, bytes(text))

t.test('the content of a part does not include its last line end', async (t) => {
  const rows = {
    'a\n': '\n',
    'a\r\n': '\r\n',
    'a\r': '\r',
    '\n': '\n',
    a: '',
    '': '',
    'a\n\n': '\n',
  }
  for (const [text, expected] of Object.entries(rows)) {
    for (const from of [source(text), inPieces(text, 1)]) {
      const { bare, end } = splitLineEnd(from)
      t.equal(end.toString(), expected, JSON.stringify(text))
      t.equal(textOf(bare), text.slice(0, text.length - expected.length))
      t.equal(bare.size, text.length - expected.length)
    }
  }
})

t.test('a text may be a file by its first character, after few blanks', async (t) => {
  for (const text of ['<', '%', '{', '#', '!', '@', '[', ' \t\r\n<a', `${' '.repeat(1023)}<`]) {
    t.equal(mayBeginFile(source(text)), true, text)
  }
  for (const text of ['', 'a', 'a<', ' \n', '\0', '\xbc', `${' '.repeat(1024)}<`]) {
    t.equal(mayBeginFile(source(text)), false, text)
  }
})

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

/** Where each message of a mailbox begins but the first, whatever chunks the mailbox comes in. */
function startsIn(mailbox: string): readonly number[] {
  const [first, ...others] = Array.from({ length: mailbox.length }, (_, at) =>
    String([...mailStarts(inPieces(mailbox, at + 1))]),
  )
  if (others.some((other) => other !== first)) throw new Error(`chunks differ: ${mailbox}`)
  return first ? first.split(',').map(Number) : []
}

t.test('a mailbox begins with the line of an mbox', async (t) => {
  for (const text of ['From a', 'From ', 'From a@b\nA: b\n\nc']) {
    t.equal(beginsAsMailbox(inPieces(text, 3)), true, text)
  }
  for (const text of ['', 'From', 'From: a', '>From a', ' From a', '\nFrom a', 'from a']) {
    t.equal(beginsAsMailbox(source(text)), false, text)
  }
})

t.test('the next mail of a mailbox begins below an empty line', async (t) => {
  t.same(startsIn('From a\n\nb\n\nFrom c\n\nd\n\n\nFrom e\n'), [11, 23])
  t.same(startsIn('From a\r\n\r\nb\r\n\r\nFrom c\r\n'), [15])
  t.same(startsIn('From a\n\n\nFrom b\n\nFrom c\n'), [9, 17])
  t.same(startsIn('From a\n\nFrom b\r\n\r\nFrom c\n'), [8], 'by one kind of line ends')
  for (const text of [
    ...['From a\n\nb\nFrom c\n', 'From a\n\nb\n\n>From c\n', 'From a\n\nb\n\nFrom: c\n'],
    ...['From a\n\nb\n \nFrom c\n', 'From a\n\nb\n\n From c\n', 'From a\n\nb\r\n\nFrom'],
  ]) {
    t.same(startsIn(text), [], JSON.stringify(text))
  }
})

t.test('a text has printable characters and line ends alone', async (t) => {
  const inspect = (text: string, length: number) => {
    const content = inPieces(text, length)
    const openFile = () => {
      throw new Error('no file is needed')
    }
    const steps = textPropertiesOf(content, new Work(content, { openFile }))
    const { done, value } = steps.next()
    if (!done) throw new Error('such a short text takes no turn')
    const { isText, lf, crlf } = value
    return [isText ? 'text' : 'data', lf ? 'LF' : '', crlf ? 'CRLF' : ''].join(' ').trim()
  }
  const rows: Readonly<Record<string, string>> = {
    '': 'text',
    'a\t\f\xe9~': 'text',
    'a\nb\n': 'text LF',
    'a\r\nb': 'text  CRLF',
    'a\r\nb\n': 'text LF CRLF',
    'a\rb': 'data',
    'a\r\r\n': 'data  CRLF',
    'a\r\tb': 'data',
    'a\0b': 'data',
    'a\x1f': 'data',
  }
  for (const [text, expected] of Object.entries(rows)) {
    for (const length of [1, 2, 100]) {
      t.equal(inspect(text, length), expected, `${JSON.stringify(text)} by ${length}`)
    }
  }
  // What is looked at goes on in the next piece of a chunk, and nothing is looked at twice.
  t.equal(inspect(`${'a'.repeat(PIECE - 1)}\r\nb`, 2 * PIECE), 'text  CRLF')
  t.equal(inspect(`${'a'.repeat(PIECE)}\n\r`, 2 * PIECE), 'text LF')
})
