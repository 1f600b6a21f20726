import fc from 'fast-check'
import t from 'tap'
import { base64 } from '../../../../src/mail/mime/decoders/base64.ts'
import { Way } from '../../../../src/mail/mime/quirks/way.ts'
import { decode, quirksOf, ways } from './decode.ts'

/** What readers of mail make of base64, each in its way, whatever pieces it comes in. */

const ONES = 'ends the data, and is a byte of ones'
const UNDECODED = 'leaves all undecoded, without its line ends'

type Choices = Parameters<typeof Way.of>[0]

t.test('base64 is decoded as each reader does', async (t) => {
  const on = (text: string) => Buffer.from(text, 'base64').toString('latin1')
  const high = (text: string) =>
    String.fromCharCode(...Buffer.from(text).map((byte) => byte | 0x80))
  const vmime = { 'base64 with others': 'is six bits that are set' } as const
  const rows: readonly (readonly [Choices, string, string])[] = [
    [{}, 'YWJj', 'abc'],
    [{}, ' Y\tW\r\nJ\vj\f\0', 'abc'],
    [{}, 'YQ==', 'a'],
    [{}, 'YWI=', 'ab'],
    [{}, 'Y', ''],
    [{}, '', ''],
    [{}, 'QUJDQU', 'ABCA'],
    [{}, 'AZaz09+/', on('AZaz09+/')],
    [{}, 'YQ==YWJj', on('YQYWJj')],
    [{}, 'YQ!YWJj', on('YQYWJj')],
    [{}, 'YQ\nYWJj', on('YQYWJj')],
    [{}, 'Y-W_J,j', 'abc'],
    [{}, `${high('YWJj')}YWJj`, 'abc'],
    [{ 'base64 with eight bits': 'loses its highest bit' }, high('YWJj'), 'abc'],
    [{ 'base64 with eight bits': 'loses its highest bit' }, `YWJj${high(' ')}YWJj`, 'abcabc'],
    [{ 'base64 of URLs': 'is data' }, '-_-,', on('+/+/')],
    [{ 'base64 padding': 'begins a new group of four' }, 'YQ==YWJj', 'aabc'],
    [{ 'base64 padding': 'begins a new group of four' }, 'YQ=\n=YWJj', 'aabc'],
    [{ 'base64 padding': 'ends the data' }, 'YQ==YWJj', 'a'],
    [{ 'base64 padding': 'ends the data' }, 'YWJj', 'abc'],
    [{ 'base64 padding': 'takes a byte from its group of four' }, 'YQ==YWJj', 'aabc'],
    [{ 'base64 padding': 'takes a byte from its group of four' }, 'YWI=YWJj', 'ababc'],
    [{ 'base64 padding': 'takes a byte from its group of four' }, 'YWJj====', 'abc\0'],
    [{ 'base64 padding': 'takes a byte from its group of four' }, 'QU=DQUJD', 'A@ABC'],
    [{ 'base64 padding': 'takes a byte from its group of four' }, '=QUJQUJD', '\x01\x05ABC'],
    [{ 'base64 padding': 'takes a byte from its group of four' }, '===QQUJD', '\x00ABC'],
    [{ 'base64 padding': 'takes a byte from its group of four' }, 'QUJDQ', 'ABC@'],
    [{ 'base64 padding': 'takes a byte from its group of four' }, 'QUJDQU', 'ABCA'],
    [{ 'base64 end': 'is dropped' }, 'YWJjYQ', 'abc'],
    [{ 'base64 end': 'is dropped' }, 'YWJjYWI', 'abc'],
    [{ 'base64 end': 'is dropped' }, 'YWJjYQ=', 'abc'],
    [{ 'base64 end': 'is dropped' }, 'YWJjYQ==', 'abca'],
    [{ 'base64 end': 'is dropped' }, 'YWJjYWI=', 'abcab'],
    [{ 'base64 end': 'is dropped', 'base64 padding': 'ends the data' }, 'QUJDRA==', 'ABCD'],
    [{ 'base64 end': 'is a byte at least' }, 'YWJjY', 'abc`'],
    [{ 'base64 end': 'is a byte at least' }, 'YWJjYQ', 'abca'],
    [{ 'base64 with others': 'is six bits that are set' }, 'YWJ!YWJj', 'ab\xffabc'],
    [{ 'base64 with others': 'is six bits that are set' }, 'Y!Jj', 'c\xf2c'],
    [vmime, '*UJDQUJD', '\xfdBCABC'],
    [vmime, 'QU\nJDQQ==QUJD', 'ABCA'],
    [{ 'base64 with others': 'begins a new group of four' }, 'YQ!YWJj', 'aabc'],
    [{ 'base64 with others': 'ends the data' }, 'YQ!YWJj', 'a'],
    [{ 'base64 blank': 'ends the data' }, 'YWJj\r\nYWJj YWJj', 'abcabc'],
    [{ 'base64 blank': 'ends the data' }, 'YWJj\nY\fWJj', 'abc'],
    [{ 'base64 with others': ONES }, 'YWJj-YWJj', 'abc\xff'],
    [{ 'base64 with others': ONES }, 'YWJjYQ!YWJj', 'abc\xffa'],
    [{ 'base64 with others': ONES }, 'YWJjYWI\0YWJj', 'abc\xffab'],
    [{ 'base64 last character': UNDECODED }, 'YW J\r\nj!\nY', 'YW Jj!Y'],
    [{ 'base64 line': 'ends the group' }, 'YQ\nYWJj', 'aabc'],
    [{ 'base64 line': 'ends the group' }, 'YW\r\nYWJj', 'aabc'],
    [{ 'base64 line': 'ends the group' }, 'YWJj\nYWJj', 'abcabc'],
  ]
  for (const [choices, text, expected] of rows) {
    const decoded = decode(base64, text, Way.of(choices))
    t.equal(decoded, expected, `${JSON.stringify(choices)} ${text}`)
  }
})

