import t from 'tap'
import { bytes } from '../../cases/case.ts'
import { buildStage } from '../../cases/stage.ts'
import { startOnescand } from '../../scanner/daemon/process.ts'
import { headerValues } from '../header-values.ts'
import { freePort } from '../host/free-port.ts'
import { sendmailMissing, startSendmail } from '../servers/sendmail.ts'
import { startReceiver } from '../servers/smtp-receiver.ts'
import { openSmtp } from '../servers/smtp-session.ts'

/** Sendmail sends its mail through onescand, and has no queue runner that would try again. */

t.test('behind the queue of Sendmail', { skip: sendmailMissing }, async (t) => {
  const stage = buildStage(t)
  const receiver = await startReceiver(t)
  const filter = await freePort()
  const sendmail = await startSendmail(t, filter)
  await startOnescand(t, {
    args: ['--smtp', `inet:127.0.0.1:${filter}`, '--next', `inet:127.0.0.1:${receiver.port}`, '--after-queue'],
    settings: { QHPSI: stage.scanner },
  }) // biome-ignore format: a list

  t.test('mail is scanned and passed on at the first attempt', async (t) => {
    const session = await openSmtp(sendmail.port)
    const to = ['ben@example.org', 'cem@example.org']
    for (const [text, tag] of [['hello', 'clean'], ['VIRUS', 'virus found']]) {
      const message = bytes(`Subject: x\nTo: ben@example.org\n\n${text}\n`)
      t.match((await session.send({ from: 'ann@example.net', to, message })).data, /^250 /)
      const mail = await receiver.next()
      t.same([[...mail.recipients].sort(), headerValues(mail.message, 'X-QHPSI')], [to, [tag]])
    } // biome-ignore format: a list
    await session.quit()
  })
})
