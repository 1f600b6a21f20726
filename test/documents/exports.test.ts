import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { readSource, type SourceFile, sourceFiles } from '../../tools/documents/source-files.ts'

/**
 * What src/ exports has a user: an export without one is dead, or its file's own business. plugin.ts is for plug-ins
 * of sites.
 */

const src = join(import.meta.dirname, '../../src')
const others = globSync(
  ['../{test,tools,packaging}/**/*.{ts,mts,mjs}', 'scanner/daemon/http/page/**/*.js'],
  {
    cwd: src,
    exclude: (path) => /node_modules/.test(path),
  },
).map((path) => readSource(path, readFileSync(join(src, path), 'utf8')))

t.test('each export of src/ is imported by another file', async (t) => {
  const ofSources = sourceFiles.filter(({ path }) => path !== 'scanner/plugin.ts')
  t.same(unused(ofSources, others), [])
})

t.test('an export without a user is found', async (t) => {
  const one = readSource('a/one.ts', 'export function send() {}\nexport const LIMIT = 1\n')
  const two = readSource('b/two.ts', "import { send } from '../a/one.ts'\n")
  t.same(unused([one, two], []), ['a/one.ts: LIMIT'])
  const test = readSource('../test/a/one.test.ts', "import { LIMIT } from '../../src/a/one.ts'\n")
  t.same(unused([one, two], [test]), [])
})

function unused(sources: readonly SourceFile[], users: readonly SourceFile[]): string[] {
  const used = new Set(
    [...sources, ...users].flatMap(({ uses }) =>
      uses.map(({ from, name }) => `${from.replace('../src/', '')}: ${name}`),
    ),
  )
  return sources
    .flatMap(({ path, exports }) => exports.map((name) => `${path}: ${name}`))
    .filter((name) => !used.has(name))
}
