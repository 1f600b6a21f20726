import { exit, exitMeanings } from '../../src/doors/shared/replies/exit-codes.ts'
import type { FromClient } from '../../src/ground/settings/table/kinds.ts'
import { names, table } from '../../src/ground/settings/table.ts'
import { oddities } from '../../src/mime/oddities.ts'
import { withDefaults } from './man-defaults.ts'
import { readPage } from './man-page.ts'

/** What the code knows of man pages, and `npm run docs` writes into them. */

type Row = readonly [tag: string, text: string]

/** The first list of each of these sections, by page. */
const tables: Readonly<Record<string, Readonly<Record<string, readonly Row[]>>>> = {
  'onescan-queue.8': {
    'EXIT STATUS': Object.values(exit).map((code) => [String(code), exitMeanings[code]!]),
    'ODD MAIL': Object.entries(oddities).map(([name, what]) => [name, asSentence(what)]),
  },
  'onescand.8': {
    'CLIENTS OF THE SLOT': [
      ['as the client has it, else its own', settingsOf('taken')],
      ['as the client has it, set or not', settingsOf('client', 'message')],
      ['unless it is laxer than its own', settingsOf('bounded')],
      ['never: its own counts', settingsOf('asked')],
    ],
  },
}

const withTables = (name: string) => (page: string) =>
  Object.entries(tables[name]!).reduce(withTable, page)

const pages: Readonly<Record<string, (page: string) => string>> = {
  'onescan-queue.8': (page) => withDefaults(withTables('onescan-queue.8')(page), 'onescan-queue'),
  'onescan-quotad.8': (page) => withDefaults(page, 'onescan-quotad'),
  'onescanc.8': (page) => withDefaults(page, 'onescanc'),
  'onescand.8': withTables('onescand.8'),
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

/** The names of settings, as mdoc(7). */
function settingsOf(...kinds: readonly FromClient[]): string {
  const found = names.filter((name) => kinds.includes(table[name].fromClient))
  return `.Ev ${found.join(' , ')} .`
}

function asSentence(text: string): string {
  return `${text[0]!.toUpperCase()}${text.slice(1)}.`
}
