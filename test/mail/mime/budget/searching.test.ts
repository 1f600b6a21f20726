import t from 'tap'
import { Bytes } from '../../../../src/mail/message/bytes.ts'
import { Work } from '../../../../src/mail/mime/budget/work.ts'
import { doneUnlimited, sumOf } from '../unlimited-work.ts'

/** Whoever reads a message searches it by way of Work, which counts first. */

const LONG = 'a line that is longer than what is compared byte by byte'

t.test('an empty line is LF or CR LF alone', async (t) => {
  const below = (text: string, from = 0, to = text.length) =>
    doneUnlimited((work) => work.belowEmptyLine(Buffer.from(text), from, to)).result
  for (const [text, at] of [
    ['\na', 1],
    ['\r\na', 2],
    [`${LONG}\n\na`, LONG.length + 2],
    ['a\r\n\r\na\n\n', 5],
    ['a\n \n\r\r\n\n', 8],
    ['a\n\r', undefined],
    ['a\n', undefined],
    ['', undefined],
  ] as const)
    t.equal(below(text), at, JSON.stringify(text))
  t.equal(below('a\n\nb\n\nc', 3), 6, 'from a line on')
  t.equal(below('a\n\r\nb', 0, 3), undefined, 'up to an offset')
  t.equal(below('\r\nb', 0, 1), undefined)
  t.equal(below('\nb', 0, 0), undefined)
})

t.test('the first of some words is found, wherever pieces end', async (t) => {
  for (const length of [0, 1, 100, 126, 127, 128, 129, 130, 384, 5000]) {
    const bytes = Buffer.from(`${'a'.repeat(length)}bcd${'a'.repeat(200)}bd`)
    const found = (...words: readonly (string | number)[]) =>
      doneUnlimited((work) => work.indexOf(bytes, words)).result
    t.equal(found('bcd'), length)
    t.equal(found('cd', 'bd'), length + 1)
    t.equal(found('bd', 'cd'), length + 1)
    t.equal(found('c', 'bcdaaaaa'), length, 'a long word that a short one is in')
    t.equal(found('d'.charCodeAt(0)), length + 2)
    t.equal(found('bda', 'ba'), undefined)
  }
})

t.test('what is searched is counted first, and little more than that', async (t) => {
  const near = doneUnlimited((work) => work.indexOf(Buffer.from(`ab${'c'.repeat(1e6)}`), ['b']))
  t.equal(sumOf(near.units), 128 / 4)
  const far = doneUnlimited((work) => work.indexOf(Buffer.from(`${'c'.repeat(1e6)}b`), ['b']))
  t.ok(sumOf(far.units) > 250_000 && sumOf(far.units) < 260_000, `${sumOf(far.units)}`)
  const source = Bytes.of(Buffer.alloc(1e6))
  const poor = new Work(source, {
    openFile: () => -1,
    budget: { bytes: 0, contents: 0, work: 100_000 },
  })
  const isSearched = (steps: Iterable<unknown>) => [...steps]
  t.throws(() => isSearched(poor.searched(Buffer.alloc(1e6))), {
    message: 'too much work for its size',
  })
  t.throws(() => isSearched(poor.text(Buffer.alloc(1e6))), {
    message: 'too much work for its size',
  })
})
