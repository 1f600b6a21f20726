import t from 'tap'
import { uuencode } from '../../../../src/mail/mime/decoders/uuencode.ts'
import { Way } from '../../../../src/mail/mime/quirks/way.ts'
import { decode, quirksOf, ways } from './decode.ts'

// `#86)C` is abc, `"86(` is ab, `!80` is a; a back-tick or a blank stands for six zero bits.

type Choices = Parameters<typeof Way.of>[0]

const NOT_SHORTER = { 'uuencode line': 'is data if it is not shorter, and in capitals' } as const

t.test('lines of uuencode are decoded as each reader does', async (t) => {
  const rows: readonly (readonly [Choices, string, string])[] = [
    [{}, '#86)C\n', 'abc'],
    [{}, '#86)C\r\n"86(\r!80', 'abcaba'],
    [{}, '#86)C\n\n#86)C\n', 'abcabc'],
    [{}, '#86)C\n`\nend\n#86)C\n', 'abc'],
    [{}, '#86)C\n \n#86)C\n', 'abc'],
    [{}, '#86)C\nEnd\n#86)C\n', 'abc'],
    [{}, '#86)C\nend \n#86)C\n', 'abcabc'],
    [{}, '`\nend\n#86)C\n', 'abc'],
    [{}, '#86\n', 'a`\0'],
    [{}, '#86)\n', 'ab@'],
    [{}, '&86)C\n#86)C\n', 'abc\0\0\0abc'],
    [{}, '&86)C8\n', 'abc`\0\0'],
    [{}, '#86)C1234\n', 'abc'],
    [{}, '#86)C12345\n', ''],
    [{}, '#86)C\n`abcd\n#86)C\n', 'abcabc'],
    [{}, '#86)C\nxnd\nexd\nenx\n#86)C\n', 'abcabc'],
    [{}, '\x1f86)C\n~86)C\n', ''],
    [{ 'uuencode end': 'is data' }, '#86)C\n`\nend\n#86)C\n', 'abcabc'],
    [NOT_SHORTER, '#86)C\n#86)\n#86)c\n"86)C1\n', 'abcab'],
    [NOT_SHORTER, '#86)a\n#86)z\n#86){\n#86)`\n', 'ab[ab@'],
    [{ 'uuencode line': 'is data if it is as long, and in capitals' }, '#86)C\n#86)C1\n', 'abc'],
    [{}, '#86)C\n\n\n#86)C\n', 'abcabc'],
    [{}, '#86)C\n`\n#86)C\n', 'abc'],
    [
      { 'uuencode line': 'is data as far as it has whole groups of four' },
      '#86)C\nX: \nM86)C8\n!86)C\n',
      'abcabca',
    ],
  ]
  for (const [choices, text, expected] of rows) {
    const decoded = decode(uuencode, text, Way.of(choices))
    t.equal(decoded, expected, `${JSON.stringify(choices)} ${text}`)
  }
})

const ON = { 'uuencode end': 'is data' } as const
/** The other choices about lines, in short words; `on` has data behind the end, too. */
const CHOICES = {
  on: ON,
  whole: { 'uuencode line': 'is data if it is not shorter, and in capitals' },
  exact: { 'uuencode line': 'is data if it is as long, and in capitals' },
  groups: { 'uuencode line': 'is data as far as it has whole groups of four' },
  KMime: { 'uuencode line': 'goes on in the next line' },
  records: { 'uuencode line': 'ends where it declares to' },
  pieces: { 'uuencode line': 'ends after 127 characters' },
} as const satisfies Readonly<Record<string, Choices>>
const by = (word: keyof typeof CHOICES, text: string) =>
  decode(uuencode, text, Way.of(CHOICES[word]))

t.test('other readers decode lines of uuencode as they find them', async (t) => {
  // What each way makes of a text, and what the ways make of it that are not named.
  const rows: Readonly<Record<string, Readonly<Record<string, string>>>> = {
    '"86\n`\nend\n#86)C': {
      ...{ usual: 'a`', on: 'a`abc', KMime: 'a' },
      // To these the first line is not data, so that nothing has ended.
      ...{ whole: 'abc', exact: 'abc', groups: 'abc' },
    },
    '#86)C86)C': { usual: 'abc', exact: '', records: `abcX\x98\xc0${'\0'.repeat(21)}` },
    '#86)Ca': { usual: 'abc', whole: '', exact: '', records: 'abc\0' },
    '#86)c': { usual: 'abC', whole: '', exact: '', KMime: 'ab' },
    '#86': {
      ...{ usual: 'a`\0', whole: '', exact: '', groups: '', KMime: 'a' },
    },
    '#86)C86)C8': {
      ...{ usual: 'abc', common: '', on: '', whole: '', exact: '' },
      ...{ records: `abcX\x98\xd8${'\0'.repeat(21)}` },
    },
  }
  for (const [text, { usual, ...named }] of Object.entries(rows)) {
    for (const word of Object.keys(CHOICES) as (keyof typeof CHOICES)[])
      t.equal(by(word, text), named[word] ?? usual, `${JSON.stringify(text)} ${word}`)
    t.equal(decode(uuencode, text), named.common ?? usual, text)
  }
})

