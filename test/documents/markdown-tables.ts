/**
 * The page with the rows of a table made anew: the first below a heading, such as `## Time`. The titles of its
 * columns stay. Throws if there is no such table.
 */
export function withRows(
  page: string,
  heading: string,
  rows: readonly (readonly string[])[],
): string {
  const section = page.indexOf(`\n${heading}\n`)
  const next = page.indexOf('\n#', section + 1)
  const line = page.indexOf('\n| --- |', section)
  if (section < 0 || line < 0 || (next >= 0 && line > next)) {
    throw new Error(`${heading} has no table`)
  }
  const start = page.indexOf('\n', line + 1)
  const end = page.indexOf('\n\n', start)
  const table = rows.map((cells) => `\n| ${cells.join(' | ')} |`).join('')
  return page.slice(0, start) + table + (end < 0 ? '\n' : page.slice(end))
}
