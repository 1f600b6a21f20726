import { join } from 'node:path'
import t from 'tap'
import { checkSettings } from '../../../src/cli/check/check-settings.ts'
import { complaints, host } from './host.ts'

const eicar = { QHPSI: 'plugin: eicar' }

t.test('settings that can be read, and what they do', async (t) => {
  const findings = checkSettings(host({ ...eicar, REJECTVIRUS: '1' }))
  t.same(complaints(findings), [])
  t.match(findings.find(({ what }) => what === 'infected mail')?.value, 'is refused')
})

t.test('the switch is told, with the way back', async (t) => {
  const home = t.testdir({ control: { 'onescan.off': '' } })
  const [finding] = checkSettings(host({ ...eicar, QMAILHOME: home }))
  const file = join(home, 'control/onescan.off')
  t.match(finding, { level: 'warning', value: file, remedy: /onescan enable/ })
})

t.test('without QHPSI nothing is scanned', async (t) => {
  t.same(complaints(checkSettings(host({}))), ['error QHPSI'])
})

t.test('what the slot would stumble over is told in its words', async (t) => {
  const of = (env: Record<string, string>) =>
    checkSettings(host({ ...eicar, ...env })).filter(({ level }) => level === 'error')
  t.match(of({ SCANTIMEOUT: 'soon' }), [{ value: /SCANTIMEOUT soon: must be/ }])
  t.match(of({ QHPSI: "'open" }), [{ value: /is not closed/ }])
  t.match(of({ SCANFAIL: 'maybe' }), [{ value: /SCANFAIL maybe/ }])
  t.match(of({ SPOOLDIR: 'relative' }), [{ value: /SPOOLDIR relative/ }])
})

t.test('mail that gets in unscanned is a choice, but a visible one', async (t) => {
  t.same(complaints(checkSettings(host({ ...eicar, SCANFAIL: 'accept' }))), [
    'warning unscanned mail',
  ])
  const relay = checkSettings(host({ ...eicar, SCANFAIL_RELAY: 'accept' }))
  t.match(relay.at(-1), { level: 'ok', value: /accepted for relay clients/ })
})
