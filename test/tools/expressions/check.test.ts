import { globSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { checkExpressions } from '../../../tools/expressions/check.mjs'

/** Rooms whose expressions mail, or who sends it, can reach. */
const ROOMS = 'mail,scan/scanners,scan/rules,scan/cluster,scan/judge'

t.test('no expression that mail can reach takes more than linear time', async (t) => {
  const files = globSync(`{${ROOMS}}/**/*.ts`, { cwd: join(import.meta.dirname, '../../../src') })
  const { troubles, count } = checkExpressions(files.sort())
  t.same(troubles, [])
  t.ok(count > 50, `${count} expressions`)
})
