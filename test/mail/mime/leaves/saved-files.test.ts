import t from 'tap'
import { Bytes } from '../../../../src/mail/message/bytes.ts'
import {
  type FileContent,
  type SavedFile,
  savedFiles,
} from '../../../../src/mail/mime/leaves/saved-files.ts'
import { NO_LINE_END } from '../../../../src/mail/mime/leaves/text-properties.ts'
import { decode } from '../decoders/decode.ts'

const bytesOf = (text: string) => Bytes.of(Buffer.from(text, 'latin1'))

interface Traits {
  readonly end?: string
  readonly shorter?: string
  readonly isFlowed?: true
  readonly isStuffed?: true
}

/** A content whose line ends are those of its text and of the line end below it. */
function contentOf(text: string, { end = '', shorter, ...traits }: Traits = {}): FileContent {
  const all = text + end
  return {
    bare: bytesOf(text),
    end: end === '' ? NO_LINE_END : Buffer.from(end),
    shorter: shorter === undefined ? undefined : bytesOf(shorter),
    lines: {
      lf: /(?<!\r)\n/.test(all),
      crlf: all.includes('\r\n'),
      cr: /\r(?!\n)/.test(all),
      isText: !/\0|\r(?!\n)/.test(all),
    },
    isFlowed: false,
    isStuffed: false,
    ...traits,
  }
}

function textOf({ bytes, make, end }: SavedFile): string {
  const text = bytes.gather().toString('latin1')
  return (make === undefined ? text : decode(make, text)) + end.toString('latin1')
}

t.test('a file is saved once in each way that makes a difference', async (t) => {
  const rows: readonly (readonly [FileContent, ...string[]])[] = [
    [contentOf('a'), 'a'],
    [contentOf('a\nb'), 'a\nb', 'a\r\nb'],
    [contentOf('a\r\nb'), 'a\r\nb', 'a\nb'],
    [contentOf('a\rb'), 'a\rb', 'ab'],
    [contentOf('a\r\r\nb'), 'a\r\r\nb', 'a\r\nb', 'a\nb'],
    [contentOf('a\r\nb\nc\rd'), 'a\r\nb\nc\rd', 'a\nb\nc\rd', 'a\r\nb\r\nc\rd', 'a\nb\ncd', 'a\r\nb\r\ncd'], // biome-ignore format: a line
    [contentOf('a', { end: '\n' }), 'a', 'a\n', 'a\r\n'],
    [contentOf('a\nb', { end: '\n' }), 'a\nb', 'a\nb\n', 'a\r\nb', 'a\r\nb\r\n'],
    [contentOf('a\r\n', { shorter: 'a' }), 'a\r\n', 'a\n', 'a'],
    [contentOf('a\n', { end: '\n', shorter: 'a' }), 'a\n', 'a\n\n', 'a\r\n', 'a\r\n\r\n', 'a'],
    [contentOf('a \nb', { isFlowed: true }), 'a \nb', 'a \r\nb', 'ab'],
    [contentOf(' a\n b', { isStuffed: true }), ' a\n b', ' a\r\n b', 'a\nb'],
    [contentOf(' a \nb', { isFlowed: true, isStuffed: true }), ' a \nb', ' a \r\nb', 'ab', 'a \nb'],
  ]
  for (const [content, ...files] of rows) {
    const found = Array.from(savedFiles(content), textOf)
    t.same(new Set(found), new Set(files), JSON.stringify(files[0]))
  }
})

t.test('a text that differs in its line ends alone is not opened again', async (t) => {
  const opened = (text: string) =>
    Array.from(savedFiles(contentOf(text, { end: '\n', shorter: text.slice(0, -1) })))
      .filter(({ differsInLineEndsAlone }) => !differsInLineEndsAlone)
      .map(textOf)
  t.same(opened('a\r\nb\n'), ['a\r\nb\n'])
  t.same(opened('a\0\r\nb\n'), ['a\0\r\nb\n', 'a\0\nb\n'])
  t.same(opened('a\r\nb\rc\n'), ['a\r\nb\rc\n', 'a\nb\rc\n', 'a\nbc\n'])
})
