import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'

/** `npm test` and `npm run package` begin on whatever Node a Debian has: Debian 12 has Node 18. */

const root = join(import.meta.dirname, '../..')
/** What later ones have, as far as somebody has used it here. */
const LATER =
  /import\.meta\.(?:dirname|filename)|\.to(?:Sorted|Reversed|Spliced)\(|withResolvers|\bglobSync\b/

for (const start of ['test/run.mjs', 'packaging/packages/package-checkout.mjs']) {
  t.test(`imports of ${start} need no later Node`, async (t) => {
    const files = importedBy(join(root, start))
    t.ok(files.size > 3)
    for (const file of files) t.notMatch(readFileSync(file, 'utf8'), LATER, file)
  })
}

t.test('tests run on a Node that does not report the available memory', async (t) => {
  const older = join(t.testdir({ 'older.cjs': 'delete process.availableMemory' }), 'older.cjs')
  const file = join(import.meta.dirname, 'temporary.mjs')
  const code = `import(${JSON.stringify(file)}).then((it) => it.temporaryDirectory({}))`
  const { status, stderr } = spawnSync(process.execPath, ['--require', older, '-e', code])
  t.equal(status, 0, String(stderr))
})

/** The file and those that it imports, and that these import. */
function importedBy(file: string, known = new Set<string>()): Set<string> {
  if (known.has(file)) return known
  known.add(file)
  const text = readFileSync(file, 'utf8')
  for (const [, name] of text.matchAll(/(?:from |import\()'(\.[^']+\.mjs)'/g)) {
    importedBy(join(dirname(file), name!), known)
  }
  return known
}
