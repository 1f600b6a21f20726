import t from 'tap'
import { quotedPrintable } from '../../../../src/mail/mime/decoders/quoted-printable.ts'
import { Way } from '../../../../src/mail/mime/quirks/way.ts'
import { decode, quirksOf, ways } from './decode.ts'

/** What readers of mail make of quoted-printable, each in its way, whatever pieces it comes in. */

type Choices = Parameters<typeof Way.of>[0]

/** What readers do with a `=` that begins no escape, and with blanks. */
const ZEROS = { 'quoted-printable escape': 'is an escape, and other bytes are zeros' } as const
const ONE_DIGIT = { 'quoted-printable escape': 'is an escape, of one digit if need be' } as const
const NEXT = { 'quoted-printable escape': 'stays with the next byte' } as const
const NEXT_TWO = { 'quoted-printable escape': 'stays with the next two bytes' } as const
const REMOVED = { 'quoted-printable escape': 'is removed, with blanks after it' } as const
const ENDS = { 'quoted-printable end': 'stays' } as const
const TRIMMED = { 'quoted-printable blanks': 'are removed' } as const

t.test('quoted-printable is decoded as each reader does', async (t) => {
  const long = 'x'.repeat(100)
  const rows: readonly (readonly [Choices, string, string])[] = [
    [{}, 'a=41b=3db', 'aAb=b'],
    [{}, `${long}=41${long}`, `${long}A${long}`],
    [{}, '=aF=Fa', '\xaf\xfa'],
    [{}, 'a=\nb=\r\nc', 'abc'],
    [{}, 'a= \t\r\nb=\v\f\0\nc', 'abc'],
    [{}, 'a=\rb', 'ab'],
    [{}, 'a=zb=4zc==41', 'a=zb=4zc=A'],
    [{}, 'a=4', 'a=4'],
    [{}, 'a=', 'a'],
    [{}, 'a= \t', 'a'],
    [{}, '=', ''],
    [ENDS, 'a=', 'a='],
    [ENDS, 'a= ', 'a= '],
    [ENDS, 'a=\n', 'a'],
    [{ 'quoted-printable soft break': 'is read as any other `=`' }, 'a=4gb= ', 'a=4gb= '],
    [{ 'quoted-printable soft break': 'is read as any other `=`' }, 'a=4gb=', 'a=4gb'],
    [{}, 'a  \nb\t', 'a  \nb\t'],
    [{}, '=0a=40=00', '\n@\0'],
    [{}, 'a= b', 'a= b'],
    [REMOVED, 'a=4zb', 'a4zb'],
    [REMOVED, 'a=zb= zc', 'azbzc'],
    [{ 'quoted-printable escape': 'stays, without a `=` after it' }, 'a==41b=zc==z', 'a=41b=zc=z'],
    [NEXT, 'a=0zd', 'a=0d'],
    [NEXT, 'a=zb==41c=4zd', 'a=zb==41c=4d'],
    [NEXT, 'a=\nb=\r\nc=\rd= \ne=41', 'abcd= \neA'],
    [NEXT_TWO, 'a=4zb==4=41=', 'a=4zb==4A'],
    [NEXT_TWO, 'a==41=4=41', 'a==41=4=41'],
    [NEXT_TWO, 'a= \nb=\nc=\r\nd=\re', 'a= \nbcde'],
    [ZEROS, 'a=z4b=4z', 'a\x04b\x40'],
    [ZEROS, 'a=\nb=\r\nc=41', 'abcA'],
    [ZEROS, 'a=4', 'a\x40'],
    [ZEROS, 'a=4\nb=0zc=z0', 'a\x40b\0c\0'],
    [ZEROS, 'a=/4=5/=\n', 'a\x04\x50'],
    [ONE_DIGIT, '=4z=-4=+4= 4=\t4=\r4', '\x04\xfc\x04\x04\x04\x04'],
    [ONE_DIGIT, '=z4=zz=aF=\x014= z=-z', '\0\0\xaf\0\0\0'],
    [ONE_DIGIT, 'a=4X= A=-1=+5=X4=41', 'a\x04\x0a\xff\x05\x00A'],
    [TRIMMED, 'a  \nb\t\r\nc d ', 'a\nb\r\nc d'],
    [TRIMMED, 'a \rb', 'a \rb'],
    [
      { 'quoted-printable blanks': 'are removed, also in front of a CR' },
      'a \rb c \r\n',
      'a\rb c\r\n',
    ],
    [{ 'quoted-printable CR break': 'are text like others' }, 'a=\rb=\r\nc= \rd', 'a=\rbc= \rd'],
    [
      {
        'quoted-printable CR break': 'are text like others',
        'quoted-printable escape': 'stays with the next two bytes',
      },
      'a=\rb=\r\nc',
      'a=\rbc',
    ],
    [{ 'quoted-printable CR break': 'hide the rest of the line' }, 'a=\rb=41c\r\nd= \re', 'ade'],
    [TRIMMED, 'a \t \nb x\nc\t\t', 'a\nb x\nc'],
    [TRIMMED, `${long} \t${long}\n`, `${long} \t${long}\n`],
  ]
  for (const [choices, text, expected] of rows) {
    const decoded = decode(quotedPrintable, text, Way.of(choices))
    t.equal(decoded, expected, `${JSON.stringify(choices)} ${text}`)
  }
})

