import { readMarkdown, rowsBelow, withRows } from '../../test/documents/markdown-page.ts'
import { CHECK_OF_PAGES, typed } from '../../test/documents/typed-blocks.ts'
import { hostWays } from '../../test/packaging/host-ways.ts'
import { hostsWithFaults } from '../../test/packaging/hosts-with-faults.ts'

/** The page with the results of the nightly tests of whole hosts, on each release of Debian. */
export const HOST_RESULTS = 'test/packaging/README.md'

/** The releases, in the order of the columns. */
const RELEASES = ['12', '13']

/** The cell of what no log has shown. */
const NOT_RUN = 'not run'

/** A row of the page: test cases that have passed only if all of them have. */
interface Row {
  readonly name: string
  readonly file: string
  /** The path of its one test case, or the beginning of those of all of its cases. */
  readonly path: string
  readonly count: number
  /** What WAY or FAULT chooses by, if a variable chooses among the rows of its file. */
  readonly choice?: readonly [variable: 'WAY' | 'FAULT', text: string]
}

const WAYS = 'test/packaging/host-ways.test.ts'
const DELAY = 'test/packaging/delay-way.test.ts'
const PAGES = 'test/packaging/pages.test.ts'
const FAULTS = 'test/packaging/remedies.test.ts'
/** The way of this package has a test of its own. */
const OF_DELAY = 'smtp-delay with systemd before qmail'

/** The tables, by their headings. */
const tables = new Map<string, readonly Row[]>([
  [
    '## Ways of the pages',
    [
      ...hostWays.map(
        ({ name }): Row => ({ name, file: WAYS, path: name, count: 2, choice: ['WAY', name] }),
      ),
      { name: OF_DELAY, file: DELAY, path: OF_DELAY, count: 1 },
    ],
  ],
  ['## Commands of the pages', rowsOfPages()],
  ...hostsWithFaults.map(({ title, faults }): [string, Row[]] => [
    `## Faults: ${title}`,
    faults.map(({ name }) => ({
      name,
      file: FAULTS,
      path: `${title} > ${name}`,
      count: 1,
      choice: ['FAULT', `${title}: ${name}`],
    })),
  ]),
])

/** One row for each page and host on which its blocks are typed, and one for what check then says of that host. */
function rowsOfPages(): Row[] {
  const hosts = new Set(typed.map(({ on = 'Postfix' }) => on))
  const checks = [...hosts].map((on) => [`${on} > ${CHECK_OF_PAGES}`, 1] as const)
  const counts = new Map<string, number>()
  for (const { page, on = 'Postfix' } of typed) {
    const path = `${on} > ${page}`
    counts.set(path, (counts.get(path) ?? 0) + 1)
  }
  return [...counts, ...checks].map(([path, count]) => ({
    name: path.split(' > ').reverse().join(', '),
    file: PAGES,
    path,
    count,
  }))
}

/** Returns the page with a row for each way, page and fault. Results that it has stay, except those of `logs`, by release. */
export function hostResultsPage(
  logs: readonly (readonly [release: string, log: string])[] = [],
  page: string = readMarkdown(HOST_RESULTS),
): string {
  const results = logs.map(([release, log]) => ({ at: columnOf(release), read: readLog(log) }))
  return [...tables].reduce((whole, [heading, rows]) => {
    const before = new Map(rowsBelow(whole, heading).map(([name, ...cells]) => [name, cells]))
    const after = rows.map((row) => {
      const cells = before.get(row.name) ?? RELEASES.map(() => NOT_RUN)
      for (const { at, read } of results) cells[at] = read.get(row) ?? cells[at]!
      return [row.name, ...cells]
    })
    return withRows(whole, heading, after)
  }, page)
}

function columnOf(release: string): number {
  const at = RELEASES.indexOf(release)
  if (at < 0) throw new Error(`${release}: is none of ${RELEASES.join(', ')}`)
  return at
}

/** The line of a run about a test file when it has ended, and the lines about its failures below it. */
const OF_FILE = /^ {2}(test\/\S+): (?:(\d+) passed)?.*, processor /
const FAILURE = /^ {4}failed: (.*)$/

/** Returns the results in the output of `npm test`, which lists only what failed. Throws if it does not show what was run. */
function readLog(log: string): Map<Row, string> {
  const results = new Map<Row, string>()
  const lines = log.split('\n')
  for (const [at, line] of lines.entries()) {
    const [, file, passed = '0'] = OF_FILE.exec(line) ?? []
    const rows = [...tables.values()].flat().filter((row) => row.file === file && isChosen(row))
    if (file === undefined || rows.length === 0) continue
    const end = lines.findIndex((other, index) => index > at && OF_FILE.test(other))
    const below = lines.slice(at + 1, end < 0 ? undefined : end)
    const failures = below.flatMap((text) => FAILURE.exec(text)?.[1] ?? [])
    // Of a host that could not be set up, the failure stands for all of its cases.
    const lost = failures.map((failure) => rows.find(({ path }) => path === failure)?.count ?? 1)
    const count = Number(passed) + lost.reduce((sum, cases) => sum + cases, 0)
    const expected = rows.reduce((sum, row) => sum + row.count, 0)
    if (count !== expected)
      throw new Error(
        `${file}: has ${count} of ${expected} cases: set WAY and FAULT as in that run`,
      )
    const strange = failures.find((failure) => !rows.some((row) => isOf(row, failure)))
    if (strange !== undefined) throw new Error(`${file}: no row has the failure ${strange}`)
    for (const row of rows)
      results.set(row, failures.some((failure) => isOf(row, failure)) ? 'FAILED' : 'passed')
  }
  return results
}

/** Returns whether a failure, by its path, is one of a row: before the name of a host, tests have words that all of them share. */
const isOf = ({ path }: Row, failure: string) =>
  ` ${failure}`.endsWith(` ${path}`) ||
  [' > ', ': '].some((next) => ` ${failure}`.includes(` ${path}${next}`))

function isChosen({ choice }: Row): boolean {
  if (choice === undefined) return true
  const [variable, text] = choice
  return (process.env[variable] ?? '').split('|').some((words) => text.includes(words))
}
