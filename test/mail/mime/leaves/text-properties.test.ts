import t from 'tap'
import { Bytes } from '../../../../src/mail/message/bytes.ts'
import { PIECE, Work } from '../../../../src/mail/mime/budget/work.ts'
import {
  mayBeginFile,
  splitLineEnd,
  textPropertiesOf,
} from '../../../../src/mail/mime/leaves/text-properties.ts'
import { inChunksOf } from '../../message/bytes.ts'
import { doneUnlimited } from '../unlimited-work.ts'

const bytes = (text: string) => Buffer.from(text, 'latin1')
const source = (text: string) => Bytes.of(bytes(text))
const textOf = (from: Bytes) => Buffer.concat([...from.chunks()]).toString('latin1')
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

const mayBe = (text: string) => doneUnlimited((work) => mayBeginFile(source(text), work)).result

t.test('a text may be a file by its first character, after few blanks', async (t) => {
  for (const text of ['<', '%', '{', '#', '!', '@', '[', ' \t\r\n<a', `${' '.repeat(1023)}<`]) {
    t.equal(mayBe(text), true, text)
  }
  for (const text of ['', 'a', 'a<', ' \n', '\0', '\xbc', `${' '.repeat(1024)}<`]) {
    t.equal(mayBe(text), false, text)
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
    const { isText, hasLf, hasCrlf } = value
    return [isText ? 'text' : 'data', hasLf ? 'LF' : '', hasCrlf ? 'CRLF' : ''].join(' ').trim()
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
  // The inspection continues in the next piece of a chunk, and inspects no byte twice.
  t.equal(inspect(`${'a'.repeat(PIECE - 1)}\r\nb`, 2 * PIECE), 'text  CRLF')
  t.equal(inspect(`${'a'.repeat(PIECE)}\n\r`, 2 * PIECE), 'text LF')
})
