import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'

/** A fact has one place, and pages do not grow by saying it again. README.md has its limit in readme.test.ts. */

const root = join(import.meta.dirname, '../..')

/** Manuals of the packages onescan-quotad and smtp-delay. */
const OF_OTHERS = /onescan-(?:quotad|rcptquota)|smtp-delay/

/** Words, with macros and code, of all these files together. */
const limits: readonly (readonly [files: string, most: number])[] = [
  ['doc/*.md', 12_060],
  ['doc/development/*.md', 12_642],
  ['man/*.*', 22_201],
]

for (const [files, most] of limits) {
  t.test(`${files} have at most ${most} words`, async (t) => {
    const pages = globSync(files, { cwd: root }).filter((page) => !OF_OTHERS.test(page))
    t.ok(pages.length >= 10)
    const words = pages.flatMap((page) => readFileSync(join(root, page), 'utf8').trim().split(/\s+/)) // biome-ignore format: a line
    t.ok(words.length <= most, `${words.length} words`)
  })
}

t.test('no manual is longer than the one with all commands', async (t) => {
  const pages = globSync('man/*.*', { cwd: root })
  const wordsIn = (page: string) => readFileSync(join(root, page), 'utf8').split(/\s+/).length
  for (const page of pages) t.ok(wordsIn(page) <= 4_200, `${page}: ${wordsIn(page)} words`)
})
