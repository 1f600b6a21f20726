import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { findEvidence } from './evidence.ts'
import { promises } from './promises.ts'

/** Each promise of the pages about security has tests that show it. */

/** Promises at least, and tests at least: what is taken out by mistake is noticed. */
const PROMISES = 85
const TESTS = 290

const evidence = findEvidence()

t.test('each promise has a test, and each test that shows one names a promise', async (t) => {
  const words = Object.values(promises).flatMap((byWord) => Object.keys(byWord))
  t.equal(new Set(words).size, words.length, 'no word stands for two promises')
  t.ok(words.length >= PROMISES, `${words.length} promises`)
  t.ok(evidence.length >= TESTS, `${evidence.length} tests`)
  for (const word of words) {
    t.ok(
      evidence.some(({ promise }) => promise === word),
      `a test shows ${word}`,
    )
  }
  for (const { promise, file, line, title } of evidence) {
    t.ok(words.includes(promise), `${file}:${line}: ${promise} is a promise`)
    t.not(title, '', `${file}:${line}: a test stands below`)
  }
})

t.test('each chapter of the promises is one of the pages about security', async (t) => {
  const read = (name: string) => readFileSync(join(import.meta.dirname, '../../doc', name), 'utf8')
  const pages = ['security', 'rules-for-root', 'content-scanners']
    .map((name) => read(name === 'security' ? 'security.md' : `development/${name}.md`))
    .join('\n')
  for (const chapter of Object.keys(promises)) t.match(pages, new RegExp(`^#+ ${chapter}$`, 'm'))
})
