import fc from 'fast-check'
import t from 'tap'
import { compileGlob } from '../../../src/base/text/glob.ts'
import { timeOf } from '../../programs/host/processor-time.ts'

for (const wildcards of ['*', '*?'] as const) {
  t.test(`patterns with ${wildcards} match as a regular expression does`, async () => {
    const letters = (characters: string) =>
      fc.array(fc.constantFrom(...characters), { maxLength: 12 }).map((list) => list.join(''))
    const any = wildcards === '*?' ? '.' : '\\?'
    fc.assert(
      fc.property(letters('aB.?'), letters('ab.*?'), (text, pattern) => {
        const source = pattern.replaceAll('.', '\\.').replaceAll('?', any).replaceAll('*', '.*')
        const expected = new RegExp(`^${source}$`, 'is').test(text)
        return compileGlob(pattern, wildcards)(text) === expected
      }),
      { numRuns: 2000 },
    )
  })
}

t.test('a pattern of many stars is not slower', async (t) => {
  const most = 2_000
  const took = await timeOf(() => {
    t.notOk(compileGlob(`${'*a'.repeat(50)}b`, '*?')('a'.repeat(10_000)))
  }, most)
  t.ok(took <= most, `${took} ms`)
})
