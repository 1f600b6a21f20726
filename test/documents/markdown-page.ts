import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '../..')

/** The source of a page: `doc/security.md`. */
export const readMarkdown = (path: string): string => readFileSync(join(root, path), 'utf8')

/**
 * The page with the rows of a table made again: the first below a heading, such as `## Time`. The titles of its
 * columns stay. Throws if there is no such table.
 */
export function withRows(
  page: string,
  heading: string,
  rows: readonly (readonly string[])[],
): string {
  const { start, end } = tableBelow(page, heading)
  const table = rows.map((cells) => `\n| ${cells.join(' | ')} |`).join('')
  return page.slice(0, start) + table + page.slice(end)
}

/** The rows of that table, each as its cells. */
export function rowsBelow(page: string, heading: string): string[][] {
  const { start, end } = tableBelow(page, heading)
  const lines = page.slice(start, end).split('\n').filter(Boolean)
  return lines.map((line) => line.slice(2, -2).split(' | '))
}

/** Where the rows are, with the line end before the first. */
function tableBelow(page: string, heading: string): { start: number; end: number } {
  const section = page.indexOf(`\n${heading}\n`)
  const next = page.indexOf('\n#', section + 1)
  const line = page.indexOf('\n| --- |', section)
  if (section < 0 || line < 0 || (next >= 0 && line > next)) {
    throw new Error(`${heading} has no table`)
  }
  const start = page.indexOf('\n', line + 1)
  const end = page.indexOf('\n\n', start)
  return { start, end: end < 0 ? page.length - 1 : end }
}

/** The block below the comment `<!-- NAME -->`. */
export function markedBlock(page: string, name: string): string {
  const [, after] = page.split(`<!-- ${name} -->\n\`\`\`\n`)
  if (after === undefined) throw new Error(`there is no example ${name}`)
  return after.split('```\n')[0]!
}
