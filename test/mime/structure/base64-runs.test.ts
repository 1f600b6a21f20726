import t from 'tap'
import { Base64Runs } from '../../../src/mime/structure/base64-runs.ts'

/** The runs of base64 in a text, and `blocks:` with all of a text that has blocks. */
function runsIn(text: string, most = Number.POSITIVE_INFINITY): string[] {
  const found: string[] = []
  const runs = new Base64Runs({
    found(kind, { from, to }) {
      const run = text.slice(from - 100, to - 100)
      found.push(kind === 'base64' ? run : `blocks:${run}`)
    },
    over: () => found.push('over'),
  })
  runs.look(most)
  runs.lines(Buffer.from(text), 0, text.length, 100)
  runs.end()
  return found
}

const long = 'YWJjYWJjYWJjYWJ\n' // sixteen bytes with its line end

t.test('a run of base64 has at least sixteen bytes, and blank lines do not end it', async (t) => {
  t.same(runsIn(`a b\n${long}c d\n`), [long])
  t.same(runsIn('YWJjYWJjYWJjYW\n'), [])
  t.same(runsIn(`${long}\n \n${long}!\n`), [`${long}\n \n${long}`])
  t.same(runsIn('YWJjYWJj\nYWJjYWJj'), ['YWJjYWJj\nYWJjYWJj'])
})

t.test('a text with a block of four lines is told from its first run to its last', async (t) => {
  const block = 'YWJjYWJj\n'.repeat(4)
  const text = `YWJj\n${'a b\n'.repeat(50)}${block}.\n${long}.\nYWJj\n`
  t.same(runsIn(`a b\n${text}a b\n`), [block, long, `blocks:${text}`])
  t.same(runsIn(text, 1), [block, 'over', `blocks:${text}`], 'whether or not more is looked at')
  t.same(runsIn(`${'A'.repeat(763)}\n`).length, 2, 'a line of 764 bytes is one of four')
  t.same(runsIn(`${'A'.repeat(761)}\n`).length, 1)
})

t.test('no more runs are looked at than asked for', async (t) => {
  const apart = `a b\n\n`.repeat(9)
  const text = `${long}${apart}`.repeat(4)
  t.same(runsIn(text, 4), [long, long, long, long, 'over'])
  t.same(runsIn(text, 2), [long, long, 'over'])
  t.same(runsIn(text, 0), [])
})
