import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { LARGE } from '../bench/databases.ts'
import { type Results, shortReport } from '../bench/report.ts'

/** The page with the results of a run of `npm run bench`. */
export const BENCHMARK = 'doc/development/benchmark.md'

const MARK = '<!-- npm run docs: tools/bench/results.json -->\n'
/** Of these forms of mail. results.json has others, too. */
const FORMS: ReadonlySet<string | undefined> = new Set(['4 KB text', '100 KB file', '5 MB file'])
const root = join(import.meta.dirname, '../..')

/** The page with its results, between their mark and the next heading. */
export function benchmarkPage(): string {
  const page = readFileSync(join(root, BENCHMARK), 'utf8')
  const results = JSON.parse(
    readFileSync(join(root, 'tools/bench/results.json'), 'utf8'),
  ) as Results
  const figures = results.figures.filter(
    ({ database, form }) => database === LARGE && FORMS.has(form),
  )
  const start = page.indexOf(MARK) + MARK.length
  const end = page.indexOf('\n\n## ', start)
  if (start < MARK.length || end < 0) throw new Error(`${BENCHMARK} has no ${MARK}`)
  return `${page.slice(0, start)}\n${shortReport({ ...results, figures })}${page.slice(end)}`
}
