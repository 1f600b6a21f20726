import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { promises } from './promises.ts'

/** The tests that the page of security relies on are there, under the names that it gives. */

const root = join(import.meta.dirname, '../..')
const read = (path: string) => readFileSync(join(root, path), 'utf8')

/** Promises at least, and tests at least: what is taken out by mistake is noticed. */
const PROMISES = 85
const TESTS = 290

const named = Object.values(promises)
  .flatMap((byPromise) => Object.values(byPromise))
  .map((byFile) =>
    Object.entries(byFile).flatMap(([path, titles]) => titles.map((title) => ({ path, title }))),
  )

t.test('each test that a promise names exists', async (t) => {
  t.ok(named.length >= PROMISES, `${named.length} promises`)
  t.ok(named.flat().length >= TESTS, `${named.flat().length} tests`)
  for (const tests of named) t.ok(tests.length > 0, 'a promise has a test')
  for (const { path, title } of named.flat()) t.ok(isThere(path, title), `${path}: ${title}`)
})

t.test('each chapter of the promises is one of the page of security', async (t) => {
  const page = read('doc/security.md')
  for (const chapter of Object.keys(promises)) t.match(page, new RegExp(`^##+ ${chapter}$`, 'm'))
})

/** Whether the file has a test of that name, which may be made up of parts in a template. */
function isThere(path: string, title: string): boolean {
  const source = read(path)
  return [`'${title}'`, `"${title}"`, `\`${title}\``].some((form) => source.includes(form))
}
