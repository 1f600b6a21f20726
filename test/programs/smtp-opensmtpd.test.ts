import { setTimeout as wait } from 'node:timers/promises'
import t from 'tap'
import { bytes } from '../cases/case.ts'
import { buildStage } from '../cases/stage.ts'
import { startOnescand } from '../doors/daemon/process.ts'
import { example } from './example.ts'
import { freePort } from './free-port.ts'
import { bodyOf, headerValues } from './header-values.ts'
import { opensmtpdMissing, startOpenSmtpd } from './opensmtpd.ts'
import { startReceiver } from './smtp-receiver.ts'
import { openSmtp } from './smtp-session.ts'

/**
 * OpenSMTPD sends its mail through onescand and takes it back on another port, as the documents set
 * it up.
 */

const mail = (line: string) => bytes(`Subject: x\nTo: ben@example.org\n\n${line}\n.\n`)

t.test('behind the queue of OpenSMTPD', { skip: opensmtpdMissing }, async (t) => {
  const stage = buildStage()
  t.teardown(stage.remove)
  const receiver = await startReceiver()
  const [port, filter, back] = [await freePort(), await freePort(), await freePort()]
  const text = example('opensmtpd.conf', {
    '0.0.0.0 port 25': `127.0.0.1 port ${port}`,
    10025: filter,
    10026: back,
    'action "deliver" maildir': `action "deliver" relay host smtp://127.0.0.1:${receiver.port}`,
  })
  const opensmtpd = await startOpenSmtpd(t, text, port)
  t.teardown(async () => {
    await opensmtpd.stop()
    await receiver.stop()
  })

  // One for all: OpenSMTPD leaves a host alone for a while that has closed its connection.
  const onescand = startOnescand(t, {
    args: ['--smtp', `inet:127.0.0.1:${filter}`, '--next', `inet:127.0.0.1:${back}`, '--after-queue'],
    settings: { QHPSI: stage.scanner, REJECTVIRUS: '1' },
  }) // biome-ignore format: a list
  await onescand.logged(/serving/)
  const send = async (message: Buffer) => {
    const session = await openSmtp(port)
    const to = ['ben@example.org']
    const sent = await session.send({ from: 'ann@example.net', to, message })
    await session.quit()
    return sent.data
  }

  t.test('clean mail is tagged, and its text is untouched', async (t) => {
    t.match(await send(mail('hello')), /^250 /)
    const { message, recipients } = await receiver.next()
    t.same(recipients, ['ben@example.org'])
    t.same(headerValues(message, 'X-QHPSI'), ['clean'])
    t.equal(bodyOf(message).toString(), 'hello\n.\n')
    t.notMatch(opensmtpd.log(), /result="TempFail"/, 'at the first attempt')
  })

  t.test('mail that could not be scanned stays in the queue', async (t) => {
    await send(mail('TROUBLE'))
    while (!/451 4\.7\.1 message could not be scanned/.test(opensmtpd.log())) await wait(20)
    t.equal(opensmtpd.queued(), 1)
  })

  t.test('mail stays in the queue while onescand is away', async (t) => {
    onescand.kill()
    await onescand.ended
    const before = receiver.count()
    await send(mail('later'))
    while (opensmtpd.queued() < 2) await wait(20)
    t.equal(receiver.count(), before)
  })
})
