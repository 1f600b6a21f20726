import fc from 'fast-check'
import t from 'tap'
import { Base64Decoder, Base64Plan } from '../../../../src/mail/mime/decoders/base64.ts'
import { makerOf } from '../../../../src/mail/mime/decoders/decoder.ts'
import { decode, inEverySplit, ways } from './decode.ts'

/** What readers of mail make of base64, each in its way, whatever pieces it comes in. */

type Mode = ConstructorParameters<typeof Base64Decoder>[2]

/** The standard way, which goes through whole lines at a time, or another one. */
const by = (mode: Mode) =>
  Object.keys(mode ?? {}).length === 0 ? makerOf(Base64Decoder) : makerOf(Base64Decoder, mode)

t.test('base64 is decoded by each mode', async (t) => {
  const on = (text: string) => Buffer.from(text, 'base64').toString('latin1')
  const high = (text: string) =>
    String.fromCharCode(...Buffer.from(text).map((byte) => byte | 0x80))
  const vmime = { padding: 'end', junk: 'ones', tail: 'drop' } as const
  const rows: readonly (readonly [Mode, string, string])[] = [
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
    [{ high: 'mask' }, high('YWJj'), 'abc'],
    [{ high: 'mask' }, `YWJj${high(' ')}YWJj`, 'abcabc'],
    [{ url: true }, '-_-,', on('+/+/')],
    [{ padding: 'restart' }, 'YQ==YWJj', 'aabc'],
    [{ padding: 'restart' }, 'YQ=\n=YWJj', 'aabc'],
    [{ padding: 'zero' }, 'YQ==', 'a\0\0'],
    [{ padding: 'end' }, 'YQ==YWJj', 'a'],
    [{ padding: 'end' }, 'YWJj', 'abc'],
    [{ padding: 'group' }, 'YQ==YWJj', 'aabc'],
    [{ padding: 'group' }, 'YWI=YWJj', 'ababc'],
    [{ padding: 'group' }, 'YWJj====', 'abc\0'],
    [{ padding: 'group' }, 'QU=DQUJD', 'A@ABC'],
    [{ padding: 'group' }, '=QUJQUJD', '\x01\x05ABC'],
    [{ padding: 'group' }, '===QQUJD', '\x00ABC'],
    [{ padding: 'group' }, 'QUJDQ', 'ABC@'],
    [{ padding: 'group' }, 'QUJDQU', 'ABCA'],
    [{ tail: 'drop' }, 'YWJjYQ', 'abc'],
    [{ tail: 'drop' }, 'YWJjYWI', 'abc'],
    [{ tail: 'drop' }, 'YWJjYQ=', 'abc'],
    [{ tail: 'drop' }, 'YWJjYQ==', 'abca'],
    [{ tail: 'drop' }, 'YWJjYWI=', 'abcab'],
    [{ tail: 'drop', padding: 'end' }, 'QUJDRA==', 'ABCD'],
    [{ tail: 'more' }, 'YWJjY', 'abc`'],
    [{ tail: 'more' }, 'YWJjYQ', 'abca'],
    [{ junk: 'ones' }, 'YWJ!YWJj', 'ab\xffabc'],
    [{ junk: 'ones' }, 'Y!Jj', 'c\xf2c'],
    [vmime, '*UJDQUJD', '\xfdBCABC'],
    [vmime, 'QU\nJDQQ==QUJD', 'ABCA'],
    [{ junk: 'restart' }, 'YQ!YWJj', 'aabc'],
    [{ junk: 'end' }, 'YQ!YWJj', 'a'],
    [{ lines: true }, 'YQ\nYWJj', 'aabc'],
    [{ lines: true }, 'YW\r\nYWJj', 'aabc'],
    [{ lines: true }, 'YWJj\nYWJj', 'abcabc'],
  ]
  for (const [mode, text, expected] of rows) {
    t.equal(inEverySplit(by(mode), text), expected, `${JSON.stringify(mode)} ${text}`)
  }
})

