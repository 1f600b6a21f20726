import t from 'tap'
import {
  Base64Decoder,
  type Base64Mode,
  Base64Oddities,
  PATIENT,
} from '../../../../src/mail/mime/decoders/base64.ts'
import { type Decoder, decoderRoom, type Give } from '../../../../src/mail/mime/decoders/decoder.ts'
import {
  asNumber,
  othersAsZero,
  PATIENT_ESCAPES,
  QuotedPrintableDecoder,
  type QuotedPrintableMode,
  QuotedPrintableOddities,
} from '../../../../src/mail/mime/decoders/quoted-printable.ts'

/** What readers of mail make of encoded contents, each in its way, whatever pieces these come in. */

type Make = (give: Give) => Decoder

function decoded(make: Make, text: string, cuts: readonly number[] = []): string {
  let out = ''
  const decoder = make((room, length) => {
    out += room.toString('latin1', 0, length)
  })
  let from = 0
  for (const cut of [...cuts, text.length]) {
    push(decoder, text.slice(from, cut))
    from = cut
  }
  decoder.end()
  return out
}

function push(decoder: Decoder, text: string): void {
  const bytes = Buffer.from(`##${text}##`, 'latin1') // what stands around a content is none of it
  decoder.push(bytes, 2, bytes.length - 2)
}

/** The same in every split, and byte by byte. */
function inEverySplit(
  t: { equal(a: unknown, b: unknown, why: string): unknown },
  make: Make,
  text: string,
) {
  const whole = decoded(make, text)
  const every = Array.from({ length: text.length }, (_, at) => at)
  for (const cut of every) t.equal(decoded(make, text, [cut]), whole, `${text} at ${cut}`)
  t.equal(decoded(make, text, every), whole, `${text} byte by byte`)
  return whole
}

const base64 = (mode: Partial<Base64Mode> = {}): Make => {
  // The most patient mode itself has a way of its own through whole lines.
  const whole = Object.keys(mode).length === 0 ? PATIENT : { ...PATIENT, ...mode }
  return (give) => new Base64Decoder(give, decoderRoom(), whole)
}

t.test('base64 is decoded by each mode', async (t) => {
  const on = (text: string) => Buffer.from(text, 'base64').toString('latin1')
  const high = (text: string) =>
    String.fromCharCode(...Buffer.from(text).map((byte) => byte | 0x80))
  const rows: readonly (readonly [Partial<Base64Mode>, string, string])[] = [
    [{}, 'YWJj', 'abc'],
    [{}, ' Y\tW\r\nJ\vj\f\0', 'abc'],
    [{}, 'YQ==', 'a'],
    [{}, 'YWI=', 'ab'],
    [{}, 'Y', ''],
    [{}, '', ''],
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
    [{ tail: 'drop' }, 'YWJjYQ', 'abc'],
    [{ tail: 'drop' }, 'YWJjYWI', 'abc'],
    [{ tail: 'drop' }, 'YWJjYQ=', 'abc'],
    [{ tail: 'drop' }, 'YWJjYQ==', 'abca'],
    [{ tail: 'drop' }, 'YWJjYWI=', 'abcab'],
    [{ tail: 'more' }, 'YWJjY', 'abc`'],
    [{ tail: 'more' }, 'YWJjYQ', 'abca'],
    [{ junk: 'ones' }, 'YWJ!YWJj', 'ab\xffabc'],
    [{ junk: 'ones' }, 'Y!Jj', 'c\xf2c'],
    [{ junk: 'restart' }, 'YQ!YWJj', 'aabc'],
    [{ junk: 'end' }, 'YQ!YWJj', 'a'],
    [{ lines: true }, 'YQ\nYWJj', 'aabc'],
    [{ lines: true }, 'YW\r\nYWJj', 'aabc'],
    [{ lines: true }, 'YWJj\nYWJj', 'abcabc'],
  ]
  for (const [mode, text, expected] of rows) {
    t.equal(inEverySplit(t, base64(mode), text), expected, `${JSON.stringify(mode)} ${text}`)
  }
})

