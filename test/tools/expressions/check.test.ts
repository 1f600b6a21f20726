import t from 'tap'
import { checkExpressions } from '../../../tools/expressions/check.mjs'

t.test('no expression takes more than linear time, unless it states why it may', async (t) => {
  const { troubles, count } = await checkExpressions()
  t.same(troubles, [])
  t.ok(count > 500, `${count} expressions`)
})