t.test('base64 asks where readers differ', async (t) => {
  const rows: Readonly<Record<string, readonly string[]>> = {
    '': [],
    'YWJj\r\nYQ==\r\n\r\n': [],
    'YWI=': [],
    'YW\xd7Jj': ['base64 with eight bits', 'base64 with others'],
    YWJjYQ: ['base64 end'],
    YWJjY: ['base64 last character', 'base64 end'],
    'YQ=': ['base64 end'],
    'YW-Jj': ['base64 of URLs', 'base64 with others'],
    YW_Jj: ['base64 of URLs', 'base64 with others'],
    'YW,Jj': ['base64 of URLs', 'base64 with others'],
    'YW!Jj': ['base64 with others'],
    'YQ==YQ==': ['base64 padding'],
    'YQ==YQ==YQ==': ['base64 padding'],
    'YWJj=': ['base64 padding'],
    'Y=': ['base64 padding', 'base64 last character', 'base64 end'],
    'YW\0Jj': ['base64 with others', 'base64 blank'],
    'YW Jj': ['base64 blank'],
    'YWJj \r\n\tYWJj': ['base64 blank'],
    'YW\nJj': ['base64 line'],
    ['AAAAAA\n'.repeat(400)]: ['base64 line'],
  }
  for (const [text, expected] of Object.entries(rows)) {
    t.same(quirksOf(base64, text), expected, text)
  }
})

t.test('base64 is decoded in each way about each thing that is odd', async (t) => {
  const rows: Readonly<Record<string, readonly [count: number, ...others: string[]]>> = {
    'YWJj\nYWI=\n': [0],
    // A new group, the end, VMime and PHP.
    'YW!JjZA==': [4, 'a', 'a&6@', 'ao\xc9\x8d\x90', '\xffa'],
    'YW!JjYQ': [6, '\xffa', '', 'a&6\x10', 'abc', 'abca', 'ao\xc9'],
    // A new group, two ends, and groups of four as Thunderbird has them.
    'YWJj=YWJj': [4, 'abc', 'abc\x01\x85\x8c', 'abcabc'],
    'YWJ\njYWJj': [1, 'ab\x8d\x85\x89'],
    YWJjYQ: [2, 'abc', 'abca'],
    YWJjY: [3, 'abc', 'abc`', 'YWJjY'],
    'YWJ\njYQ': [3, 'ab\x8d\x84', 'abc', 'abca'],
    'YW-jYWJj': [
      8,
      '\xffa',
      '',
      'a\x8d\x85\x89',
      'ah\xd8',
      'ah\xd8X\x98',
      'ao\xa3abc',
      'ao\xe3abc',
    ],
    // Its low bits, a new group, the end, VMime and PHP.
    'YW\xd7JjYWJj': [5, '\xffa', 'a', 'a&6\x16&', 'ae\x89\x8d\x85\x89', 'ao\xc9\x8d\x85\x89'],
  }
  for (const [text, [count, ...expected]] of Object.entries(rows)) {
    const { common: _, ...others } = ways(base64, text)
    t.equal(Object.keys(others).length, count, text)
    t.same(new Set(Object.values(others)), new Set(expected), text)
  }
  const all = ways(base64, 'YW!J-_,jZ\nA=YW\xd7J')
  t.equal(Object.keys(all).length, 16, 'within the limits of a second look')
})

t.test('long base64 is decoded like short base64, in lines or not', async (t) => {
  const content = Buffer.from(Array.from({ length: 50_000 }, (_, n) => (n * 7919) >> 3))
  const encoded = content.toString('base64')
  const lines = (length: number, end: string) =>
    encoded.replace(new RegExp(`.{${length}}`, 'g'), `$&${end}`)
  const texts = [encoded, lines(76, '\n'), lines(76, '\r\n'), lines(77, '\r\n'), lines(3000, '\n')]
  const junk = encoded.slice(0, 30_000).replace(/.{5000}/g, '$&!') + encoded.slice(30_000)
  const dashes = encoded.slice(0, 30_000).replace(/.{5000}/g, '$&-') + encoded.slice(30_000)
  const open = `A${encoded.slice(0, 4000)}\n${encoded.slice(4000)}`
  for (const text of [...texts, junk, dashes]) {
    t.equal(decode(base64, text), content.toString('latin1'))
  }
  const shifted = Buffer.from(open.replace('\n', ''), 'base64').toString('latin1')
  t.equal(decode(base64, open), shifted, 'a group that is open goes on')
})

t.test('odd lines of one length are decoded as byte by byte', async () => {
  const read = (text: string, way = new Way()) =>
    JSON.stringify([decode(base64, text, way), [...way.met].sort()])
  // The runtime decodes nothing for a reader that knows other characters, none of which is here.
  const byByte = () => Way.of({ 'base64 with eight bits': 'loses its highest bit' })
  const lines = Buffer.alloc(30_000, 'what lines of one length hold, and more ')
    .toString('base64')
    .replace(/.{76}/g, '$&\r\n')
  const texts = ['', '\n', '\r\n', '=', '-', '!', ' ', '\t', '\0', '\xff', 'A', 'AAAA', '\n\n']
  const change = fc.record({
    at: fc.nat({ max: lines.length - 1 }),
    cut: fc.nat({ max: 3 }),
    put: fc.constantFrom(...texts),
  })
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), (changes) => {
      let text = lines
      for (const { at, cut, put } of changes) text = text.slice(0, at) + put + text.slice(at + cut)
      return read(text) === read(text, byByte())
    }),
    { numRuns: 150 },
  )
})
