import t from 'tap'
import { EICAR } from '../../src/scan/shared/eicar-file.ts'
import { clamavMilterMissing, startClamavMilter } from './clamav-milter.ts'
import { clamdMissing, EICAR_NAME, startClamd } from './clamd.ts'
import { postfixMissing, startPostfix } from './postfix.ts'
import { inputMailFilter, sendmailMissing, startSendmail } from './sendmail.ts'
import { startReceiver } from './smtp-receiver.ts'
import { sendBySmtp, swaksMissing } from './swaks.ts'

/**
 * The MTAs of the milter's tests, with somebody else's milter: it shows that the tests measure the
 * MTAs right.
 */

const skip = clamdMissing || clamavMilterMissing || swaksMissing

const mail = (port: number, body: string) => ({
  port,
  from: 'ann@example.net',
  to: 'ben@example.org',
  message: `Subject: through a milter\n\n${body}\n`,
})

t.test('clamav-milter behind real MTAs', { skip }, async (t) => {
  const clamd = await startClamd()
  t.teardown(() => clamd.stop())
  const milter = await startClamavMilter(clamd, { transport: 'unix' })
  t.teardown(milter.stop)

  t.test('Postfix tags clean mail, and refuses a virus', { skip: postfixMissing }, async (t) => {
    const receiver = await startReceiver()
    t.teardown(receiver.stop)
    const postfix = await startPostfix(receiver.port, {
      smtpd_milters: milter.address,
      non_smtpd_milters: milter.address,
    })
    t.teardown(postfix.stop)
    const clean = await sendBySmtp(mail(postfix.port, 'hello'))
    t.equal(clean.code, 0, clean.transcript)
    const { sender, recipients, message } = await receiver.next()
    t.same([sender, recipients], ['ann@example.net', ['ben@example.org']])
    t.match(message.toString(), /^X-Virus-Status: Clean$/m)
    t.match(message.toString(), /\n\nhello\n\n$/, 'swaks adds an empty line')
    const infected = await sendBySmtp(mail(postfix.port, EICAR))
    t.match(infected.transcript, `550 5.7.1 virus ${EICAR_NAME}`)

    postfix.submit(Buffer.from('To: ben@example.org\n\nby hand\n'), '-t', '-f', 'ann@example.net')
    const local = await receiver.next()
    t.match(local.message.toString(), /^X-Virus-Status: Clean$/m)
    t.equal(receiver.count(), 2)
  })

  t.test('Sendmail tags clean mail, and refuses a virus', { skip: sendmailMissing }, async (t) => {
    const receiver = await startReceiver()
    t.teardown(receiver.stop)
    const sendmail = await startSendmail(receiver.port, inputMailFilter('clamav', milter.address))
    t.teardown(sendmail.stop)
    const clean = await sendBySmtp(mail(sendmail.port, 'hello'))
    t.equal(clean.code, 0, clean.transcript)
    const { sender, recipients, message } = await receiver.next()
    t.same([sender, recipients], ['ann@example.net', ['ben@example.org']])
    t.match(message.toString(), /^X-Virus-Status: Clean$/m)
    t.match(message.toString(), /\n\nhello\n\n$/, 'swaks adds an empty line')
    const infected = await sendBySmtp(mail(sendmail.port, EICAR))
    t.match(infected.transcript, `550 5.7.1 virus ${EICAR_NAME}`)
    t.equal(receiver.count(), 1)
  })
})
