import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '../..')

/** The source of a man page: `onescan-queue.8`. */
export const readPage = (name: string): string => readFileSync(join(root, 'man', name), 'utf8')

/** The source of one section, without its heading. */
export function section(page: string, heading: string): string {
  const [, found] = page.split(`.Sh ${heading}\n`)
  if (found === undefined) throw new Error(`there is no section ${heading}`)
  return found.split(/^\.Sh /m)[0]!
}

/** The tags of `.It` lines, each with the text up to the next one in one line. */
export function items(mdoc: string): [tag: string, text: string][] {
  return mdoc
    .split(/^\.It /m)
    .slice(1)
    .map((item) => {
      const [tag = '', ...lines] = item.split(/\n(?:\.El)?/)
      return [tag, lines.join(' ').trim()]
    })
}

/** Two columns of a `.Bl -column` list: the first cell of a row leads to the second. */
export function columns(mdoc: string): Map<string, string> {
  const rows = items(mdoc).map(([row]) => row.split(' Ta '))
  return new Map(rows.map(([first = '', second = '']) => [first, second]))
}

/** The display that is below `.\" example: NAME`, as a reader sees it. */
export function example(page: string, name: string): string {
  const [, after] = page.split(`.\\" example: ${name}\n.Bd -literal -offset indent\n`)
  if (after === undefined) throw new Error(`there is no example ${name}`)
  return after.split('.Ed\n')[0]!.replaceAll('\\e', '\\')
}