t.test('the decoder of base64 notes what is odd', async (t) => {
  const rows: Readonly<Record<string, object>> = {
    'YWJj\r\nYQ==\n': {},
    'YWI=': {},
    'YW\xd7Jj': { high: true },
    YWJjYQ: { tail: true },
    YWJjY: { tail: true },
    'YQ=': { tail: true },
    'YW-Jj': { url: true },
    YW_Jj: { url: true },
    'YW,Jj': { url: true },
    'YW!Jj': { junk: true },
    'YQ==YQ==': { padding: true },
    'YQ==YQ==YQ==': { padding: true },
    'YWJj=': { padding: true },
    'Y=': { padding: true, tail: true },
    'YW\nJj': { lines: true },
  }
  for (const [text, expected] of Object.entries(rows)) {
    const odd = new Base64Oddities()
    decoded((give) => new Base64Decoder(give, decoderRoom(), PATIENT, odd), text)
    t.same(odd, { ...new Base64Oddities(), ...expected }, text)
    t.equal(odd.isOdd(), Object.keys(expected).length > 0, text)
  }
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
      t.equal(decoded(base64(), text, cuts), content.toString('latin1'))
    }
  }
  const shifted = Buffer.from(open.replace('\n', ''), 'base64').toString('latin1')
  t.equal(decoded(base64(), open), shifted, 'a group that is open goes on')
})

const printable =
  (mode: Partial<QuotedPrintableMode> = {}): Make =>
  (give) =>
    new QuotedPrintableDecoder(give, decoderRoom(), { ...PATIENT_ESCAPES, ...mode })

t.test('quoted-printable is decoded by each mode', async (t) => {
  const long = 'x'.repeat(100)
  const rows: readonly (readonly [Partial<QuotedPrintableMode>, string, string])[] = [
    [{}, 'a=41b=3db', 'aAb=b'],
    [{}, `${long}=41${long}`, `${long}A${long}`],
    [{}, '=aF=Fa', '\xaf\xfa'],
    [{}, 'a=\nb=\r\nc', 'abc'],
    [{}, 'a= \t\r\nb=\v\f\0\nc', 'abc'],
    [{}, 'a=\rb', 'ab'],
    [{}, 'a=zb=4zc==41', 'a=zb=4zc=A'],
    [{}, 'a=4', 'a=4'],
    [{}, 'a=', 'a='],
    [{}, 'a  \nb\t', 'a  \nb\t'],
    [{}, '=0a=40=00', '\n@\0'],
    [{}, 'a= b', 'a= b'],
    [{ strange: 'drop' }, 'a=4zb', 'a4zb'],
    [{ strange: 'halve pair' }, 'a==41b=zc==z', 'a=41b=zc=z'],
    [{ strange: 'keep two' }, 'a=0zd', 'a=0d'],
    [{ strange: 'drop' }, 'a=zb= zc', 'azbzc'],
    [{ strange: 'keep two' }, 'a=zb==41c=4zd', 'a=zb==41c=4d'],
    [{ strange: 'keep two' }, 'a=\nb=\r\nc=\rd= \ne=41', 'abcd= \neA'],
    [{ strange: 'keep three' }, 'a=4zb==4=41=', 'a=4zb==4A='],
    [{ strange: othersAsZero }, 'a=z4b=4z', 'a\x04b\x40'],
    [{ strange: othersAsZero }, 'a=\nb=\r\nc=41', 'abcA'],
    [{ strange: othersAsZero }, 'a=4', 'a\x40'],
    [{ strange: othersAsZero }, 'a=4\nb=0zc=z0', 'a\x40b\0c\0'],
    [{ strange: asNumber }, '=4z=-4=+4= 4=\t4=\r4', '\x04\xfc\x04\x04\x04\x04'],
    [{ strange: asNumber }, '=z4=zz=aF', '\0\0\xaf'],
    [{ escapes: false }, 'a=41=\nb=zc', 'a=41b=zc'],
    [{ trims: true }, 'a  \nb\t\r\nc d ', 'a\nb\r\nc d'],
    [{ trims: true }, 'a \rb', 'a \rb'],
    [{ trims: true }, 'a \t \nb x\nc\t\t', 'a\nb x\nc'],
    [{ trims: true }, `${long} \t${long}\n`, `${long} \t${long}\n`],
  ]
  for (const [mode, text, expected] of rows) {
    t.equal(inEverySplit(t, printable(mode), text), expected, `${JSON.stringify(mode)} ${text}`)
  }
})