t.test('some readers go on behind an end, and take other lines for data, too', async (t) => {
  const text = '#86)C1\n`\nend\n#86)C\n'
  t.equal(decode(uuencode, text), 'abc')
  t.equal(by('on', text), 'abcabc')
  t.equal(decode(uuencode, text, Way.of({ ...ON, ...CHOICES.whole })), 'abcabc')
  t.equal(decode(uuencode, text, Way.of({ ...ON, ...CHOICES.exact })), 'abc')
})

t.test('groups of uuencode go on in the next line, as KMime reads them', async (t) => {
  const rows: Readonly<Record<string, string>> = {
    '!04)\n" a)#\n`\nend\n#04)#\n': 'AI',
    '!04)# \n': 'A',
    '#04end)#\n#04)#\n': 'ABCABC',
    '#0```\nx\n': '@\0\0',
    'e04)#\n': '',
    '&04)#\ne04)#\n': 'ABCABC',
    '&04)#\n 04)#\n': 'ABCABC',
    '&04)#\n`04)#\n': 'ABC',
  }
  for (const [text, expected] of Object.entries(rows)) {
    t.equal(by('KMime', text), expected, JSON.stringify(text))
  }
})

t.test('lines of uuencode end where readers end them', async (t) => {
  t.equal(by('records', '#04)#"04)#\n`\r\nend\n'), 'ABCAB')
  t.equal(by('pieces', `#86)C${' '.repeat(122)}#86)C\n\`\nend\n`), 'abcabc', 'as programs in C')
})

t.test('readers that go on behind an end differ about the lines below it, too', async (t) => {
  const text = '#86)C\n`\nend\n#86)C12345\n'
  t.equal(by('on', text), 'abc')
  t.equal(decode(uuencode, text, Way.of({ ...ON, ...CHOICES.groups })), 'abcabc')
})

t.test('a line of any length is one line', async (t) => {
  const text = `#${'86)C'.repeat(50_000)}\n#04)#\n`
  t.equal(decode(uuencode, text), 'ABC')
})

t.test('uuencode is decoded in other ways only if readers may differ about it', async (t) => {
  const asked = (text: string) => quirksOf(uuencode, text)
  const regular = ['#86)C\n`\nend\n', '#86)C\nend\n', '#86)C\n', '#86)C\n`\nend\n\n']
  for (const text of [...regular, '#86)C\r\n\r\n#86)C\r\n`\r\nend\r\n']) {
    t.same(asked(text), [], text)
  }
  t.same(asked('#86)C\n`\nend\nmore\n'), ['uuencode end'])
  for (const line of ['#86)`', '#86)_']) t.same(asked(`${line}\nend\n`), [], line)
  for (const line of [
    '"86($\n#86)c',
    '#86) ',
    '#86\x1f$',
    '#86)C1',
    '#86)c',
    '#86)',
    '#86)C\r#86)C',
    'x',
    '#86)\x7f',
  ]) {
    const text = `#86)C\n${line}\n#86)C\nend\n`
    t.same(asked(text), ['uuencode line'], line)
    const made = Object.keys(ways(uuencode, text)).join()
    for (const { 'uuencode line': does } of Object.values<Choices>(CHOICES))
      if (does) t.match(made, `uuencode line ${does}`, line)
  }
})

t.test('of regular lines KMime alone makes something else', async (t) => {
  // What the common readers make of a text, and what KMime makes of it.
  const rows: Readonly<Record<string, readonly [string, string]>> = {
    '!86)C\r#86)C\n': ['aabc', 'a'],
    '#86)C\nEND\n': ['abc', 'abc\xba'],
    '#86)C\n`\n#86)C\nend\n#86)C\n': ['abc', 'abcabc'],
    'end\n#86)C\n': ['abc', ''],
  }
  for (const [text, [common, byKMime]] of Object.entries(rows)) {
    t.equal(decode(uuencode, text), common, text)
    t.equal(by('KMime', text), byKMime, text)
  }
})
