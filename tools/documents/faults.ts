import { readMarkdown, withRows } from '../../test/documents/markdown-page.ts'
import { type Fault, hosts } from '../../test/packaging/broken-hosts.ts'

/** The page about faults of hosts that `onescan check` names. */
export const FAULTS = 'doc/development/faults.md'

/** The page with the tables of its hosts as the test has them. */
export function faultsPage(): string {
  const listed = hosts.filter(({ faults }) => faults.length > 0)
  return listed.reduce(
    (page, { title, faults }) => withRows(page, `## ${title}`, faults.map(rowOf)),
    readMarkdown(FAULTS),
  )
}

function rowOf({ name, reported: { level, what, value } }: Fault): readonly string[] {
  return [name, `${level} \`${what}: ${textOf(value)}\``]
}

/** An expression as a text to read: what it leaves open is `…`. */
const textOf = ({ source }: RegExp): string =>
  `${source.startsWith('^') ? '' : '…'}${source}${source.endsWith('$') ? '' : '…'}`
    .replace(/^\^|\$$/g, '')
    .replace(/\((?:\\\/|[a-z|])+\)\?/g, '')
    .replace(/\\[dw]\+|\.\*/g, '…')
    .replace(/\\(.)/g, '$1')
    .trim()
