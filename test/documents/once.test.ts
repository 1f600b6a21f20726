import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { settingNames } from '../../src/base/settings/table.ts'
import { proseOfPages } from './prose.ts'

/** A fact is stated on one page, and other pages link to it. */

const root = join(import.meta.dirname, '../..')
const userPages = globSync('doc/*.md', { cwd: root }).sort()

/** Sentences from this length on are facts; shorter ones are steps, such as "Then run these commands". */
const WORDS = 10

t.test('no sentence is on two pages', async (t) => {
  const pagesOf = new Map<string, Set<string>>()
  for (const { page, text } of proseOfPages()) {
    if (text.split(' ').length < WORDS || text.includes('CODE CODE')) continue
    pagesOf.set(text, (pagesOf.get(text) ?? new Set()).add(page))
  }
  const twice = [...pagesOf].filter(([, pages]) => pages.size > 1)
  t.same(
    twice.map(([text, pages]) => `${[...pages].join(', ')}: ${text}`),
    [],
  )
})

t.test('what a setting is by default, and its figures, are explained on one page', async (t) => {
  const paragraphs = userPages.flatMap((page) =>
    readFileSync(join(root, page), 'utf8')
      .replaceAll(/^ *```[\s\S]*?^ *```$/gm, '')
      .split(/\n\s*\n|\n(?=[-|] )|(?<=[.:]) (?=[A-Z`])/)
      .map((text) => ({ page, text: text.replaceAll(/\s+/g, ' ') })),
  )
  const explained = new Map<string, Set<string>>()
  for (const { page, text } of paragraphs) {
    for (const name of settingNames) {
      const isNamed = new RegExp(`\`${name}\``).test(text)
      if (!isNamed || !/\bdefault\b|\b\d+ (?:days?|hours?|minutes?|seconds?|MB|GB|MiB|KB)\b/.test(text)) continue // biome-ignore format: a line
      explained.set(name, (explained.get(name) ?? new Set()).add(page))
    }
  }
  t.ok(explained.size > 5, `${explained.size} settings are explained`)
  const twice = [...explained].filter(([, pages]) => pages.size > 1)
  t.same(
    twice.map(([name, pages]) => `${name}: ${[...pages].join(', ')}`),
    [],
  )
})
