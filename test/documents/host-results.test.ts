import t from 'tap'
import { HOST_RESULTS, hostResultsPage } from '../../tools/documents/host-results.ts'
import { hostWays } from '../packaging/host-ways.ts'
import { readMarkdown, rowsBelow } from './markdown-page.ts'
import { typed } from './typed-blocks.ts'

/** The results of runs on whole hosts, as `npm run host-results` takes them from the output of `npm test`. */

const HEADING = '## Ways of the pages'
const WAYS = 'test/packaging/host-ways.test.ts'
const rowsAfter = (release: string, ...lines: readonly string[]) =>
  new Map(
    rowsBelow(hostResultsPage([[release, lines.join('\n')]]), HEADING).map(([name, ...cells]) => [
      name,
      cells,
    ]),
  )
const before = new Map(
  rowsBelow(readMarkdown(HOST_RESULTS), HEADING).map(([name, ...cells]) => [name, cells]),
)
const count = hostWays.length * 2

t.test('a log of all ways sets the column of its release', async (t) => {
  const rows = rowsAfter(
    '13',
    `  ${WAYS}: ${count - 1} passed, 1 failed, 2484.9 s, processor 430.6 s`,
    '    failed: qmail > an upgrade with mail flowing',
    '  test/packaging/other.test.ts: 1 failed, 1.0 s, processor 1.0 s',
    '    failed: Sendmail > as the page has it',
  )
  t.same(rows.get('qmail'), [before.get('qmail')?.[0], 'FAILED'])
  t.equal(rows.get('qmail, with vpopmail')?.[1], 'passed')
  t.equal(rows.get('Sendmail')?.[1], 'passed', 'of another file')
})

t.test('a way that could not be set up has failed, without results of its steps', async (t) => {
  const rows = rowsAfter(
    '12',
    `  ${WAYS}: ${count - 2} passed, 1 failed, 2484.9 s, processor 430.6 s`,
    '    failed: qmail, with vpopmail',
  )
  t.equal(rows.get('qmail, with vpopmail')?.[0], 'FAILED')
  t.equal(rows.get('qmail')?.[0], 'passed')
})

t.test('a block of a page that failed is a failure of the page on that host', async (t) => {
  const pages = 'test/packaging/pages.test.ts'
  const hosts = new Set(typed.map(({ on = 'Postfix' }) => on))
  const cases = typed.length + hosts.size // check is tried on each of them, too
  const log = `  ${pages}: ${cases - 1} passed, 1 failed, 585.3 s, processor 149.9 s
    failed: the pages, typed on a host with Exim > doc/exim.md: sh /usr/share/onescan/examples`
  const rows = rowsBelow(hostResultsPage([['12', log]]), '## Commands of the pages')
  const failed = rows.filter(([, cell]) => cell === 'FAILED').map(([name]) => name)
  t.same(failed, ['doc/exim.md, Exim'])
})

t.test('a log that does not show what was run is refused', async (t) => {
  t.throws(() => rowsAfter('12', `  ${WAYS}: 2 passed, 292.0 s, processor 40.4 s`), /set WAY/)
  const whole = `  ${WAYS}: ${count - 1} passed, 1 failed, 292.0 s, processor 40.4 s`
  t.throws(() => rowsAfter('12', whole, '    failed: no way'), /no row has the failure no way/)
  t.throws(() => rowsAfter('11', whole), /11: is none of 12, 13/)
})
