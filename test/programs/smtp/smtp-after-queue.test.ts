import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { bytes } from '../../cases/case.ts'
import { buildStage } from '../../cases/stage.ts'
import { until } from '../../run/until.ts'
import { startOnescand } from '../../scanner/daemon/process.ts'
import { example } from '../example.ts'
import { bodyOf, headerValues } from '../header-values.ts'
import { freePort } from '../host/free-port.ts'
import { openDirectory } from '../host/reachable.ts'
import { opensmtpdMissing, startOpenSmtpd } from '../servers/opensmtpd.ts'
import { startReceiver } from '../servers/smtp-receiver.ts'
import { sendMail } from '../servers/smtp-session.ts'

/**
 * OpenSMTPD sends its mail through onescand and takes it back on another port, as its page sets it up, and a host's
 * own rules stay.
 */

const mail = (line: string) => bytes(`Subject: x\nTo: ben@example.org\n\n${line}\n.\n`)

t.test('behind the queue of OpenSMTPD', { skip: opensmtpdMissing }, async (t) => {
  const stage = buildStage(t)
  const receiver = await startReceiver(t)
  const [recipients, domains] = ['recipients', 'domains'].map((name) =>
    join(openDirectory(t), name),
  )
  writeFileSync(recipients!, 'ben@example.org\n')
  writeFileSync(domains!, 'example.org\n')
  const [port, filter, back] = [await freePort(), await freePort(), await freePort()]
  const added = example('opensmtpd/opensmtpd.conf', {
    '/etc/smtpd.recipients': recipients!,
    '/etc/smtpd.domains': domains!,
    10025: filter,
    10026: back,
  })
  const configuration = `listen on 127.0.0.1 port ${port}
    action "deliver" relay host smtp://127.0.0.1:${receiver.port}
    ${added}
    match from any for domain "example.org" action "deliver"
    match from any for domain "example.net" action "deliver"\n`
  const mta = await startOpenSmtpd(t, configuration, port)
  // One for all: OpenSMTPD leaves a host alone for a while that has closed its connection.
  const onescand = await startOnescand(t, {
    args: ['--smtp', `inet:127.0.0.1:${filter}`, '--next', `inet:127.0.0.1:${back}`, '--after-queue'],
    settings: { QHPSI: stage.scanner, REJECTVIRUS: '1' },
  }) // biome-ignore format: a list
  const send = (message: Buffer, ...to: string[]) =>
    sendMail(port, { from: 'ann@example.net', to, message })

  t.test('clean mail is tagged, and its text is untouched', async (t) => {
    t.match((await send(mail('hello'), 'ben@example.org')).data, /^250 /)
    const { message, recipients } = await receiver.next()
    t.same(recipients, ['ben@example.org'])
    t.same(headerValues(message, 'X-QHPSI'), ['clean'])
    t.equal(bodyOf(message).toString(), 'hello\n.\n')
    await until(() => mta.queued() === 0, 'the queue is empty')
    t.notMatch(mta.log(), /result="TempFail"/, 'at the first attempt')
  })

  t.test('mail for an unknown user is refused at once, not returned later', async (t) => {
    const { rcpt } = await send(mail('x'), 'nobody-here@example.org', 'Ben@example.org')
    t.match(rcpt, [/^550 /, /^250 /])
    t.same((await receiver.next()).recipients, ['Ben@example.org'])
    await until(() => mta.queued() === 0, 'the queue is empty')
  })

  t.test('mail for another domain goes by the rule that the host had for it', async (t) => {
    t.match((await send(mail('x'), 'ben@example.net')).data, /^250 /)
    const { message } = await receiver.next()
    t.same(headerValues(message, 'X-QHPSI'), [])
    await until(() => mta.queued() === 0, 'the queue is empty')
  })

  t.test('mail that could not be scanned stays in the queue', async (t) => {
    await send(mail('TROUBLE'), 'ben@example.org')
    await until(
      () => /451 4\.7\.1 message could not be scanned/.test(mta.log()),
      'the MTA logs the deferral',
    )
    t.equal(mta.queued(), 1)
  })

  t.test('mail stays in the queue while onescand is away', async (t) => {
    onescand.kill()
    await onescand.ended
    const before = receiver.count()
    await send(mail('later'), 'ben@example.org')
    await until(() => mta.queued() >= 2, 'both mails are queued')
    t.equal(receiver.count(), before)
  })
})
