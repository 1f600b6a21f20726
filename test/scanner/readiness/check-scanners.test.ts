import { join } from 'node:path'
import t from 'tap'
import { checkScanners } from '../../../src/scanner/readiness/check-scanners.ts'
import { complaints } from '../../check-lines.ts'
import { lacks } from '../../needs.mjs'
import { host } from './host.ts'

const check = (QHPSI: string, more: Record<string, string> = {}) =>
  checkScanners(host({ QHPSI, ...more }))

t.test('a scanner that finds the test virus has no problem', async (t) => {
  const checkLines = await check('plugin: eicar')
  t.match(checkLines, [{ level: 'ok', what: 'scanner eicar', value: 'finds EICAR: EICAR-Test' }])
})

t.test('a command that finds nothing is an error', async (t) => {
  const [checkLine] = await check('/bin/true %s')
  t.match(checkLine, {
    level: 'error',
    what: 'scanner true',
    value: 'reports EICAR as clean',
    remedy: /^update the signatures of this scanner, or set QHPSI /,
    marks: ['finds no virus'],
    follows: ['needs signatures'],
  })
})

t.test('a scanner that finds nothing is not a problem if another one finds EICAR', async (t) => {
  const rules = (text: string) => ({ BADATTACHMENTS: join(t.testdir({ rules: text }), 'rules') })
  t.same(complaints(await check('plugin: eicar attachments', rules('name *.exe\n'))), [])
  t.same(complaints(await check('plugin: attachments', rules('name *.exe\n'))), [
    'error scanner attachments',
  ])
  const banned = await check('plugin: attachments', rules('name *.com\n'))
  t.match(banned, [{ level: 'error', value: /^bans ".*eicar\.com/ }], 'by its name, not as a virus')
})

t.test('a scanner with an unknown result is an error', async (t) => {
  t.match(await check('/nonexistent/scanner %s'), [
    { level: 'error', value: /returns no result \(.*no such file or directory/ },
  ])
  const [odd] = await check('/bin/sh -c "exit 7"')
  t.match(odd, { level: 'error', value: /exit code 7/ })
  t.match(odd?.value, /\), so mail is deferred$/)
  for (const [SCANFAIL, meanwhile] of [
    ['accept', 'accepted unscanned'],
    ['quarantine', 'quarantined'],
  ] as const) {
    const [checkLine] = await check('/bin/sh -c "exit 7"', { SCANFAIL })
    t.match(checkLine?.value, new RegExp(`so mail is ${meanwhile}$`))
  }
  t.match(await check('plugin: nosuch'), [{ level: 'error', value: /no such plugin/ }])
})

t.test('without QHPSI no scanner is tried', async (t) => {
  t.same(await checkScanners(host({})), [])
})

t.test(
  'the signatures of clamscan are counted, and not those of clamdscan',
  { skip: lacks('clamscan', 'clamdscan') },
  async (t) => {
    const CLAMDBDIR = t.testdir({ 'x.ndb': 'A:0:*:00\n' })
    const counted = async (QHPSI: string, more: Record<string, string> = {}) => {
      const env = { CLAMDBDIR, SPOOLDIR: '/nonexistent', ...more } // no scanner is started
      return (await check(QHPSI, env)).filter(({ value }) => value.includes(CLAMDBDIR))
    }
    t.match(await counted('plugin: clamscan'), [{ what: 'scanner clamscan' }])
    t.same(await counted('plugin: eicar'), [])
    t.same(await counted('/bin/true %s'), [])
  },
)
