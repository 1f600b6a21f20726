import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { readPage, section } from './man-page.ts'

/** The names of metrics, in onescand(8): dashboards and alerts count on them. */

const root = join(import.meta.dirname, '../..')
const source = readFileSync(join(root, 'src/observe/live/metric-set.ts'), 'utf8')
const named = new Set(
  [...source.matchAll(/'((?:onescan|process)_[a-z_]+)'/g)].map(([, name]) => name!),
)

t.test('onescand(8) has exactly the metrics of the program', async (t) => {
  t.ok(named.size > 20, 'the names were found')
  const page = section(readPage('onescand.8'), 'HTTP')
  const items = [...page.matchAll(/^\.It Va (.*)$/gm)].flatMap(([, names]) => names!.split(' , '))
  t.same(items.sort(), [...named].sort())
})
