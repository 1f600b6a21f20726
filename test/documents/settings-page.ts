import type { Setting } from '../../src/ground/settings/table/kinds.ts'
import { chapters } from '../../src/ground/settings/table.ts'

/** The page of settings, whose tables are made from the table of the program. */
export const SETTINGS = 'doc/settings.md'

/** Returns the page with the table of each chapter made anew. Throws an Error if a chapter is missing. */
export function settingsPage(page: string): string {
  return chapters.reduce((text, { title, settings }) => {
    const tableOfChapter = new RegExp(`(\n### ${title}\n\n)(?:\\|.*\n)*`)
    if (!tableOfChapter.test(text)) throw new Error(`${SETTINGS} has no chapter ${title}`)
    return text.replace(tableOfChapter, (_, heading) => heading + tableOf(settings).join(''))
  }, page)
}

/** The lines of the table in Markdown. */
export function tableOf(settings: Readonly<Record<string, Setting>>): string[] {
  const rows = Object.entries(settings).map(([name, setting]) => {
    return `| \`${name}\` | ${defaultOf(setting)} | ${readersOf(setting)} | ${setting.help} |\n`
  })
  return ['| variable | default | read by | effect |\n', '| --- | --- | --- | --- |\n', ...rows]
}

function defaultOf({ default: byDefault, defaultInWords }: Setting): string {
  if (defaultInWords !== undefined) return defaultInWords
  if (byDefault === undefined) return 'none'
  return typeof byDefault === 'number'
    ? String(byDefault)
    : `\`${byDefault.replaceAll('|', '\\|')}\``
}

const readersOf = ({ readers }: Setting) =>
  readers.length === 3 ? 'all' : readers.length === 2 ? 'both' : readers.join()
