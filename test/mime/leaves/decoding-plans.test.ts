import t from 'tap'
import { decoderRoom } from '../../../src/mime/decoders/base64.ts'
import type { MakeDecoder } from '../../../src/mime/decoders/decoder.ts'
import {
  base64Plan,
  codedPlans,
  type DecodingPlan,
  quotedPrintablePlan,
  uuencodePlan,
} from '../../../src/mime/leaves/decoding-plans.ts'
import { binhex } from '../../scan/evasions/compose.ts'

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
  t.same(ways('YWJj\nYWI=\n', base64Plan(true)), { standard: 'abcab', count: 0, others: [] })
})

t.test('base64 is decoded in each way about each thing that is odd', async (t) => {
  const counts: Readonly<Record<string, number>> = {
    'YW!JjZA==': 4, // a new group, the end, VMime, and lines that are skipped
    'YWJj=YWJj': 4, // a new group, a zero, the end, and groups of four as Thunderbird has them
    'YWJ\njYWJj': 2,
    'YWJj\ntwo words\nYWJj': 1, // lines that are skipped
    'YWJj\ntwo\twords\nYWJj': 1,
    YWJjYQ: 2,
    'YW\xd7JjYWJj': 5, // its low bits, a new group, the end, VMime, and lines that are skipped
  }
  for (const [text, count] of Object.entries(counts)) {
    t.equal(ways(text, base64Plan(true)).count, count, text)
  }
  const all = ways('YW!J-_,jZ\nA=YW\xd7J', base64Plan(true))
  t.equal(all.count, 67, 'within the limits of a second look')
})

/** What readers get that do not decode in the standard way. */
const inOtherWays: readonly (readonly [plan: () => DecodingPlan, Record<string, string[]>])[] = [
  [
    () => base64Plan(true),
    {
      'YW!JjZA==': ['', 'a', 'a&6@', 'ao\xc9\x8d\x90'],
      'YW!JjYQ': ['', 'a', 'a&6\x10', 'abc', 'abca', 'ao\xc9'],
      'YWJj=YWJj': ['abc', 'abc\x01\x85\x89', 'abc\x01\x85\x8c', 'abcabc'],
      'YWJ\njYWJj': ['ab\x8d\x85\x89', 'abcabc'],
      YWJjY: ['abc', 'abc`'],
      'YWJ\njYQ': ['ab\x8d\x84', 'abc', 'abca'],
      'YW-jYWJj': ['', 'a', 'a\x8d\x85\x89', 'ah\xd8', 'ah\xd8X\x98', 'ao\xa3abc', 'ao\xe3abc'],
      'YW\xd7JjYWJj': ['', 'a', 'a&6\x16&', 'ae\x89\x8d\x85\x89', 'ao\xc9\x8d\x85\x89'],
    },
  ],
  [
    () => base64Plan(false),
    {
      'YWI=YWJj': ['ab', 'ababc'],
      'YWJ\njYWJj': ['ab\x8d\x85\x89'],
      'YWJ\njYWI=YWJj': ['ab\x8d\x85\x88abc', 'abcab', 'abcababc'],
    },
  ],
  [
    () => quotedPrintablePlan(),
    {
      'a=zz=3D41=\nb': ['a\0=41b', 'a=zz=41b', 'ab', 'azz=41b', 'a\xff=41b'],
      'a\rb\r\nc\r': ['a\n\nc\n', 'a\nb\nc\n', 'a\r\nb\r\nc\r\n', 'ab\r\nc'],
      'a\0b\0=4': [
        'a\0b\0',
        'a\0b\0\x04',
        'a\0b\x004',
        'a\0b\0=4',
        'a\0b\0@',
        'a\0b\0\x7f',
        'ab=4',
      ],
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
      '\x8b\n=YEND\n\x8c\n=yend\n': ['a\xef\x1b$\x1ab'],
      '\x8b\n=yend part=1\n=ybegin part=2\n=ypart begin=2\n\x8c\n=yend part=2\n': ['ab'],
    },
  ],
  [codedPlans.attach, { ';ENCODING=BASE64:YWJj\n ZGVm\nEND:VEVENT\n': [] }],
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
  t.equal(cut.count, 16)
  t.ok(cut.others.includes('abcabc'), 'in pieces of 127 characters, as programs in C read lines')
})

