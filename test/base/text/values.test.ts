import fc from 'fast-check'
import t from 'tap'
import { byteSize, choice, splitWords, wholeNumber } from '../../../src/base/text/values.ts'

t.test(
  'a number is whole and within its limits; if it is unset or empty, its default counts',
  async (t) => {
    const read = (text?: string) => wholeNumber(text, 'N', 7, { min: 1, max: 20, unit: 'eggs' })
    t.equal(read(), 7)
    t.equal(read(''), 7)
    t.equal(read('1'), 1)
    t.equal(read('020'), 20)
    for (const wrong of ['0', '21', '-1', '1.5', '1e1', ' 1', '0x1', 'x', '9'.repeat(30)]) {
      t.throws(() => read(wrong), {
        kind: 'config',
        message: `N="${wrong}": must be a whole number of eggs from 1 to 20`,
      })
    }
  },
)

t.test('a size is in bytes, or in powers of 1,024', async (t) => {
  const read = (text?: string) => byteSize(text, 'S', 5)
  t.equal(read(), 5)
  t.equal(read('12'), 12)
  t.equal(read('2k'), 2048)
  t.equal(read('3M'), 3 * 1024 ** 2)
  t.equal(read('1G'), 1024 ** 3)
  for (const wrong of ['K', '1T', '1 K', '-1', '1.5M'])
    t.throws(() => read(wrong), /must be a number of bytes/)
})

t.test('a setting of words takes its words letter for letter', async (t) => {
  const read = (text?: string) => choice(text, 'C', ['defer', 'accept'], 'defer')
  t.equal(read(''), 'defer')
  t.equal(read('accept'), 'accept')
  t.throws(() => read('Accept'), { message: 'C="Accept": must be defer or accept' })
})

t.test(
  'a line is split at blanks, quotes hold words together, and no other character is special',
  async (t) => {
    const split = (line: string) => splitWords(line, 'L')
    t.same(split('  a  b\tc\n'), ['a', 'b', 'c'])
    t.same(split(`'a b' "c 'd'" e'f g'h ''`), ['a b', "c 'd'", 'ef gh', ''])
    t.same(split('$HOME *.c \\n `x` | > ;'), ['$HOME', '*.c', '\\n', '`x`', '|', '>', ';'])
    t.same(split(''), [])
    for (const open of ["'a", 'a "b', `"a'`]) t.throws(() => split(open), /is not closed; close it/)
  },
)

t.test('any words that are quoted and joined come back from the line', async (t) => {
  const word = fc.string({ maxLength: 8 }).filter((text) => !text.includes("'"))
  fc.assert(
    fc.property(fc.array(word, { maxLength: 5 }), (words) => {
      t.same(splitWords(words.map((word) => `'${word}'`).join(' '), 'L'), words)
    }),
  )
})
