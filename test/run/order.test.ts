import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import t from 'tap'
import { longest, longestFirst } from './order.mjs'

const root = join(import.meta.dirname, '../..')

t.test('every test file is run once, and those that are named as long come first', async (t) => {
  const order = longestFirst(root)
  t.same(order.slice(0, longest.length), longest)
  const found = execFileSync('find', ['test', '-name', '*.test.ts'], { cwd: root })
  t.same(order.toSorted(), found.toString().trim().split('\n').sort())
})
