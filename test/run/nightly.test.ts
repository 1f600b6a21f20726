import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { leftOut, withoutNightly } from './nightly.mjs'

const everyTime = ['test/judge/judge.test.ts', 'test/load/node.test.ts']
const all = [...everyTime, 'test/load/compiled.test.ts', 'test/packaging/arm64.test.ts']

t.test('npm test leaves out what takes long, and says so in a line', async (t) => {
  const ran = withoutNightly(all)
  t.same(ran, everyTime)
  for (const name of ran.slice(1)) t.ok(existsSync(join(import.meta.dirname, '../..', name)), name)
  t.match(leftOut(all, ran), /^left to npm run test:all: 2 files \(.*test\/load\/, .*\), each case/)
})
