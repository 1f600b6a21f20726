import t from 'tap'
import {
  BUFFER_SIZE,
  type MakeDecoder,
  makerOf,
} from '../../../../src/mail/mime/decoders/decoder.ts'
import {
  QuotedPrintableDecoder,
  QuotedPrintablePlan,
} from '../../../../src/mail/mime/decoders/quoted-printable.ts'
import { decode, inEverySplit, ways } from './decode.ts'

/** What readers of mail make of quoted-printable, each in its way, whatever pieces it comes in. */

type Mode = ConstructorParameters<typeof QuotedPrintableDecoder>[2]

const by = (mode: Mode): MakeDecoder => makerOf(QuotedPrintableDecoder, mode)

t.test('quoted-printable is decoded by each mode', async (t) => {
  const long = 'x'.repeat(100)
  const rows: readonly (readonly [Mode, string, string])[] = [
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
    [{ strange: 'drop' }, 'a=zb= zc', 'azbzc'],
    [{ strange: 'halve pair' }, 'a==41b=zc==z', 'a=41b=zc=z'],
    [{ strange: 'keep two' }, 'a=0zd', 'a=0d'],
    [{ strange: 'keep two' }, 'a=zb==41c=4zd', 'a=zb==41c=4d'],
    [{ strange: 'keep two' }, 'a=\nb=\r\nc=\rd= \ne=41', 'abcd= \neA'],
    [{ strange: 'keep three' }, 'a=4zb==4=41=', 'a=4zb==4A='],
    [{ strange: 'keep three' }, 'a==41=4=41', 'a==41=4=41'],
    [{ strange: 'keep three' }, 'a= \nb=\nc=\r\nd=\re', 'a= \nbcde'],
    [{ strange: 'as zeros' }, 'a=z4b=4z', 'a\x04b\x40'],
    [{ strange: 'as zeros' }, 'a=\nb=\r\nc=41', 'abcA'],
    [{ strange: 'as zeros' }, 'a=4', 'a\x40'],
    [{ strange: 'as zeros' }, 'a=4\nb=0zc=z0', 'a\x40b\0c\0'],
    [{ strange: 'as zeros' }, 'a=/4=5/=\n', 'a\x04\x50'],
    [{ strange: 'as number' }, '=4z=-4=+4= 4=\t4=\r4', '\x04\xfc\x04\x04\x04\x04'],
    [{ strange: 'as number' }, '=z4=zz=aF=\x014= z=-z', '\0\0\xaf\0\0\0'],
    [{ strange: 'as number' }, 'a=4X= A=-1=+5=X4=41', 'a\x04\x0a\xff\x05\x00A'],
    [{ escapes: false }, 'a=41=\nb=zc', 'a=41b=zc'],
    [{ trims: true }, 'a  \nb\t\r\nc d ', 'a\nb\r\nc d'],
    [{ trims: true }, 'a \rb', 'a \rb'],
    [{ trims: true }, 'a \t \nb x\nc\t\t', 'a\nb x\nc'],
    [{ trims: true }, `${long} \t${long}\n`, `${long} \t${long}\n`],
  ]
  for (const [mode, text, expected] of rows) {
    t.equal(inEverySplit(by(mode), text), expected, `${JSON.stringify(mode)} ${text}`)
  }
})

t.test('odd features of quoted-printable are noted, in any split', async (t) => {
  const rows: Readonly<Record<string, readonly string[]>> = {
    'plain\ntext': [],
    'a=41': ['encoded'],
    'a=\nb': ['encoded'],
    'a=\r\nb': ['encoded'],
    'a= \nb': ['blanks', 'brokenBreak', 'encoded'],
    'a=\rb': ['strange', 'encoded', 'bareCr'],
    'a=zb': ['strange'],
    'a \nb': ['blanks'],
    'a b': [],
    'a ': ['blanks'],
    'a\rb': ['bareCr'],
    'a\r': ['bareCr'],
    'a\r\nb\r\n': [],
    'a=\r \nb': ['blanks', 'brokenBreak', 'encoded', 'bareCr'],
    'a\0b': ['nul'],
    'a\xc4b': ['high'],
    '\xc3\xa9': [],
  }
  for (const [text, expected] of Object.entries(rows)) {
    for (let cut = 0; cut <= text.length; cut++) {
      const plan = new QuotedPrintablePlan()
      decode(plan.standard, text, [cut])
      const noted = Object.entries(plan.odd).flatMap(([what, isOdd]) => (isOdd ? [what] : []))
      t.same(noted, expected, `${text} at ${cut}`)
    }
  }
})

