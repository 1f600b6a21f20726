import { globSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { BUILT_ONLY, COMPONENTS, stretches } from '../../../tools/mutants/components.mjs'

const root = join(import.meta.dirname, '../../..')
const find = (glob: string) => globSync(glob, { cwd: root })

for (const [component, { files, tests, builtTests = [] }] of Object.entries(COMPONENTS)) {
  t.test(`npm run mutants -- ${component} finds the component and its tests`, async (t) => {
    for (const glob of [...files, ...tests, ...builtTests].flatMap(alternatives)) {
      t.ok(find(glob).length > 0, glob)
    }
  })
}

t.test(
  'each file of src is in a component, or runs only as a program that was built',
  async (t) => {
    const asked = new Set(Object.values(COMPONENTS).flatMap(({ files }) => files.flatMap(find)))
    const built = BUILT_ONLY.flatMap(find)
    const sources = find('src/**/*.ts').filter((file) => !file.endsWith('.d.ts'))
    t.ok(sources.length > 100)
    t.same(
      sources.filter((file) => !asked.has(file) && !built.includes(file)),
      [],
    )
    for (const glob of BUILT_ONLY) t.ok(find(glob).length > 0, glob)
  },
)

t.test('one stretch of lines in N of a large component is changed, across files', async (t) => {
  const lengths = [20, 35, 7, 23]
  t.same(stretches(lengths, 2), [
    { file: 0, first: 1, last: 15 },
    { file: 1, first: 11, last: 25 },
    { file: 2, first: 6, last: 7 },
    { file: 3, first: 1, last: 13 },
  ])
  const all = stretches(lengths, 1).reduce((sum, { first, last }) => sum + last - first + 1, 0)
  t.equal(all, 85)
})

/** `{a,b}/{c,d}` as `a/c`, `a/d`, `b/c`, `b/d`: a list matches even if one of its names is of nothing. */
function alternatives(glob: string): string[] {
  const [whole, names] = /\{([^{}]*)\}/.exec(glob) ?? []
  if (whole === undefined || names === undefined) return [glob]
  return names.split(',').flatMap((name) => alternatives(glob.replace(whole, name)))
}
