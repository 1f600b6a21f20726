import { exit, exitMeanings } from '../../src/doors/shared/replies/exit-codes.ts'
import { oddities } from '../../src/mime/oddities.ts'
import { readPage } from './man-page.ts'

/** The man page that has tables which the code knows; `npm run docs` writes them. */
export const PAGE_WITH_TABLES = 'onescan-queue.8'

type Row = readonly [tag: string, text: string]

/** The first list of each of these sections. */
const tables: Readonly<Record<string, readonly Row[]>> = {
  'EXIT STATUS': Object.values(exit).map((code) => [String(code), exitMeanings[code]!]),
  'ODD MAIL': Object.entries(oddities).map(([name, what]) => [name, asSentence(what)]),
}

/** The page with its tables as the code has them. */
export function pageWithTables(): string {
  let page = readPage(PAGE_WITH_TABLES)
  for (const [heading, rows] of Object.entries(tables)) {
    const section = page.indexOf(`.Sh ${heading}\n`)
    const start = page.indexOf('.It ', section)
    const end = page.indexOf('.El\n', section)
    if (section < 0 || start < 0 || end < start) throw new Error(`${heading} has no list`)
    const list = rows.map(([tag, text]) => `.It ${tag}\n${text}\n`).join('')
    page = page.slice(0, start) + list + page.slice(end)
  }
  return page
}

function asSentence(text: string): string {
  return `${text[0]!.toUpperCase()}${text.slice(1)}.`
}
