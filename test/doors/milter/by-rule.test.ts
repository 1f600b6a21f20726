import t, { type Test } from 'tap'
import { readQuarantine } from '../../cases/kept.ts'
import { infected, plain } from '../../cases/messages.ts'
import { buildStage } from '../../cases/stage.ts'
import { everything, oldest } from './mta.ts'
import { openMilter } from './rig.ts'

/** onescan.policy for recipients of one message, by milter. */

function ruled(t: Test, lines: string) {
  const stage = buildStage()
  t.teardown(() => stage.remove())
  const policy = stage.file('control/onescan.policy', lines)
  const CONTROLDIR = policy.slice(0, policy.lastIndexOf('/'))
  return { stage, settings: { QHPSI: stage.scanner, CONTROLDIR, QUARANTINE: stage.quarantine } }
}

for (const offer of [everything, oldest]) {
  t.test(
    `a recipient that a rule refuses is refused at RCPT, version ${offer.version}`,
    async (t) => {
      const { settings } = ruled(
        t,
        'auth scan off\nto=gone@example.org refuse "moved"\nclient=198.51.100.0/24 refuse\n',
      )
      const milter = await openMilter(t, settings)
      const recipients = ['gone@example.org', 'b@example.org']
      const got = await milter.submit({ message: plain, recipients }, offer)
      t.same(got.refusals, ['550 5.7.1 moved'])
      t.equal(got.outcome, 'delivered')
      t.same(got.recipients, ['b@example.org'])
      t.match(
        milter.mailLog.join(''),
        /^onescan: decision=reject grounds=policy rule=2 reply=550 door=milter .*remote=192\.0\.2\.7 .*to=<gone@/,
      )
      const authenticated = await milter.submit(
        { message: plain, recipients, authenticated: 'alice' },
        offer,
      )
      t.same(authenticated.refusals, [], 'the first line that fits counts')
      t.same(authenticated.recipients, recipients)
      const client = '198.51.100.7'
      const all = await milter.submit({ message: plain, recipients, client }, offer)
      t.same(all.refusals, ['550 5.7.1 moved', '550 5.7.1 refused by local policy'])
    },
  )
}

t.test('a milter that may not remove recipients keeps the message from all of them', async (t) => {
  const { settings, stage } = ruled(t, 'to=skip@example.org scan off\n')
  const milter = await openMilter(t, settings)
  const recipients = ['skip@example.org', 'keep@example.org']
  const offer = { ...everything, actions: 0x1ff & ~0x08 }
  const got = await milter.submit({ message: infected, recipients }, offer)
  t.equal(got.outcome, 'dropped')
  const kept = await readQuarantine(stage.quarantine)
  t.same(
    kept.map(({ record }) => record.recipients),
    [recipients],
  )
})

t.test('a message that the MTA holds is held from all recipients', async (t) => {
  const { settings } = ruled(t, 'to=skip@example.org scan off\n')
  const milter = await openMilter(t, { ...settings, QUARANTINE: 'hold' })
  const recipients = ['skip@example.org', 'keep@example.org']
  const got = await milter.submit({ message: infected, recipients })
  t.match(got.held, /virus Test-Virus/)
  t.same(got.recipients, recipients)
})
