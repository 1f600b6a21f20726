import t from 'tap'
import { decoderRoom } from '../../../src/mime/decoders/base64.ts'
import type { MakeDecoder } from '../../../src/mime/decoders/decoder.ts'
import {
  base64Plan,
  type DecodingPlan,
  quotedPrintablePlan,
} from '../../../src/mime/leaves/decoding-plans.ts'

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
  }
  for (const [text, count] of Object.entries(counts)) {
    t.equal(ways(text, base64Plan(true)).count, count, text)
  }
  const all = ways('YW!J-_,jZ\nA=YW\xd7J', base64Plan(true))
  t.ok(all.count > 60 && all.count < 72, 'within the limits of a second look')
})

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
