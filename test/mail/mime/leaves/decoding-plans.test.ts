import t from 'tap'
import { decoderRoom, type MakeDecoder } from '../../../../src/mail/mime/decoders/decoder.ts'
import {
  base64Plan,
  codedPlans,
  type DecodingPlan,
  quotedPrintablePlan,
  uuencodePlan,
} from '../../../../src/mail/mime/leaves/decoding-plans.ts'

function decode(text: string, make: MakeDecoder): string {
  let result = ''
  const decoder = make((room, length) => {
    result += room.toString('latin1', 0, length)
  }, decoderRoom())
  const bytes = Buffer.from(text, 'latin1')
  decoder.push(bytes, 0, bytes.length)
  decoder.end()
  return result
}

/** What comes out in the standard way, and how often, and what, in the others. */
function ways(text: string, plan: DecodingPlan) {
  const standard = decode(text, plan.standard)
  const others = [...plan.others()].map((make) => decode(text, make))
  return { standard, count: others.length, others: [...new Set(others)].sort() }
}

t.test('base64 without anything odd is decoded in the standard way alone', async (t) => {
  t.same(ways('YWJj\nYWI=\n', base64Plan()), { standard: 'abcab', count: 0, others: [] })
})

t.test('base64 is decoded in each way about each thing that is odd', async (t) => {
  const counts: Readonly<Record<string, number>> = {
    'YW!JjZA==': 3, // a new group, the end, and VMime
    'YWJj=YWJj': 4, // a new group, a zero, the end, and groups of four as Thunderbird has them
    'YWJ\njYWJj': 1,
    YWJjYQ: 2,
    'YW\xd7JjYWJj': 4, // its low bits, a new group, the end, and VMime
  }
  for (const [text, count] of Object.entries(counts)) {
    t.equal(ways(text, base64Plan()).count, count, text)
  }
  const all = ways('YW!J-_,jZ\nA=YW\xd7J', base64Plan())
  t.equal(all.count, 66, 'within the limits of a second look')
})

/** What readers get that do not decode in the standard way. */
const inOtherWays: readonly (readonly [plan: () => DecodingPlan, Record<string, string[]>])[] = [
  [
    base64Plan,
    {
      'YW!JjZA==': ['a', 'a&6@', 'ao\xc9\x8d\x90'],
      'YW!JjYQ': ['', 'a', 'a&6\x10', 'abc', 'abca', 'ao\xc9'],
      'YWJj=YWJj': ['abc', 'abc\x01\x85\x89', 'abc\x01\x85\x8c', 'abcabc'],
      'YWJ\njYWJj': ['ab\x8d\x85\x89'],
      YWJjY: ['abc', 'abc`'],
      'YWJ\njYQ': ['ab\x8d\x84', 'abc', 'abca'],
      'YW-jYWJj': ['', 'a', 'a\x8d\x85\x89', 'ah\xd8', 'ah\xd8X\x98', 'ao\xa3abc', 'ao\xe3abc'],
      'YW\xd7JjYWJj': ['a', 'a&6\x16&', 'ae\x89\x8d\x85\x89', 'ao\xc9\x8d\x85\x89'],
    },
  ],
  [
    () => quotedPrintablePlan(),
    {
      'a=zz=3D41=\nb': ['a\0=41b', 'a=zz=41b', 'azz=41b'],
      'a\rb\r\nc\r': ['a\n\nc\n', 'a\nb\nc\n', 'ab\r\nc'],
      'a\0b\0=4': ['a\0b\0\x04', 'a\0b\x004', 'a\0b\0=4', 'a\0b\0@', 'ab=4'],
      'a=41\0=42': ['aAB'],
    },
  ],
  [
    () => uuencodePlan(),
    {
      '#86)C\n': ['abc'],
      '#86)C#86)C\n`\nend\n': ['', 'abc', 'abc\r\x85\x89', 'abcabc'],
    },
  ],
  [
    codedPlans.yenc,
    {
      '\x8b\t\x8c\n=yend\n': [],
      '\x8b\0\x8c\n=yend\n': ['ab'],
    },
  ],
  [codedPlans.armour, { 'Abc: 1\nYWJj\n=abcd\n-----END\n': ['\x01\xb75abc'] }],
]

t.test('readers that do not decode in the standard way get something else', async (t) => {
  for (const [plan, texts] of inOtherWays) {
    for (const [text, expected] of Object.entries(texts)) {
      t.same(ways(text, plan()).others, expected.toSorted(), JSON.stringify(text))
    }
  }
})

t.test('uuencode that only ends early is decoded in few ways, other lines in many', async (t) => {
  t.equal(ways('#86)C\n', uuencodePlan()).count, 1)
  const cut = ways(`#86)C${' '.repeat(122)}#86)C\n\`\nend\n`, uuencodePlan())
  t.equal(cut.count, 14)
  t.ok(cut.others.includes('abcabc'), 'in pieces of 127 characters, as programs in C read lines')
})

t.test('armour is decoded behind its fields', async (t) => {
  t.equal(ways('Abc: 1\nYWJj\n=abcd\n-----END\n', codedPlans.armour()).standard, 'abc')
})

t.test('base64 is odd if readers decode it in different ways', async (t) => {
  const isOdd = (text: string) => {
    const plan = base64Plan()
    decode(text, plan.standard)
    return plan.isOdd()
  }
  for (const text of ['', 'YWJj\n', 'YWJj\r\nYQ==\r\n\r\n']) {
    t.equal(isOdd(text), false, JSON.stringify(text))
  }
  for (const text of ['YW!Jj', 'YQ==YQ==', 'YW\nJj', 'YWJjY', 'YW-Jj', 'YW\xd7Jj']) {
    t.equal(isOdd(text), true, JSON.stringify(text))
  }
})

t.test('quoted-printable is odd if readers decode it in different ways', async (t) => {
  const isOdd = (text: string, isText: boolean) => {
    const plan = quotedPrintablePlan()
    decode(text, plan.standard)
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
  const plain = ways('a=41=\nb', quotedPrintablePlan())
  t.same(plain, { standard: 'aAb', count: 0, others: [] })
  const blanks = ways('a \nb', quotedPrintablePlan())
  t.equal(blanks.count, 4)
  t.ok(blanks.others.includes('a\nb'), 'without the blank')
  const strange = ways('a=zb=\n41', quotedPrintablePlan())
  t.equal(strange.count, 8)
  for (const way of ['azb41', 'a=zb41', 'a\x0b41']) {
    t.ok(strange.others.includes(way), JSON.stringify(way))
  }
  t.equal(ways('a=4=\n1', quotedPrintablePlan()).others.includes('aA'), true, 'in two steps')
  const cr = ways('a\rb', quotedPrintablePlan())
  t.same(new Set(cr.others), new Set(['ab', 'a\nb', 'a\n']))
})
