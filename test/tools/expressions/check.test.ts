import { globSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { checkExpressions } from '../../../tools/expressions/check.mjs'

/** Components whose expressions mail, or who sends it, can reach. */
const COMPONENTS = 'mail,scan/scanners,scan/rules,scan/stamps,scan/judge'

t.test('no expression that mail can reach takes more than linear time', async (t) => {
  const files = globSync(`{${COMPONENTS}}/**/*.ts`, {
    cwd: join(import.meta.dirname, '../../../src'),
  })
  const { troubles, count } = checkExpressions(files.sort())
  t.same(troubles, [])
  t.ok(count > 50, `${count} expressions`)
})
