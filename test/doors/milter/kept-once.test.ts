import t from 'tap'
import { readQuarantine } from '../../cases/kept.ts'
import { infected } from '../../cases/messages.ts'
import { buildStage } from '../../cases/stage.ts'
import { openMilter } from './rig.ts'

/** An MTA that fails after the milter's answer has its client send the message again. */

t.test('a retry is in quarantine once, beside other mail', async (t) => {
  const { scanner: QHPSI, quarantine: QUARANTINE } = buildStage(t)
  const milter = await openMilter(t, { QHPSI, QUARANTINE, VERDICTS: 'off' })
  const mail = (field: string) => Buffer.concat([Buffer.from(`${field}\n`), infected])
  const send = async (message: Buffer, recipients: readonly string[], sender = 'a@example.org') => {
    t.equal((await milter.submit({ message, recipients, sender })).outcome, 'dropped')
    return / kept=(\S+)/.exec(milter.mailLog.findLast((line) => line.includes('kept='))!)![1]
  }
  const both = ['b@example.org', 'c@example.org']
  const first = await send(mail('Received: from x by y; first try'), both)
  t.equal(await send(mail('Received: from x by y; second try'), both), first)
  t.equal(await send(mail('DKIM-Signature: v=1'), both.toReversed()), first, 'in another order')
  t.same(
    (await readQuarantine(QUARANTINE)).map(({ record }) => record.id),
    [first],
  )
  const others = [
    await send(mail('Message-ID: <2@example.org>'), both),
    await send(mail('Date: Sat, 21 Nov 2026 12:00:00 +0000'), both),
    await send(mail('X-Other: field'), both),
    await send(mail('Received: a'), ['b@example.org']),
    await send(mail('Received: a'), both, 'other@example.org'),
    await send(Buffer.concat([mail('Received: a'), Buffer.from('more\n')]), both),
  ]
  t.equal(new Set([first, ...others]).size, 7)
  t.equal((await readQuarantine(QUARANTINE)).length, 7)
})