t.test('quoted-printable asks where readers differ, in any split', async (t) => {
  const soft = ['quoted-printable escape', 'quoted-printable soft break']
  const rows: Readonly<Record<string, readonly string[]>> = {
    'plain\ntext': [],
    'a=41': [],
    'a=3Db=\r\nc=\nd\n': [],
    'a=\r\n': [],
    'a=': ['quoted-printable end'],
    'a= ': ['quoted-printable end', 'quoted-printable soft break'],
    'a= \nb': soft,
    'a=\rb': ['quoted-printable CR', 'quoted-printable CR break', 'quoted-printable escape'],
    'a=\r b': ['quoted-printable CR', 'quoted-printable CR break', 'quoted-printable escape'],
    'a=zb': ['quoted-printable escape'],
    'a \nb': ['quoted-printable blanks'],
    'a b': [],
    'a ': ['quoted-printable blanks'],
    'a \rb': ['quoted-printable CR', 'quoted-printable blanks'],
    'a\rb': ['quoted-printable CR'],
    'a\r': ['quoted-printable CR'],
    'a\r\nb\r\n': [],
    'a=\r \nb': ['quoted-printable CR', ...soft],
    'a\0b': ['quoted-printable NUL'],
    'a\xc4b': ['quoted-printable in UTF-8'],
    '\xc3\xa9': [],
  }
  for (const [text, expected] of Object.entries(rows)) {
    t.same(quirksOf(quotedPrintable, text).toSorted(), expected, text)
  }
})

t.test('quoted-printable is decoded in each way about each thing that is odd', async (t) => {
  const rows: Readonly<Record<string, readonly [count: number, ...others: string[]]>> = {
    'a=41=\nb': [0],
    'a=41=\n': [0],
    'a \nb': [2, 'a\nb'],
    // By any other way than the common one the `=` is that of no soft line break.
    'a= \nb': [10, 'a= \nb', 'a\0b', 'ab'],
    // The lowest bytes, also with what the same program does at a `=`.
    'a\xc4\x80=z': [8],
    'a=zb=\n41': [8, 'a\x0b41', 'a=zb41', 'a\x0041', 'azb41'],
    // In two steps, an escape is found behind a soft line break.
    'a=4=\n1': [8, 'a@\n1', 'a=4=\n1', 'a\x04\n1', 'a=4\n1', 'a41', 'a=41', 'aA'],
    'a=zz=3D41=\nb': [8, 'a\0=41b', 'a=zz=41b', 'azz=41b'],
    'a\rb': [2, 'a\nb', 'a\n'],
    'a\rb\r\nc\r': [2, 'a\n\nc\n', 'a\nb\nc\n'],
    'a\0b\0=4': [8, 'a\0b\0\x04', 'a\0b\x004', 'a\0b\0=4', 'a\0b\0@', 'ab=4'],
    'a=41\0=42': [1, 'aAB'],
  }
  for (const [text, [count, ...expected]] of Object.entries(rows)) {
    const { common: _, ...others } = ways(quotedPrintable, text)
    t.equal(Object.keys(others).length, count, text)
    if (expected.length === 0) continue
    t.same([...new Set(Object.values(others))].sort(), expected.sort(), JSON.stringify(text))
  }
})

t.test('quoted-printable is decoded as Thunderbird 153 does', async (t) => {
  const odd = 'if (a ==41 || b ==3D) {\n  c = \n  "=4=41"\n}\nif (a ==41 || b ==3D) {\n'
  // So it saved it.
  const saved = 'if (a ==41 || b ==3D) {\n  c =  "=4=41"\n}\nif (a =1 || b ==3D) {\n'
  const way = { 'quoted-printable escape': 'stays as far as there is space in its line' } as const
  for (const [text, expected] of [
    [odd, saved],
    ['=00a=\rbcd=\n\ne', '\0abcd\ne'],
    ['=41=\nb=42\r\nc=\r\nd=', 'AbB\r\ncd='],
  ] as const) {
    t.equal(decode(quotedPrintable, text, Way.of(way)), expected, JSON.stringify(text))
  }
})

t.test('any number of blanks in a row is read alike', async (t) => {
  const stays = { 'quoted-printable soft break': 'is read as any other `=`' } as const
  for (const count of [2, 4094, 200_000]) {
    const blanks = ' \t'.repeat(count / 2)
    const rows: readonly (readonly [Choices, string, string])[] = [
      [{}, `AB=${blanks}\nCD`, 'ABCD'],
      [stays, `AB=${blanks}\nCD`, `AB=${blanks}\nCD`],
      [REMOVED, `AB=${blanks}CD`, 'ABCD'],
      [{}, `AB=${blanks}CD`, `AB=${blanks}CD`],
      [TRIMMED, `AB${blanks}\nCD`, 'AB\nCD'],
      [TRIMMED, `AB${blanks}CD`, `AB${blanks}CD`],
    ]
    for (const [choices, text, expected] of rows) {
      const made = decode(quotedPrintable, text, Way.of(choices))
      t.equal(made, expected, `${JSON.stringify(choices)} ${count}`)
    }
  }
})
