import t from 'tap'
import { Bytes } from '../../../../src/mail/message/bytes.ts'
import { type FileContent, variantBy } from '../../../../src/mail/mime/leaves/file-variant.ts'
import { NO_LINE_END } from '../../../../src/mail/mime/leaves/text-properties.ts'
import { savingQuirks } from '../../../../src/mail/mime/quirks/file-quirks.ts'
import { type ChoiceOf, everyWay, Way } from '../../../../src/mail/mime/quirks/way.ts'
import { decode } from '../decoders/decode.ts'

type SavingQuirk = keyof typeof savingQuirks

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

/** The file that a program saves in this way, or undefined if one saves the same in another. */
function fileBy(way: Way, content: FileContent): string | undefined {
  const variant = variantBy(way, content)
  if (variant === undefined) return undefined
  const { bytes, make, end } = variant
  const text = bytes.gather().toString('latin1')
  return (make === undefined ? text : decode(make, text)) + end.toString('latin1')
}

/** A content of each quirk, and the files that its choices make, in their order. */
const contents: { readonly [Name in SavingQuirk]: readonly [FileContent, ...string[]] } = {
  'flowed line': [contentOf('a \nb', { isFlowed: true }), 'a \nb', 'ab'],
  'stuffed line': [contentOf(' a\n b', { isStuffed: true }), ' a\n b', 'a\nb'],
  'line ends': [contentOf('a\r\nb\nc\rd'), 'a\r\nb\nc\rd', 'a\nb\nc\rd', 'a\r\nb\r\nc\rd', 'a\nb\ncd', 'a\r\nb\r\ncd'], // biome-ignore format: a line
  'last line end': [contentOf('a\n', { end: '\n', shorter: 'a' }), 'a\n', 'a\n\n', 'a'],
}

t.test('each choice for a quirk of files saves another one', async (t) => {
  for (const [quirk, [content, ...files]] of Object.entries(contents)) {
    const { choices } = savingQuirks[quirk as SavingQuirk]
    const saved = choices.map(({ does }) => fileBy(Way.of({ [quirk]: does }), content))
    t.same(saved, files, quirk)
    t.equal(new Set(files).size, choices.length, quirk)
  }
})

t.test('a file is saved once for each way that makes a difference, and never twice', async (t) => {
  const rows: readonly (readonly [FileContent, ...string[]])[] = [
    [contentOf('a'), 'a'],
    [contentOf('a\nb'), 'a\nb', 'a\r\nb'],
    [contentOf('a\r\nb'), 'a\r\nb', 'a\nb'],
    [contentOf('a\rb'), 'a\rb', 'ab'],
    [contentOf('a\r\r\nb'), 'a\r\r\nb', 'a\r\nb', 'a\nb'],
    [contentOf('a', { end: '\n' }), 'a', 'a\n', 'a\r\n'],
    [contentOf('a\nb', { end: '\n' }), 'a\nb', 'a\nb\n', 'a\r\nb', 'a\r\nb\r\n'],
    [contentOf('a\r\n', { shorter: 'a' }), 'a\r\n', 'a\n', 'a'],
    [contentOf('a\n', { end: '\n', shorter: 'a' }), 'a\n', 'a\n\n', 'a\r\n', 'a\r\n\r\n', 'a'],
    [contentOf(' a \nb', { isFlowed: true, isStuffed: true }), ' a \nb', ' a \r\nb', 'ab', 'a \nb'],
  ]
  for (const [content, ...files] of rows) {
    const found: string[] = []
    for (const way of everyWay(100)) {
      const file = fileBy(way, content)
      if (file !== undefined) found.push(file)
    }
    t.same(new Set(found), new Set(files), JSON.stringify(files[0]))
  }
})

t.test(
  'a file is opened unless it differs in its line ends alone, which a binary file does not',
  async (t) => {
    const isLikeOther = (
      text: string,
      ends: ChoiceOf<'line ends'>,
      last: ChoiceOf<'last line end'> = 'is not saved',
    ) =>
      variantBy(
        Way.of({ 'line ends': ends, 'last line end': last }),
        contentOf(text, { end: '\n', shorter: text.slice(0, -1) }),
      )!.isLikeOther
    const text = 'a\r\nb\n'
    t.notOk(isLikeOther(text, 'stay'))
    t.ok(isLikeOther(text, 'are LF'))
    t.ok(isLikeOther(text, 'are CR LF'))
    t.ok(isLikeOther(text, 'stay', 'is saved'))
    t.ok(isLikeOther(text, 'stay', 'is not saved, nor is one above it'))
    t.notOk(isLikeOther('a\0\r\nb\n', 'are LF'))
    t.ok(isLikeOther('a\0\r\nb\n', 'are CR LF'))
    t.notOk(isLikeOther('a\r\nb\rc\n', 'are LF, and other CRs are removed'))
    t.ok(isLikeOther('a\0\r\nb\n', 'are LF', 'is saved'))
  },
)
