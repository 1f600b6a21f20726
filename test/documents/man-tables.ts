import { exit, exitMeanings } from '../../src/doors/shared/replies/exit-codes.ts'
import { oddities } from '../../src/mime/oddities.ts'
import { withDefaults } from './man-defaults.ts'
import { readPage } from './man-page.ts'

/** What the code knows of man pages, and `npm run docs` writes into them. */

type Row = readonly [tag: string, text: string]

/** The first list of each of these sections of onescan-queue(8). */
const tables: Readonly<Record<string, readonly Row[]>> = {
  'EXIT STATUS': Object.values(exit).map((code) => [String(code), exitMeanings[code]!]),
  'ODD MAIL': Object.entries(oddities).map(([name, what]) => [name, asSentence(what)]),
}

const pages: Readonly<Record<string, (page: string) => string>> = {
  'onescan-queue.8': (page) =>
    withDefaults(Object.entries(tables).reduce(withTable, page), 'onescan-queue'),
  'onescan-quotad.8': (page) => withDefaults(page, 'onescan-quotad'),
  'onescanc.8': (page) => withDefaults(page, 'onescanc'),
}

/** The names of the man pages that have something of this, each with its text as the code has it. */
export function generatedManPages(): readonly (readonly [name: string, text: string])[] {
  return Object.entries(pages).map(([name, generate]) => [name, generate(readPage(name))])
}

function withTable(page: string, [heading, rows]: [string, readonly Row[]]): string {
  const section = page.indexOf(`.Sh ${heading}\n`)
  const start = page.indexOf('.It ', section)
  const end = page.indexOf('.El\n', section)
  if (section < 0 || start < 0 || end < start) throw new Error(`${heading} has no list`)
  const list = rows.map(([tag, text]) => `.It ${tag}\n${text}\n`).join('')
  return page.slice(0, start) + list + page.slice(end)
}

function asSentence(text: string): string {
  return `${text[0]!.toUpperCase()}${text.slice(1)}.`
}