t.test('odd features of base64 are noted', async (t) => {
  const rows: Readonly<Record<string, readonly string[]>> = {
    '': [],
    'YWJj\r\nYQ==\r\n\r\n': [],
    'YWI=': [],
    'YW\xd7Jj': ['high'],
    YWJjYQ: ['tail'],
    YWJjY: ['tail'],
    'YQ=': ['tail'],
    'YW-Jj': ['url'],
    YW_Jj: ['url'],
    'YW,Jj': ['url'],
    'YW!Jj': ['junk'],
    'YQ==YQ==': ['padding'],
    'YQ==YQ==YQ==': ['padding'],
    'YWJj=': ['padding'],
    'Y=': ['padding', 'tail'],
    'YW\nJj': ['lines'],
    ['AAAAAA\n'.repeat(400)]: ['lines'],
  }
  for (const [text, expected] of Object.entries(rows)) {
    const plan = new Base64Plan()
    decode(plan.standard, text)
    const noted = Object.entries(plan.odd).flatMap(([what, isOdd]) => (isOdd ? [what] : []))
    t.same(noted, expected, text)
    t.equal(plan.isOdd(), expected.length > 0, text)
  }
})

t.test('base64 is decoded in each way about each thing that is odd', async (t) => {
  const rows: Readonly<Record<string, readonly [count: number, ...others: string[]]>> = {
    'YWJj\nYWI=\n': [0],
    'YW!JjZA==': [3, 'a', 'a&6@', 'ao\xc9\x8d\x90'], // a new group, the end, and VMime
    'YW!JjYQ': [7, '', 'a', 'a&6\x10', 'abc', 'abca', 'ao\xc9'],
    // A new group, a zero, the end, and groups of four as Thunderbird has them.
    'YWJj=YWJj': [4, 'abc', 'abc\x01\x85\x89', 'abc\x01\x85\x8c', 'abcabc'],
    'YWJ\njYWJj': [1, 'ab\x8d\x85\x89'],
    YWJjYQ: [2, 'abc', 'abca'],
    YWJjY: [2, 'abc', 'abc`'],
    'YWJ\njYQ': [3, 'ab\x8d\x84', 'abc', 'abca'],
    'YW-jYWJj': [9, '', 'a', 'a\x8d\x85\x89', 'ah\xd8', 'ah\xd8X\x98', 'ao\xa3abc', 'ao\xe3abc'],
    // Its low bits, a new group, the end, and VMime.
    'YW\xd7JjYWJj': [4, 'a', 'a&6\x16&', 'ae\x89\x8d\x85\x89', 'ao\xc9\x8d\x85\x89'],
  }
  for (const [text, [count, ...expected]] of Object.entries(rows)) {
    const { others } = ways(() => new Base64Plan(), text)
    t.equal(others.length, count, text)
    t.same(new Set(others), new Set(expected), text)
  }
  const all = ways(() => new Base64Plan(), 'YW!J-_,jZ\nA=YW\xd7J')
  t.equal(all.others.length, 66, 'within the limits of a second look')
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
    for (const cuts of [[], [1], [1021], [20_000, 20_001]]) {
      t.equal(decode(makerOf(Base64Decoder), text, cuts), content.toString('latin1'))
    }
  }
  const shifted = Buffer.from(open.replace('\n', ''), 'base64').toString('latin1')
  t.equal(decode(makerOf(Base64Decoder), open), shifted, 'a group that is open goes on')
})

t.test(
  'lines of one length that are odd anywhere are decoded as if they came byte by byte',
  async () => {
    const read = (text: string, cuts: readonly number[] = []) => {
      const plan = new Base64Plan()
      return JSON.stringify([decode(plan.standard, text, cuts), plan.odd])
    }
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
        for (const { at, cut, put } of changes)
          text = text.slice(0, at) + put + text.slice(at + cut)
        return (
          read(text) ===
          read(
            text,
            [...text].map((_, at) => at),
          )
        )
      }),
      { numRuns: 150 },
    )
  },
)
