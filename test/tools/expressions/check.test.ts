import { globSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { checkExpressions } from '../../../tools/expressions/check.mjs'

/** Components whose expressions mail, or who sends it, can reach: commands read the logs of mail servers, and show subjects. */
const COMPONENTS = ['mail', 'scanner/scan', 'scanner/doors', 'scanner/cli']

t.test('no expression that mail can reach takes more than linear time', async (t) => {
  const cwd = join(import.meta.dirname, '../../../src')
  const files = COMPONENTS.flatMap((component) => {
    const found = globSync(`${component}/**/*.ts`, { cwd })
    t.ok(found.length > 10, `${component} is a component`)
    return found
  })
  const { troubles, count } = await checkExpressions(files.sort())
  t.same(troubles, [])
  t.ok(count > 50, `${count} expressions`)
})