t.test('the decoder of quoted-printable notes what is odd', async (t) => {
  const rows: Readonly<Record<string, object>> = {
    'plain\ntext': {},
    'a=41': { encoded: true },
    'a=\nb': { encoded: true },
    'a=\r\nb': { encoded: true },
    'a= \nb': { encoded: true, blanks: true, brokenBreak: true },
    'a=\rb': { encoded: true, strange: true, bareCr: true },
    'a=zb': { strange: true },
    'a \nb': { blanks: true },
    'a b': {},
    'a ': { blanks: true },
    'a\rb': { bareCr: true },
    'a\r': { bareCr: true },
    'a\r\nb\r\n': {},
    'a=\r \nb': { encoded: true, blanks: true, brokenBreak: true, bareCr: true },
    'a\0b': { nul: true },
    'a\xc4b': { high: true },
    '\xc3\xa9': {},
  }
  const none = {
    ...{ strange: false, blanks: false, brokenBreak: false },
    ...{ encoded: false, bareCr: false, nul: false, high: false },
  }
  for (const [text, expected] of Object.entries(rows)) {
    for (let cut = 0; cut <= text.length; cut++) {
      const odd = new QuotedPrintableOddities()
      const make: Make = (give) => {
        return new QuotedPrintableDecoder(give, decoderRoom(), PATIENT_ESCAPES, odd)
      }
      decoded(make, text, [cut])
      t.same(odd, { ...none, ...expected }, `${text} at ${cut}`)
    }
  }
})

t.test('of quoted-printable only what may go on waits for the next bytes', async (t) => {
  const most = ' '.repeat(4095)
  const rows: readonly (readonly [Partial<QuotedPrintableMode>, string, string])[] = [
    [{}, 'a=zb', 'a=zb'],
    [{}, 'a=z', 'a=z'],
    [{}, 'a=4z', 'a=4z'],
    [{}, 'a=4', 'a'],
    [{}, 'a=0', 'a'],
    [{}, 'a=', 'a'],
    [{}, 'a=\r', 'a'],
    [{}, `a=${most}`, 'a'],
    [{}, `a=${most} `, `a=${most} `],
    [{ strange: 'keep two' }, 'a=zb', 'a=zb'],
    [{ strange: 'keep two' }, 'a=z', 'a'],
    [{ strange: othersAsZero }, 'a=4z', 'a\x40'],
    [{ strange: othersAsZero }, 'a=4', 'a'],
    [{ trims: true }, 'a b', 'a b'],
    [{ trims: true }, 'a ', 'a'],
    [{ trims: true }, `a ${most}`, 'a'],
  ]
  for (const [mode, text, expected] of rows) {
    let given = ''
    const decoder = printable(mode)((room, length) => {
      given += room.toString('latin1', 0, length)
    })
    push(decoder, text)
    t.equal(given, expected, `${JSON.stringify(mode)} ${text.trimEnd()}, ${text.length} bytes`)
  }
})

t.test('GNU mailutils reads the two bytes of an escape as a number', async (t) => {
  const rows: Readonly<Record<string, number>> = {
    ...{ 41: 0x41, '05': 5, '4z': 4, '-4': 252, '+4': 4, ' 4': 4, '\t4': 4, '\r4': 4 },
    ...{ '\x014': 0, z4: 0, ' z': 0, '-z': 0, zz: 0 },
  }
  for (const [text, expected] of Object.entries(rows)) {
    t.equal(asNumber(text.charCodeAt(0), text.charCodeAt(1)), expected, JSON.stringify(text))
  }
})
