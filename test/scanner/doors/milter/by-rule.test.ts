import t, { type Test } from 'tap'
import { infected as found } from '../../../../src/scanner/scan/scanners/findings/scan-result.ts'
import { readQuarantine } from '../../../cases/kept.ts'
import { infected, plain } from '../../../cases/messages.ts'
import { buildStage } from '../../../cases/stage.ts'
import { everything, oldest } from './mta.ts'
import { openMilter } from './rig.ts'

/** onescan.policy for recipients of one message, by milter. */

function ruled(t: Test, lines: string) {
  const stage = buildStage(t)
  const { scanner: QHPSI, quarantine: QUARANTINE } = stage
  return { stage, settings: { QHPSI, CONTROLDIR: stage.rules(lines), QUARANTINE } }
}

for (const offer of [everything, oldest]) {
  const version = `version ${offer.version}`
  t.test(`a recipient that a rule refuses is refused at RCPT, ${version}`, async (t) => {
    const rules =
      'auth scan off\nto=gone@example.org refuse "moved"\nclient=198.51.100.0/24 refuse\n'
    const milter = await openMilter(t, ruled(t, rules).settings)
    const recipients = ['gone@example.org', 'b@example.org']
    const mail = { message: plain, recipients, parameters: ['SIZE=150'] }
    const got = await milter.submit(mail, offer)
    t.same(got.refusals, ['550 5.7.1 moved'])
    t.equal(got.outcome, 'delivered')
    t.same(got.recipients, ['b@example.org'])
    t.match(
      milter.mailLog.join(''),
      /^onescan: decision=reject grounds=policy rule=2 reply=550 interface=milter remote=192\.0\.2\.7 size=150 from=<a@example\.org> to=<gone@example\.org>\n/,
    )
    const authenticated = await milter.submit({ ...mail, authenticated: 'alice' }, offer)
    t.same(authenticated.refusals, [], 'the first line that fits counts')
    t.same(authenticated.recipients, mail.recipients)
    const all = await milter.submit({ ...mail, client: '198.51.100.7' }, offer)
    t.same(all.refusals, ['550 5.7.1 moved', '550 5.7.1 refused by local policy'])
  })
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
  t.equal(got.held, 'onescan: virus Test-Virus')
  t.same(got.recipients, recipients)
  for (const [finding, reason] of [
    [found(`\x07${'x'.repeat(300)}`), `onescan: virus ?${'x'.repeat(300)}`.slice(0, 200)],
    [{ ...found('attachment a.exe'), isBanned: true }, 'onescan: banned attachment a.exe'],
    [{ answer: 'unread', kind: 'encrypted', reason: 'it is' }, 'onescan: encrypted'],
  ] as const) {
    const holding = { ...settings, QUARANTINE: 'hold', FINDINGS: 'encrypted=quarantine' }
    const other = await openMilter(t, holding, { scan: async () => finding })
    t.equal((await other.submit({ message: plain })).held, reason)
  }
})

t.test('a recipient that is not plain is the one that the MTA names, or is refused', async (t) => {
  const { settings } = ruled(t, 'to=gone@example.org refuse "moved"\nto=trap.example scan off\n')
  const milter = await openMilter(t, settings)
  const odd = 'gone@example.org(@trap.example'
  const submit = (recipient: string, resolved?: string) =>
    milter.submit({
      message: infected,
      recipients: [recipient],
      ...(resolved === undefined ? {} : { resolved: { [recipient]: resolved } }),
    })
  t.same((await submit(odd, 'gone@example.org')).refusals, ['550 5.7.1 moved'])
  const [refusal] = (await submit(odd)).refusals
  t.match(refusal, /^501 5\.1\.3 write the recipient as <user@domain>/)
  t.match((await submit(odd, 'gone')).refusals, [/^501 5\.1\.3 /])
  t.match(
    milter.mailLog.at(-2),
    /decision=reject reason=".*" reply=501 interface=milter .*to=<gone@/,
  )
  const trapped = await submit('x@trap.example (gone@example.org)', 'x@trap.example')
  t.same([trapped.outcome, trapped.refusals], ['delivered', []])
  t.match(milter.mailLog.at(-1), /decision=accept scan=skipped rule=2 .*to=<x@trap\.example>/)
})

t.test('postmaster without a domain is the mailbox that the MTA makes of it', async (t) => {
  const { settings, stage } = ruled(t, 'to=gone.example refuse\nto=example.org scan off\n')
  const milter = await openMilter(t, settings)
  const mail = { message: infected, recipients: ['postmaster', 'x@example.org'] }
  const scanned = await milter.submit({ ...mail, resolved: { postmaster: 'postmaster@b.example' } })
  t.same([scanned.outcome, scanned.recipients], ['delivered', ['x@example.org']])
  const [kept] = await readQuarantine(stage.quarantine)
  t.same(kept!.record.recipients, ['postmaster@b.example'])
  const passed = await milter.submit({
    ...mail,
    resolved: { postmaster: 'postmaster@example.org' },
  })
  t.same(passed.recipients, mail.recipients)
  for (const resolved of [{}, { postmaster: 'postmaster' }]) {
    const unknown = await milter.submit({ ...mail, resolved })
    t.match(unknown.refusals, [/^550 5\.7\.1 /], 'it may be that of any line that refuses mail')
  }
})

t.test('a message is deferred if the MTA may not find a recipient to remove', async (t) => {
  const { settings, stage } = ruled(t, 'to=skip@example.org scan off\n')
  const route = '@r.example:ben@example.org'
  const mail = {
    message: infected,
    recipients: ['skip@example.org', route],
    resolved: { [route]: 'ben@example.org' },
  }
  const milter = await openMilter(t, settings)
  const kept = await milter.submit(mail)
  t.match([kept.outcome, kept.reply], ['deferred', /^451 4\.3\.0 /])
  t.match(
    milter.mailLog[0],
    /fault=envelope reason="a recipient must be removed, but its address is not user@domain/,
  )
  t.same(await readQuarantine(stage.quarantine), [], 'and it is kept for nobody')
  const { QUARANTINE: _, CONTROLDIR: __, ...others } = settings
  const forwarding = await openMilter(t, { ...others, VIRUSFORWARD: 'v@example.org' })
  t.equal((await forwarding.submit(mail)).outcome, 'deferred')
  t.equal(
    (await forwarding.submit({ ...mail, recipients: ['ben@example.org'] })).outcome,
    'delivered',
  )
})
