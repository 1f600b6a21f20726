import t from 'tap'
import { Base64Runs } from '../../../src/mime/structure/base64-runs.ts'

/** The runs of base64 in a text, and `joined:` with what is taken for one run. */
function runsIn(text: string, most = Number.POSITIVE_INFINITY): string[] {
  const found: string[] = []
  const runs = new Base64Runs({
    found(kind, { from, to }) {
      const run = text.slice(from - 100, to - 100)
      found.push(kind === 'base64' ? run : `joined:${run}`)
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

t.test('runs with at most three other lines between them are also taken for one', async (t) => {
  const apart = (lines: number) => `${long}${'a b\n\n'.repeat(lines)}${long}`
  t.same(runsIn(apart(3)), [long, long, `joined:${apart(3)}`])
  t.same(runsIn(apart(4)), [long, long])
  t.same(runsIn(`${apart(4)}!\n${long}`), [long, long, long, `joined:${long}!\n${long}`])
  t.same(runsIn(`${long}!\n!\n${long}!\n!\n${long}`).length, 4, 'the count begins anew')
})

t.test('no more runs are looked at than asked for', async (t) => {
  const apart = `a b\n\n`.repeat(9)
  const text = `${long}${apart}`.repeat(4)
  t.same(runsIn(text, 4), [long, long, long, long, 'over'])
  t.same(runsIn(text, 2), [long, long, 'over'])
  t.same(runsIn(text, 0), [])
})
