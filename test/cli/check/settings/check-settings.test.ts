import { join } from 'node:path'
import t from 'tap'
import { checkSettings } from '../../../../src/cli/check/settings/check-settings.ts'
import { complaints, host } from '../shared/host.ts'

const eicar = { QHPSI: 'plugin: eicar' }

t.test('valid settings are reported with what they do', async (t) => {
  const findings = checkSettings(host({ ...eicar, REJECTVIRUS: '1' }))
  t.same(complaints(findings), [])
  t.match(findings.find(({ what }) => what === 'infected mail')?.value, 'is refused')
})

t.test('the switch is reported, with the command that removes it', async (t) => {
  const home = t.testdir({ control: { 'onescan.off': '' } })
  const [finding] = checkSettings(host({ ...eicar, QMAILHOME: home }))
  const file = join(home, 'control/onescan.off')
  t.match(finding, { level: 'warning', value: file, remedy: /onescan enable/ })
})

t.test('without QHPSI nothing is scanned', async (t) => {
  t.same(complaints(checkSettings(host({}))), ['error QHPSI'])
})

t.test("a setting that would stop the slot is reported in the slot's words", async (t) => {
  const of = (env: Record<string, string>) =>
    checkSettings(host({ ...eicar, ...env })).filter(({ level }) => level === 'error')
  t.match(of({ SCANTIMEOUT: 'soon' }), [{ value: /SCANTIMEOUT soon: must be/ }])
  t.match(of({ QHPSI: "'open" }), [{ value: /is not closed/ }])
  t.match(of({ SCANFAIL: 'maybe' }), [{ value: /SCANFAIL maybe/ }])
  t.match(of({ SPOOLDIR: 'relative' }), [{ value: /SPOOLDIR relative/ }])
})

t.test('a setting that lets mail in unscanned is a warning', async (t) => {
  t.same(complaints(checkSettings(host({ ...eicar, SCANFAIL: 'accept' }))), [
    'warning unscanned mail',
  ])
  const relay = checkSettings(host({ ...eicar, SCANFAIL_RELAY: 'accept' }))
  t.match(relay.at(-1), { level: 'ok', value: /accepted for relay clients/ })
})

t.test('the finding about infected mail says where it is kept', async (t) => {
  const of = (env: Record<string, string>) =>
    checkSettings(host({ QHPSI: 'plugin: eicar', ...env })).map(({ value }) => value)
  t.match(of({ QUARANTINE: '/q', REJECTVIRUS: '0' }).join(), 'is kept in /q,is deferred')
  t.match(
    of({ QUARANTINE: 'hold', SCANFAIL: 'quarantine' }).join(),
    'is held by the MTA,is kept in',
  )
  t.match(of({ QUARANTINE: '/q', REJECTVIRUS: '1' }).join(), 'is refused')
})

t.test('every line of a policy by rule is read', async (t) => {
  const of = (text: string) => {
    const QMAILHOME = t.testdir({ control: { 'onescan.policy': text } })
    const found = checkSettings(host({ ...eicar, QMAILHOME }))
    return found.filter(({ what }) => what === 'policy by rule')
  }
  t.match(of('to=a scan off\n'), [{ level: 'ok', value: /onescan\.policy, 1 lines$/ }])
  t.match(of('to=a scan off\nto=b SCANFAIL=maybe\n'), [
    { level: 'error', value: /onescan\.policy line 2: SCANFAIL maybe: must be/ },
  ])
  t.match(of('nonsense\n'), [{ level: 'error', value: /line 1: nonsense: is no condition/ }])
})
