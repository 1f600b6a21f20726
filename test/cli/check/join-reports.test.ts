import t from 'tap'
import { joinReports, type ServerReport } from '../../../src/cli/check/join-reports.ts'
import { error, type Finding, marked, ok, warning } from '../../../src/ground/errors/finding.ts'

/** The findings about several mail servers and onescand become one list. */

const down: Finding = { ...error('milter', 'is down', 'start it'), follows: 'stops the start' }
const report = (server: ServerReport['server'], ...findings: ServerReport['findings']) => {
  return { server, heading: server, findings }
}

t.test('findings name their mail server if there are several', async (t) => {
  const single = joinReports([report('Postfix', down)], [], [])
  t.same(single, [down])
  const both = joinReports([report('Postfix', down), report('Sendmail', ok('a', 'b'))], [], [])
  t.same(
    both.map(({ what }) => what),
    ['milter [Postfix]', 'a [Sendmail]'],
  )
})

t.test('a complaint of mail server and onescand is left in once, and all that is ok', async (t) => {
  const full = warning('spool', 'is full', 'free some')
  const well = ok('spool', 'has room')
  const servers = [report('Postfix', full, well)]
  t.same(joinReports(servers, [{ ...full, what: 'spool [onescand]' }, well], []), [
    well,
    full,
    well,
  ])
})

t.test('the word of an account hides nothing that root found', async (t) => {
  const full = warning('spool', 'is full', 'free some')
  const forged = { ...full, remedy: 'run this', account: 'mallory' }
  t.same(joinReports([report('qmail', forged)], [full], []), [full, forged])
  t.same(joinReports([report('Postfix', full)], [forged], []), [full])
  const well = { ...marked(ok('settings', 'are well'), 'stops the start'), account: 'mallory' }
  t.same(joinReports([report('Postfix', down)], [well], []), [well, down])
})

t.test('of a cause and what follows from it, the cause is told', async (t) => {
  const stopped = marked(error('settings [onescand]', 'is wrong', 'mend it'), 'stops the start')
  t.same(joinReports([report('Postfix', down)], [stopped], []), [stopped])
  t.same(
    joinReports([report('Postfix', down)], [], [stopped]),
    [down, stopped],
    'of another service',
  )
})