t.test('yEnc with everything that is odd is decoded in each combination of ways', async (t) => {
  const text = '\x8b\0\n=YEND\n\x8c\n=yend part=1\n=ybegin part=2\n\x8d\n=yend part=2\n'
  const data = '\xef\x1b$\x1ab' // =YEND and the line behind it
  t.same(ways(text, codedPlans.yenc()), {
    standard: 'a\xd6',
    count: 7,
    others: ['a', 'ac', `a\xd6${data}`, `a\xd6${data}c`, 'a\xd6c', `a${data}`, `a${data}c`].sort(),
  })
})

t.test('armour is decoded behind its fields', async (t) => {
  t.equal(ways('Abc: 1\nYWJj\n=abcd\n-----END\n', codedPlans.armour()).standard, 'abc')
})

t.test('a plan tells whether the text may hold more than is decoded', async (t) => {
  const rows: readonly (readonly [text: string, plan: DecodingPlan, isOdd: boolean])[] = [
    ['YWJj\n', base64Plan(true), false],
    ['YW!Jj\n', base64Plan(true), true],
    ['abc', quotedPrintablePlan(), true],
    ['#86)C\n`\nend\n', uuencodePlan(), false],
    ['#86)C\n', uuencodePlan(), true],
    ['\x8b\n=yend\n', codedPlans.yenc(), true],
    ['', codedPlans.binhex(), true],
  ]
  for (const [text, plan, isOdd] of rows) {
    decode(text, plan.standard)
    t.equal(plan.isOdd, isOdd, JSON.stringify(text))
  }
})

t.test(
  'BinHex is decoded without its strange lines or characters, and in both forks',
  async (t) => {
    const file = Buffer.from('what a file of the Macintosh has as its data')
    const plain = ways(binhex(file), codedPlans.binhex())
    t.same(plain, { standard: file.toString(), count: 2, others: ['', file.toString()] })
    const inShortLines = binhex(file).replaceAll(/(.{9})/g, '$1\n')
    t.ok(ways(inShortLines, codedPlans.binhex()).others.includes(file.toString()))
    const amidLines = ways(binhex(file).replaceAll('\n', '\nnot data\n'), codedPlans.binhex())
    t.equal(amidLines.standard, file.toString())
  },
)

t.test('data that only looks like base64 is decoded in few ways', async (t) => {
  t.equal(ways('YWI=YWJj', base64Plan(false)).count, 2)
  t.equal(ways('YWJ\njYWJj', base64Plan(false)).count, 1)
  t.equal(ways('YWJjYQ', base64Plan(false)).count, 0)
})

t.test('quoted-printable is decoded in each way about each thing that is odd', async (t) => {
  const plain = ways('a=41=\nb', quotedPrintablePlan())
  t.same(plain, { standard: 'aAb', count: 0, others: [] })
  const blanks = ways('a \nb', quotedPrintablePlan())
  t.equal(blanks.count, 5)
  t.ok(blanks.others.includes('a\nb'), 'without the blank')
  const strange = ways('a=zb=\n41', quotedPrintablePlan())
  t.equal(strange.count, 12)
  for (const way of ['azb41', 'a=zb41', 'a41', 'a\xfb41']) {
    t.ok(strange.others.includes(way), JSON.stringify(way))
  }
  t.equal(ways('a=4=\n1', quotedPrintablePlan()).others.includes('aA'), true, 'in two steps')
  const cr = ways('a\rb', quotedPrintablePlan())
  t.same(new Set(cr.others), new Set(['ab', 'a\nb', 'a\r\nb', 'a\n']))
})