t.test('quoted-printable is odd if readers decode it in different ways', async (t) => {
  const isOdd = (text: string, isText: boolean) => {
    const plan = new QuotedPrintablePlan()
    decode(plan.standard, text)
    return plan.isOdd(isText)
  }
  for (const isText of [false, true]) {
    for (const text of ['', 'a=3Db=\r\nc=\nd\n', 'a b', 'a =\n', '\xc3\xa9']) {
      t.equal(isOdd(text, isText), false, JSON.stringify(text))
    }
    for (const text of ['a=zz', 'a= \nb', 'a\rb', 'a\0b', '\xe2\x82\xac']) {
      t.equal(isOdd(text, isText), true, JSON.stringify(text))
    }
  }
  t.equal(isOdd('a \nb', true), false, 'a blank at the end of a line that is shown')
  t.equal(isOdd('a \nb', false), true, 'a blank at the end of a line of a file')
})

t.test('quoted-printable is decoded in each way about each thing that is odd', async (t) => {
  const rows: Readonly<Record<string, readonly [count: number, ...others: string[]]>> = {
    'a=41=\nb': [0],
    'a \nb': [4, 'a\nb', 'a \nb'], // without the blank
    'a=zb=\n41': [8, 'a\x0b41', 'a=zb41', 'a\x0041', 'azb41'],
    // In two steps, an escape is found behind a soft line break.
    'a=4=\n1': [8, 'a@\n1', 'a=4=\n1', 'a\x04\n1', 'a=4\n1', 'a41', 'a=41', 'aA'],
    'a=zz=3D41=\nb': [8, 'a\0=41b', 'a=zz=41b', 'azz=41b'],
    'a\rb': [3, 'ab', 'a\nb', 'a\n'],
    'a\rb\r\nc\r': [3, 'a\n\nc\n', 'a\nb\nc\n', 'ab\r\nc'],
    'a\0b\0=4': [9, 'a\0b\0\x04', 'a\0b\x004', 'a\0b\0=4', 'a\0b\0@', 'ab=4'],
    'a=41\0=42': [1, 'aAB'],
  }
  for (const [text, [count, ...expected]] of Object.entries(rows)) {
    const { others } = ways(() => new QuotedPrintablePlan(), text)
    t.equal(others.length, count, text)
    t.same([...new Set(others)].sort(), expected.sort(), JSON.stringify(text))
  }
})

t.test('quoted-printable is decoded as Thunderbird 153 does', async (t) => {
  const odd = 'if (a ==41 || b ==3D) {\n  c = \n  "=4=41"\n}\nif (a ==41 || b ==3D) {\n'
  // So it saved it.
  const saved = 'if (a ==41 || b ==3D) {\n  c =  "=4=41"\n}\nif (a =1 || b ==3D) {\n'
  for (const [text, way, expected] of [
    [odd, 3, saved],
    ['=00a=\rbcd=\n\ne', 2, '\0abcd\ne'],
    ['=41=\nb=42\r\nc=\r\nd=', 2, 'AbB\r\ncd='],
  ] as const) {
    t.equal(ways(() => new QuotedPrintablePlan(), text).others[way], expected, JSON.stringify(text))
  }
})

t.test('quoted-printable waits for the next bytes only if they may matter', async (t) => {
  const most = ' '.repeat(4095)
  const rows: readonly (readonly [Mode, string, string])[] = [
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
    [{ strange: 'as zeros' }, 'a=4z', 'a\x40'],
    [{ strange: 'as zeros' }, 'a=4', 'a'],
    [{ trims: true }, 'a b', 'a b'],
    [{ trims: true }, 'a ', 'a'],
    [{ trims: true }, `a ${most}`, 'a'],
  ]
  for (const [mode, text, expected] of rows) {
    let given = ''
    const give = (buffer: Buffer, length: number) => {
      given += buffer.toString('latin1', 0, length)
    }
    by(mode)(give, Buffer.alloc(BUFFER_SIZE)).push(Buffer.from(text), 0, text.length)
    t.equal(given, expected, `${JSON.stringify(mode)} ${text.trimEnd()}, ${text.length} bytes`)
  }
})
